import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeError } from "../src/disk-error.js";
import { encodeKey, encodeValue, readSegmentIndex } from "../src/index.js";
import { SegmentReader } from "../src/segment-reader.js";
import { type Compression, type SegmentSummary, SegmentWriter } from "../src/segment-writer.js";
import { makeFolder } from "./memory-ports.js";

let folder: { path: string; remove: () => void };
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

type Row = readonly [partition: number, key: string, value: unknown];

function writeRows(
  name: string,
  rows: readonly Row[],
  compression: Compression,
  partitions = 3,
): SegmentSummary {
  const path = join(folder.path, name);
  const writer = new SegmentWriter(path, { partitions, compression, isDigested: true });
  for (const [partition, key, value] of rows) {
    const keys = Buffer.from(encodeKey(key));
    const values = Buffer.from(encodeValue(value));
    writer.append(partition, keys, 0, keys.length, values, 0, values.length);
  }
  return writer.finish();
}

function readRows(path: string, partitions = 3, windowBytes = 4096): string[] {
  const index = readSegmentIndex(path);
  const rows: string[] = [];
  for (let p = 0; p < partitions; p++) {
    const { offset, bytes } = index.partition(p);
    const slice = { path, start: offset, end: offset + bytes, order: 0 };
    const reader = new SegmentReader(slice, { partition: p, windowBytes, keepsFileOpen: p % 2 === 0 });
    while (reader.next()) {
      const { bytes: from, keyStart, keyEnd, valueStart, valueEnd } = reader.view;
      rows.push(
        `${p}:${from.toString("hex", keyStart, keyEnd)}:${from.toString("hex", valueStart, valueEnd)}`,
      );
    }
    reader.close();
  }
  return rows;
}

/** The code of the error that reading gives; `toThrow` would be slow thousands of times over. */
function codeOfReading(path: string): unknown {
  try {
    readRows(path);
    return "read";
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
}

function expected(rows: readonly Row[]): string[] {
  return rows.map(([p, key, value]) => {
    return `${p}:${Buffer.from(encodeKey(key)).toString("hex")}:${Buffer.from(encodeValue(value)).toString("hex")}`;
  });
}

const small: readonly Row[] = [
  [0, "", 1],
  [0, "a", "x".repeat(300)],
  [2, "same", 5],
  [2, "same", 5],
];

const large: readonly Row[] = Array.from({ length: 30_000 }, (_, i): Row => {
  return [
    Math.floor(i / 10_000),
    `key-${String(i).padStart(6, "0")}`,
    { n: i, text: "some text that repeats" },
  ];
});

describe("a segment file", () => {
  test("gives back every record, also over many blocks and with or without compression", () => {
    for (const rows of [small, large]) {
      for (const compression of ["auto", "none"] as const) {
        const name = `${rows.length}-${compression}`;
        const { path, records } = writeRows(name, rows, compression);
        expect(records).toBe(rows.length);
        expect(readRows(path)).toEqual(expected(rows));
      }
    }
  });

  test("is smaller when its records compress, with the same digest", () => {
    const packed = writeRows("packed", large, "auto");
    const stored = writeRows("stored", large, "none");
    expect(packed.bytes).toBeLessThan(stored.bytes / 2);
    expect(packed.digest).toBe(stored.digest);
    expect(readSegmentIndex(packed.path).digest).toBe(packed.digest);
  });

  test("has another digest when a value, an order or a partition differs", () => {
    const digests = [
      small,
      small.map(([p, key, value]): Row => [p, key, value === 5 ? 6 : value]),
      small.map(([p, key, value]): Row => [p === 2 ? 1 : p, key, value]),
      small.slice(0, 3),
    ].map((rows, i) => writeRows(`d${i}`, rows, "auto").digest);
    expect(new Set(digests).size).toBe(4);
  });

  test("holds a value far larger than a block", () => {
    const rows: Row[] = [
      [0, "a", 1],
      [0, "b", "y".repeat(3_000_000)],
      [0, "c", 2],
    ];
    expect(readRows(writeRows("big", rows, "auto").path)).toEqual(expected(rows));
  });

  test("without records has an index of empty partitions", () => {
    const { path } = writeRows("empty", [], "auto");
    expect(readRows(path)).toEqual([]);
    expect(readSegmentIndex(path).partition(2)).toEqual({ offset: 0, bytes: 0, records: 0 });
  });

  test("with any one bit flipped is refused, never misread", () => {
    for (const compression of ["auto", "none"] as const) {
      const rows = compression === "auto" ? small : small.map(([p, key]): Row => [p, key, "short"]);
      const stride = compression === "auto" ? 11 : 1;
      const { path } = writeRows(`flip-${compression}`, rows, compression);
      const good = readFileSync(path);
      const damaged = join(folder.path, "damaged");
      for (let bit = 0; bit < good.length * 8; bit += stride) {
        const bytes = Buffer.from(good);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(damaged, bytes);
        expect(codeOfReading(damaged), `bit ${bit}`).toBe("SEGMENT_CORRUPT");
      }
    }
  });

  test("that was cut anywhere is refused, naming path and offset", () => {
    const { path, bytes } = writeRows("cut", small, "none");
    for (let length = bytes - 1; length >= 0; length--) {
      truncateSync(path, length);
      expect(() => readRows(path)).toThrow(
        expect.objectContaining({ code: "SEGMENT_CORRUPT", details: { path, offset: expect.any(Number) } }),
      );
    }
  });

  test("whose slice is cut at a block's edge, or is another partition's, is refused", () => {
    const { path } = writeRows("slices", large, "none");
    const { offset, bytes } = readSegmentIndex(path).partition(1);
    const read = (start: number, end: number, partition: number): void => {
      const options = { partition, windowBytes: 1 << 20, keepsFileOpen: true };
      const reader = new SegmentReader({ path, start, end, order: 0 }, options);
      try {
        while (reader.next());
      } finally {
        reader.close();
      }
    };
    const firstBlock = 36 + readFileSync(path).readUInt32LE(offset + 20);
    const corrupt = expect.objectContaining({ code: "SEGMENT_CORRUPT" });
    expect(() => read(offset, offset + firstBlock, 1)).toThrow(corrupt);
    expect(() => read(offset + firstBlock, offset + bytes, 1)).toThrow(corrupt);
    expect(() => read(offset, offset + bytes, 2)).toThrow(corrupt);
    expect(() => read(offset, offset + bytes + 36, 1)).toThrow(corrupt);
    expect(() => read(offset, offset + bytes, 1)).not.toThrow();
  });

  test("that is gone is unavailable, which is not corrupt", () => {
    const missing = join(folder.path, "missing");
    expect(() => readSegmentIndex(missing)).toThrow(expect.objectContaining({ code: "SEGMENT_UNAVAILABLE" }));
  });

  test("that cannot be written says so with its path, and a full disk apart from the rest", () => {
    const nowhere = join(folder.path, "no", "folder");
    expect(
      () => new SegmentWriter(nowhere, { partitions: 1, compression: "none", isDigested: false }),
    ).toThrow(expect.objectContaining({ code: "OUTPUT_UNWRITABLE", details: { path: nowhere } }));
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    expect(writeError(full, nowhere)).toMatchObject({ code: "DISK_FULL", details: { path: nowhere } });
  });
});
