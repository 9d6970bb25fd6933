import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { heavyKeyOf } from "../src/heavy-keys.js";
import { encodeKey, encodeValue } from "../src/index.js";
import { SegmentWriter } from "../src/segment-writer.js";
import { makeFolder } from "./memory-ports.js";

let folder: { path: string; remove: () => void };
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

/** A segment of two partitions: `times` of one key in the second, and others beside it. */
function segment(times: number, others: number): string {
  const path = join(folder.path, `segment-${times}-${others}`);
  const writer = new SegmentWriter(path, { partitions: 2, compression: "none", isDigested: false });
  const append = (partition: number, key: string): void => {
    const keys = Buffer.from(encodeKey(key));
    const values = Buffer.from(encodeValue(1));
    writer.append(partition, keys, 0, keys.length, values, 0, values.length);
  };
  for (let n = 0; n < others; n += 1) append(0, `key ${String(n).padStart(6, "0")}`);
  for (let n = 0; n < others; n += 1) append(1, `key ${String(n).padStart(6, "0")}`);
  for (let n = 0; n < times; n += 1) append(1, "the");
  writer.finish();
  return path;
}

it("names the key that makes a partition larger than the others, and its share", () => {
  expect(heavyKeyOf(segment(30_000, 10_000))).toEqual({
    partition: 1,
    key: '"the"',
    records: 30_000,
    partitionRecords: 40_000,
  });
});

it("says nothing of even partitions, small ones, and large ones without such a key", () => {
  expect(heavyKeyOf(segment(100, 10_000))).toBeUndefined();
  expect(heavyKeyOf(segment(30, 10))).toBeUndefined();
});
