import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SegmentSlice } from "../src/block-reader.js";
import { encodeKey, encodeValue } from "../src/index.js";
import { Kernel } from "../src/kernel.js";
import { mergeFilesMax, mergeSourcesMax } from "../src/limits.js";
import { PartitionMerge } from "../src/partition-merge.js";
import { SegmentWriter } from "../src/segment-writer.js";
import { decodeValueAt } from "../src/value-decoder.js";
import { makeFolder } from "./memory-ports.js";

let folder: { path: string; remove: () => void };
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const pace = { restWhenDue: async (): Promise<void> => {} };
const openFiles = (): number => readdirSync("/proc/self/fd").length;

/** A segment of one partition with the keys `a` and `b`, whose values are `order`. */
function writeSegment(order: number): SegmentSlice {
  const path = join(folder.path, `segment-${order}`);
  const writer = new SegmentWriter(path, { partitions: 1, compression: "none", isDigested: false });
  const value = Buffer.from(encodeValue(order));
  for (const key of ["a", "b"]) {
    const bytes = Buffer.from(encodeKey(key));
    writer.append(0, bytes, 0, bytes.length, value, 0, value.length);
  }
  writer.finish();
  return { path, start: 0, end: writer.ends[0] ?? 0, order };
}

/** The values that come, by a kernel or without one: then both must agree. */
async function valuesOf(
  slices: readonly SegmentSlice[],
  memoryBytes: number,
): Promise<[number[], number, number]> {
  const expected = await mergedValues(slices, memoryBytes, undefined);
  const found = await mergedValues(slices, memoryBytes, new Kernel());
  expect(found[0]).toEqual(expected[0]);
  return found;
}

async function mergedValues(
  slices: readonly SegmentSlice[],
  memoryBytes: number,
  kernel: Kernel | undefined,
): Promise<[number[], number, number]> {
  const options = { partition: 0, memoryBytes, workDir: folder.path, combine: undefined, pace, kernel };
  const before = existsSync("/proc/self/fd") ? openFiles() : 0;
  const merge = await PartitionMerge.open(slices, options);
  const values: number[] = [];
  let filesMax = 0;
  while (merge.stream.next()) {
    const { bytes, valueStart, valueEnd } = merge.stream.view;
    values.push(decodeValueAt(bytes, valueStart, valueEnd) as number);
    if (before > 0 && values.length % 50 === 1) filesMax = Math.max(filesMax, openFiles() - before);
  }
  merge.close();
  return [values, merge.spills, filesMax];
}

test("equal keys come in the order of their sources, in one pass and in many, with few files open", async () => {
  const count = mergeSourcesMax + 40;
  const slices = Array.from({ length: count }, (_, order) => writeSegment(order));
  const expected = [...slices.keys(), ...slices.keys()];
  const files = readdirSync(folder.path).length;
  for (const [memoryBytes, sources] of [
    [1 << 26, count],
    [1 << 26, mergeFilesMax],
    [1000, 100],
  ] as const) {
    const [values, spills, filesMax] = await valuesOf(slices.slice(0, sources), memoryBytes);
    expect(values).toEqual(expected.filter((order) => order < sources));
    expect(spills > 0).toBe(sources > mergeSourcesMax || memoryBytes === 1000);
    expect(filesMax).toBeLessThanOrEqual(mergeFilesMax);
    expect(readdirSync(folder.path).length).toBe(files);
  }
});

test("a segment that goes missing is unavailable, and no runs are left", async () => {
  const slices = Array.from({ length: 20 }, (_, order) => writeSegment(order));
  const missing = { path: join(folder.path, "gone"), start: 0, end: 100, order: 20 };
  await expect(valuesOf([...slices, missing], 1000)).rejects.toMatchObject({ code: "SEGMENT_UNAVAILABLE" });
  expect(readdirSync(folder.path).filter((name) => name.endsWith(".run"))).toEqual([]);
});
