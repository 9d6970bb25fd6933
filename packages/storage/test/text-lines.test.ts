import { textLines } from "@fanfold/job";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRecordSource } from "../src/index.js";
import { fileOf, type ReadRecord, rangeOf, recordsOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
const { reader } = textLines();
const encoder = new TextEncoder();

/** Lines by the definition, one byte after the other. */
function linesByDefinition(bytes: Uint8Array): ReadRecord[] {
  const found: ReadRecord[] = [];
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let at = start; at < bytes.length; at += 1) {
    if (bytes[at] !== 10) continue;
    const end = at > start && bytes[at - 1] === 13 ? at - 1 : at;
    found.push({
      record: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end)),
      offset: start,
    });
    start = at + 1;
  }
  if (start < bytes.length) {
    found.push({
      record: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start)),
      offset: start,
    });
  }
  return found;
}

describe("splitting text into lines", () => {
  const texts = [
    "one\ntwo\nthree\n",
    "no final newline\nlast",
    "a\r\nbb\r\n\r\nccc",
    "\n\n\n",
    "\r\n\r\n",
    "lone \r is data\r\r\nend\r",
    "αβγ\nδ😀ε\n\n😀",
    "\uFEFFfirst\nsecond",
    "\uFEFF",
    "\uFEFF\n\uFEFFinner mark stays",
    "nul \0 byte\n\0\n",
    "x",
    "",
  ];

  test.each(texts)("gives each line of %j once, wherever two cuts fall", async (text) => {
    const bytes = encoder.encode(text);
    const path = fileOf(folder, "cuts.txt", bytes);
    const expected = linesByDefinition(bytes);
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 1) {
        const ranges = [rangeOf(path, 0, first), rangeOf(path, first, second), rangeOf(path, second)].filter(
          (range) => range.end > range.start,
        );
        expect(await recordsOf(reader, ranges, { blockBytes: 4 }), `cuts at ${first}, ${second}`).toEqual(
          expected,
        );
      }
    }
  });

  test("gives the same lines for any text, cuts and block size", async () => {
    const piece = fc.constantFrom(
      "\n",
      "\r\n",
      "\r",
      "a",
      "bc",
      "é",
      "中",
      "😀",
      "\0",
      " ",
      "\uFEFF",
      "x".repeat(70),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 60 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        async (pieces, cuts, blockBytes) => {
          const bytes = encoder.encode(pieces.join(""));
          const path = fileOf(folder, "any.txt", bytes);
          const edges = [
            0,
            ...cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          const ranges = edges
            .slice(1)
            .flatMap((end, i) => (end > edges[i]! ? [rangeOf(path, edges[i]!, end)] : []));
          expect(await recordsOf(reader, ranges, { blockBytes })).toEqual(linesByDefinition(bytes));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("finds offsets in any order they are asked for", async () => {
    const path = fileOf(folder, "order.txt", "a\nßß\nccc\n\nd\n");
    for await (const batch of createRecordSource(reader).batches({ ranges: [rangeOf(path)] })) {
      expect([4, 0, 2, 3, 1, 4].map((index) => batch.offsetOf(index))).toEqual([12, 0, 7, 11, 2, 12]);
    }
  });

  test("counts every byte read from the disk for progress", async () => {
    const path = fileOf(folder, "progress.txt", "line\n".repeat(5000));
    let bytes = 0;
    const source = createRecordSource(reader, { blockBytes: 1000 });
    for await (const batch of source.batches({ ranges: [rangeOf(path)] })) bytes += batch.inputBytes;
    expect(bytes).toBe(25_000);
  });
});

describe("bytes that are not UTF-8", () => {
  const bytes = Buffer.concat([
    Buffer.from("good\nαβ\n"),
    Buffer.from([0x61, 0xff, 0x62, 10]),
    Buffer.from("end"),
  ]);

  test("fail the task by default, naming the file and the line's offset", async () => {
    const path = fileOf(folder, "invalid.txt", bytes);
    await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({
      code: "INPUT_ENCODING",
      details: { path, offset: 10 },
      message: expect.stringContaining('textLines({ encoding: "latin1" })'),
    });
  });

  test("become U+FFFD when asked for, with right offsets", async () => {
    const path = fileOf(folder, "replace.txt", bytes);
    expect(await recordsOf(textLines({ invalid: "replace" }).reader, [rangeOf(path)])).toEqual([
      { record: "good", offset: 0 },
      { record: "αβ", offset: 5 },
      { record: "a\uFFFDb", offset: 10 },
      { record: "end", offset: 14 },
    ]);
  });

  test("are characters of their own in Latin-1", async () => {
    const path = fileOf(folder, "latin1.txt", bytes);
    const found = await recordsOf(textLines({ encoding: "latin1" }).reader, [rangeOf(path)]);
    expect(found.map((line) => line.offset)).toEqual([0, 5, 10, 14]);
    expect(found[2]!.record).toBe("a\u00FFb");
  });

  test("are recognised as UTF-16 at the start of a file", async () => {
    const path = fileOf(folder, "utf16.txt", Buffer.from("\uFEFFhi\n", "utf16le"));
    await expect(recordsOf(reader, [rangeOf(path)])).rejects.toMatchObject({
      code: "INPUT_ENCODING",
      message: expect.stringContaining("UTF-16"),
    });
  });
});

describe("the record limit", () => {
  test.each([1, 7, 64, 4096])("is exact, whatever the block size (%i)", async (blockBytes) => {
    const limits = { blockBytes, recordBytesMax: 20 };
    for (const end of ["\n", "\r\n", ""]) {
      const fits = fileOf(folder, "fits.txt", `a\n${"x".repeat(20)}${end}`);
      expect(await recordsOf(reader, [rangeOf(fits)], limits)).toHaveLength(2);
      const path = fileOf(folder, "long.txt", `a\n${"x".repeat(21)}${end}`);
      await expect(recordsOf(reader, [rangeOf(path)], limits)).rejects.toMatchObject({
        code: "RECORD_TOO_LARGE",
        details: { path, offset: 2, limit: 20 },
      });
    }
  });

  test("counts bytes, not characters", async () => {
    const path = fileOf(folder, "wide.txt", `a\n${"é".repeat(11)}\n`);
    const reading = recordsOf(reader, [rangeOf(path)], { blockBytes: 64, recordBytesMax: 20 });
    await expect(reading).rejects.toMatchObject({ code: "RECORD_TOO_LARGE", details: { offset: 2 } });
  });
});
