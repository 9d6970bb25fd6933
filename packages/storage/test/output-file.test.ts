import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OutputFile } from "../src/output-file.js";
import { temporaryFolder } from "./files.js";

const folder = temporaryFolder();

/** Whether this process holds the file open. */
function isOpen(path: string): boolean {
  return readdirSync("/proc/self/fd").some((name) => {
    const link = `/proc/self/fd/${name}`;
    return existsSync(link) && readlinkSync(link) === path;
  });
}

test("a long file, synced on its way, is whole and closed in the end, and so is one that is given up meanwhile", async () => {
  const piece = Buffer.alloc(300_000, "fanfold ");
  const [path, other] = [join(folder, "long"), join(folder, "given-up")];
  const [file, givenUp] = [new OutputFile(path), new OutputFile(other)];
  const pieces = 120;
  for (let i = 0; i < pieces; i += 1) {
    file.writeRange(piece, 0, piece.length, 1);
    givenUp.writeRange(piece, 0, piece.length, 1);
  }
  givenUp.abort();
  await file.settled();
  const { bytes, records, sha256 } = file.close();
  const expected = Buffer.concat(Array.from({ length: pieces }, () => piece));
  expect([bytes, records]).toEqual([expected.length, pieces]);
  expect(readFileSync(path).equals(expected)).toBe(true);
  expect(sha256).toBe(createHash("sha256").update(expected).digest("hex"));
  await givenUp.settled();
  expect([isOpen(path), isOpen(other), existsSync(other)]).toEqual([false, false, false]);
});

test("a full disk is told apart from other reasons, when it is noticed while writing and when closing", () => {
  const isFull = expect.objectContaining({
    code: "DISK_FULL",
    details: { path: "/dev/full", osCode: "ENOSPC" },
    message: "no space left to write /dev/full (ENOSPC: no space left on device)",
  });
  const file = new OutputFile("/dev/full");
  expect(() => {
    for (let i = 0; i < 10_000; i += 1) file.writeRecord("x".repeat(100));
  }).toThrow(isFull);
  const small = new OutputFile("/dev/full");
  small.writeRecord("x");
  expect(() => small.close()).toThrow(isFull);
  expect(() => new OutputFile("/proc/nothing")).toThrow(
    expect.objectContaining({ code: "OUTPUT_UNWRITABLE" }),
  );
});
