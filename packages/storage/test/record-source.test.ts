import { execFileSync } from "node:child_process";
import { appendFileSync, closeSync, openSync, readdirSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { jsonLines, textLines, wholeFiles } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import { createRecordSource } from "../src/index.js";
import { fileOf, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const { reader } = textLines();

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("whole files", () => {
  test("are one record each, with their path, and no byte-order mark", async () => {
    const a = fileOf(folder, "a.txt", "\uFEFFone\r\ntwo\n");
    const b = fileOf(folder, "b.txt", "");
    expect(await recordsOf(wholeFiles().reader, [rangeOf(a), rangeOf(b)])).toEqual([
      { record: { path: a, text: "one\r\ntwo\n" }, offset: 0 },
      { record: { path: b, text: "" }, offset: 0 },
    ]);
  });

  test("follow the encoding options and the record limit", async () => {
    const path = fileOf(folder, "bytes.bin", Buffer.from([0x61, 0xff]));
    await expect(recordsOf(wholeFiles().reader, [rangeOf(path)])).rejects.toMatchObject({
      code: "INPUT_ENCODING",
    });
    const [latin] = await recordsOf(wholeFiles({ encoding: "latin1" }).reader, [rangeOf(path)]);
    expect(latin!.record).toEqual({ path, text: "aÿ" });
    const reading = recordsOf(wholeFiles({ encoding: "latin1" }).reader, [rangeOf(path)], {
      recordBytesMax: 1,
    });
    await expect(reading).rejects.toMatchObject({ code: "RECORD_TOO_LARGE", details: { path, offset: 0 } });
  });
});

describe("a file that is not as planned", () => {
  test("fails the task when its size or time has changed before it is opened", async () => {
    const path = fileOf(folder, "changed.txt", "a\n");
    const range = rangeOf(path);
    utimesSync(path, 1, 1);
    await expect(recordsOf(reader, [range])).rejects.toMatchObject({
      code: "INPUT_CHANGED",
      details: { path },
    });
    const grown = rangeOf(path);
    appendFileSync(path, "b\n");
    await expect(recordsOf(reader, [grown])).rejects.toMatchObject({ code: "INPUT_CHANGED" });
  });

  test("fails the task when it changes while it is read", async () => {
    const path = fileOf(folder, "changing.txt", "line\n".repeat(1000));
    const source = createRecordSource(reader, { blockBytes: 100 });
    const reading = (async () => {
      let batches = 0;
      for await (const _ of source.batches({ ranges: [rangeOf(path)] })) {
        batches += 1;
        if (batches === 3) appendFileSync(path, "more\n");
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "INPUT_CHANGED" });
  });

  test("is named with the system's reason when it is missing, unreadable or no file", async () => {
    const path = fileOf(folder, "there.txt", "a\n");
    const range = rangeOf(path);
    const missing = { ...range, path: join(folder, "gone.txt") };
    await expect(recordsOf(reader, [missing])).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
      details: { path: missing.path, osCode: "ENOENT" },
      message: `input not found: ${missing.path} (ENOENT: no such file or directory)`,
    });
    const tooLong = { ...range, path: join(folder, "x".repeat(300)) };
    await expect(recordsOf(reader, [tooLong])).rejects.toMatchObject({
      code: "INPUT_UNREADABLE",
      message: expect.stringContaining("ENAMETOOLONG: name too long"),
    });
    await expect(recordsOf(reader, [{ ...range, path: folder }])).rejects.toMatchObject({
      code: "INPUT_UNSUPPORTED",
    });
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(recordsOf(reader, [{ ...range, path: pipe }])).rejects.toMatchObject({
      code: "INPUT_UNSUPPORTED",
    });
  });
});

describe("resources", () => {
  test("stopping early or failing releases the file", async () => {
    const path = fileOf(folder, "early.txt", "line\n".repeat(1000));
    const before = openDescriptors();
    const source = createRecordSource(reader, { blockBytes: 100 });
    for await (const _ of source.batches({ ranges: [rangeOf(path)] })) break;
    const bad = fileOf(folder, "bad.jsonl", "{\n");
    await expect(recordsOf(jsonLines().reader, [rangeOf(bad)])).rejects.toThrow();
    expect(openDescriptors()).toBe(before);
  });

  test("a line of 600 MB is refused with file and offset, in bounded memory, by the range that it starts in", async () => {
    const path = fileOf(folder, "huge.txt", "short\n");
    truncateSync(path, 600_000_000);
    const descriptor = openSync(path, "a");
    appendFileSync(descriptor, "\nlast\n");
    closeSync(descriptor);
    const reading = recordsOf(reader, [rangeOf(path, 0, 100_000_000)]);
    await expect(reading).rejects.toMatchObject({ code: "RECORD_TOO_LARGE", details: { path, offset: 6 } });
    expect(process.resourceUsage().maxRSS).toBeLessThan(900 * 1024);
    expect(await recordsOf(reader, [rangeOf(path, 100_000_000, 140_000_000)])).toEqual([]);
    expect(await recordsOf(reader, [rangeOf(path, 580_000_000)])).toEqual([
      { record: "last", offset: 600_000_001 },
    ]);
  });
});
