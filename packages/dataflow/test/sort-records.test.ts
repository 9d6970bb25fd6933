import fc from "fast-check";
import { expect, test } from "vitest";
import { indexMask, sortRecords } from "../src/sort-records.js";

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
  return keys.map((_, position) => (words[2 * position] ?? 0) & indexMask);
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
