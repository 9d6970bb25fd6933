import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { textLines } from "@fanfold/job";
import { expect, test } from "vitest";
import { planSplits, spoolStandardInput } from "../src/index.js";
import { recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();

test("standard input becomes a file that can be planned and read, compressed or not", async () => {
  const path = await spoolStandardInput(Readable.from([gzipSync("a\nb\n")]), folder);
  const splits = await planSplits({ inputs: [path], reader: textLines().reader, splitBytes: undefined });
  const found = await recordsOf(
    textLines().reader,
    splits.flatMap((split) => split.ranges),
  );
  expect(found.map((line) => line.record)).toEqual(["a", "b"]);
  await expect(spoolStandardInput(Readable.from(["c"]), folder)).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
  });
  expect(readFileSync(path)).toEqual(gzipSync("a\nb\n"));
});

test("a stream that fails leaves no file", async () => {
  const dir = temporaryFolder();
  const failing = new Readable({
    read() {
      this.destroy(new Error("the pipe broke"));
    },
  });
  await expect(spoolStandardInput(failing, dir)).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
    message: expect.stringContaining("the pipe broke"),
  });
  expect(existsSync(join(dir, "standard-input"))).toBe(false);
});
