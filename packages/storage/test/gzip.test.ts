import { truncateSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { csv, textLines, wholeFiles } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import { createRecordSource } from "../src/index.js";
import { fileOf, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const { reader } = textLines();
const text = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${"é".repeat(i % 40)}\n`).join("");

/** A member whose compressed form has exactly `bytes` bytes: stored, and filled up by its name (RFC 1952, FNAME). */
function memberOfSize(content: string, bytes: number): Buffer {
  const plain = gzipSync(content, { level: 0 });
  const name = Buffer.alloc(bytes - plain.length, "n");
  name[name.length - 1] = 0;
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = 8;
  return Buffer.concat([head, name, plain.subarray(10)]);
}

describe("gzip input", () => {
  test("is read as what it decompresses to, with offsets of that", async () => {
    const plain = fileOf(folder, "plain.txt", text);
    const packed = fileOf(folder, "packed.txt.gz", gzipSync(text));
    const expected = await recordsOf(reader, [rangeOf(plain)]);
    expect(await recordsOf(reader, [rangeOf(packed)])).toEqual(expected);
    const unnamed = fileOf(folder, "unnamed", gzipSync(text));
    expect(await recordsOf(reader, [rangeOf(unnamed)], { blockBytes: 5000 })).toEqual(expected);
  });

  test("may have several members, empty ones and zero padding too", async () => {
    const members = [gzipSync("a\nb"), gzipSync(""), gzipSync("c\nd\n"), Buffer.alloc(600)];
    const path = fileOf(folder, "members.gz", Buffer.concat(members));
    expect((await recordsOf(reader, [rangeOf(path)])).map((found) => found.record)).toEqual(["a", "bc", "d"]);
  });

  test.each([-1, 0, 1])(
    "may have a member end %i bytes from the end of what is read at once",
    async (distance) => {
      const first = memberOfSize("first\n", 256 * 1024 + distance);
      const path = fileOf(folder, "edge.gz", Buffer.concat([first, gzipSync("second\n"), Buffer.alloc(512)]));
      expect((await recordsOf(reader, [rangeOf(path)])).map((found) => found.record)).toEqual([
        "first",
        "second",
      ]);
      const garbage = fileOf(folder, "edge-garbage.gz", Buffer.concat([first, Buffer.from("\0\0garbage")]));
      await expect(recordsOf(reader, [rangeOf(garbage)])).rejects.toMatchObject({ code: "INPUT_CORRUPT" });
    },
  );

  test("that is cut short fails, at any length, and gives only whole lines before", async () => {
    const packed = gzipSync(text.slice(0, 2000), { level: 1 });
    for (let length = 3; length < packed.length; length += 7) {
      const path = fileOf(folder, "cut.gz", packed.subarray(0, length));
      const given: unknown[] = [];
      const reading = (async () => {
        const source = createRecordSource(reader, { blockBytes: 64 });
        for await (const batch of source.batches({ ranges: [rangeOf(path)] })) given.push(...batch.records);
      })();
      await expect(reading, `cut at ${length}`).rejects.toMatchObject({
        code: "INPUT_CORRUPT",
        details: { path },
      });
      expect(text.startsWith(given.map((line) => `${line}\n`).join(""))).toBe(true);
    }
  });

  test.each([
    ["garbage", Buffer.from("garbage")],
    ["zeros, then garbage", Buffer.from("\0\0\0x")],
    ["half a member", gzipSync("more\n").subarray(0, 12)],
  ])("with %s behind the last member fails", async (_, trailing) => {
    const path = fileOf(folder, "trailing.gz", Buffer.concat([gzipSync("data\n"), trailing]));
    await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({
      code: "INPUT_CORRUPT",
      details: { path },
    });
  });

  test("with a flipped bit in the data fails by its checksum", async () => {
    const packed = gzipSync(text, { level: 0 });
    packed[packed.length >> 1]! ^= 1;
    const path = fileOf(folder, "flipped.gz", packed);
    await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({ code: "INPUT_CORRUPT" });
  });

  test("that is named so but is something else is refused", async () => {
    const path = fileOf(folder, "not.gz", "plain text\n");
    await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({
      code: "INPUT_CORRUPT",
      message: expect.stringContaining("named .gz"),
    });
  });

  test("that expands a thousand times is read in bounded memory, and a record in it is limited", async () => {
    const bomb = fileOf(folder, "bomb.gz", gzipSync(Buffer.alloc(64 * 1024 * 1024, `${"0".repeat(1023)}\n`)));
    let records = 0;
    let heldMost = 0;
    const before = process.memoryUsage().arrayBuffers;
    for await (const batch of createRecordSource(reader).batches({ ranges: [rangeOf(bomb)] })) {
      records += batch.records.length;
      heldMost = Math.max(heldMost, process.memoryUsage().arrayBuffers - before);
    }
    expect(records).toBe(64 * 1024);
    expect(heldMost).toBeLessThan(32 * 1024 * 1024);
    const line = fileOf(folder, "line.gz", gzipSync(Buffer.alloc(8 * 1024 * 1024, "0")));
    await expect(recordsOf(reader, [rangeOf(line)], { recordBytesMax: 1_000_000 })).rejects.toMatchObject({
      code: "RECORD_TOO_LARGE",
      details: { path: line, offset: 0 },
    });
  });

  test("works for whole files and CSV", async () => {
    const whole = fileOf(folder, "whole.gz", gzipSync("é\n".repeat(700_000)));
    expect((await recordsOf(wholeFiles().reader, [rangeOf(whole)]))[0]!.record).toEqual({
      path: whole,
      text: "é\n".repeat(700_000),
    });
    const rows = fileOf(folder, "rows.csv.gz", gzipSync('a\n"x\ny"\n'));
    expect((await recordsOf(csv().reader, [rangeOf(rows)])).map((found) => found.record)).toEqual([
      { a: "x\ny" },
    ]);
  });

  test("that changes while it is read is noticed", async () => {
    const path = fileOf(folder, "changing.gz", gzipSync(text, { level: 0 }));
    const batches = createRecordSource(reader)
      .batches({ ranges: [rangeOf(path)] })
      [Symbol.asyncIterator]();
    await batches.next();
    truncateSync(path, 600_000);
    await expect(
      (async () => {
        while ((await batches.next()).done !== true);
      })(),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^INPUT_(CORRUPT|CHANGED)$/) });
  });
});
