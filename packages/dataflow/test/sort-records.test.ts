import fc from "fast-check";
import { expect, test } from "vitest";
import { Kernel } from "../src/kernel.js";
import { indexMask, rowWords, sortRecords } from "../src/sort-records.js";
import { sortHistogramBytes } from "../src/sorted-places.js";

/** Sorts keys given as byte arrays and returns the indices in order. */
function sortKeys(
  keys: readonly Uint8Array[],
  partitions: readonly number[],
  partitionCount: number,
): number[] {
  const rows: number[] = [];
  let used = 0;
  for (const [i, key] of keys.entries()) {
    rows.push(used, key.length, 0, partitions[i] ?? 0);
    used += key.length;
  }
  const input = {
    bytes: Buffer.concat(keys),
    rows: Uint32Array.from(rows),
    count: keys.length,
    partitionCount,
  };
  const { words, starts } = sortRecords(input, new BigUint64Array(keys.length));
  expect(starts[partitionCount]).toBe(keys.length);
  const sorted = keys.map((_, position) => (words[2 * position] ?? 0) & indexMask);
  expect(sortInKernel(input.rows, input.bytes, partitionCount)).toEqual(sorted);
  return sorted;
}

const kernel = new Kernel();

/** The same in a kernel, whose memory holds what other sorts have left there. */
function sortInKernel(rows: Uint32Array, bytes: Buffer, partitionCount: number): number[] {
  const count = rows.length / rowWords;
  kernel.reset();
  const arena = kernel.allocate(bytes.length + 64);
  const rowsAt = kernel.allocate(rows.byteLength);
  const [space, other] = [kernel.allocate(8 * count), kernel.allocate(8 * count)];
  const starts = kernel.allocate(8 * (partitionCount + 1));
  const histograms = kernel.allocate(sortHistogramBytes);
  bytes.copy(kernel.bytes, arena);
  kernel.words(rowsAt, rows.length).set(rows);
  kernel.calls.useRows(arena, rowsAt);
  kernel.calls.sortRows(count, partitionCount, starts, space, other, histograms);
  expect(kernel.words(starts, partitionCount + 1)[partitionCount]).toBe(count);
  const packed = kernel.words(space, 2 * count);
  return Array.from({ length: count }, (_, position) => (packed[2 * position] ?? 0) & indexMask);
}

function oracle(keys: readonly Uint8Array[], partitions: readonly number[]): number[] {
  return keys
    .map((_, i) => i)
    .sort((a, b) => {
      const order = (partitions[a] ?? 0) - (partitions[b] ?? 0);
      return order || Buffer.compare(keys[a] as Uint8Array, keys[b] as Uint8Array) || a - b;
    });
}

test("records are sorted by partition, then key, then emission order", () => {
  const key = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.uint8Array({ maxLength: 14, max: 1 }),
    fc.constantFrom("", "a", "ab", "abcdefghijklmnop", "abcdefghijklmnopq").map((text) => Buffer.from(text)),
  );
  const rows = fc.array(fc.tuple(key, fc.nat(3)), { maxLength: 300 });
  fc.assert(
    fc.property(rows, fc.uint8Array({ maxLength: 20, max: 1 }), (drawn, prefix) => {
      const keys = drawn.map(([bytes]) => Buffer.concat([prefix, bytes]));
      const partitions = drawn.map(([, partition]) => partition);
      expect(sortKeys(keys, partitions, 4)).toEqual(oracle(keys, partitions));
    }),
    { numRuns: 500 },
  );
});

test("more records than are inserted one by one are sorted by all of their digits", () => {
  const byte = fc.constantFrom(0, 1, 127, 128, 255);
  const key = fc.array(byte, { maxLength: 9 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(fc.array(key, { minLength: 200, maxLength: 900 }), (keys) => {
      const partitions = keys.map(() => 0);
      expect(sortKeys(keys, partitions, 1)).toEqual(oracle(keys, partitions));
    }),
    { numRuns: 20 },
  );
});

test("prefixes of each other, padded with zeros, sort by length", () => {
  const keys: Uint8Array[] = [];
  for (let length = 40; length >= 0; length--) keys.push(new Uint8Array(length), new Uint8Array(length));
  const partitions = keys.map(() => 0);
  expect(sortKeys(keys, partitions, 1)).toEqual(oracle(keys, partitions));
});

test("a hundred thousand equal long keys, and nearly equal ones, take linear work", () => {
  const long = Buffer.alloc(1000, 7);
  const equal = Array.from({ length: 20_000 }, () => long);
  const nearly = Array.from({ length: 20_000 }, (_, i) => Buffer.concat([long, Buffer.from([i & 3])]));
  const keys = [...nearly, ...equal];
  const partitions = keys.map(() => 0);
  const started = performance.now();
  expect(sortKeys(keys, partitions, 1)).toEqual(oracle(keys, partitions));
  expect(performance.now() - started).toBeLessThan(20_000);
});
