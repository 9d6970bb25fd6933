import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type AnyJob, defineJob, type Key, textLines } from "@fanfold/job";
import { keyHash, partitionOfHash } from "@fanfold/placement";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Collector } from "../src/collector.js";
import { GroupStream } from "../src/group-stream.js";
import { GroupValues, NumberWindow } from "../src/group-values.js";
import { decodeKey, encodeKey, readSegmentIndex } from "../src/index.js";
import { blockBytes } from "../src/limits.js";
import { PartitionMerge } from "../src/partition-merge.js";
import { SegmentReader } from "../src/segment-reader.js";
import { decodeValueAt } from "../src/value-decoder.js";
import { anyKey, compareKeys } from "./key-oracle.js";
import { makeFolder } from "./memory-ports.js";

let folder: { path: string; remove: () => void };
let runs = 0;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const pace = { restWhenDue: async (): Promise<void> => {} };
type Pair = readonly [Key, unknown];
interface Setting {
  readonly partitions: number;
  readonly memoryBytes: number;
  readonly recordsMax?: number | undefined;
  readonly trialRecords?: number | undefined;
}

/** Of a job that combines nothing. */
function collectorOf(setting: Setting): Collector {
  const workDir = join(folder.path, String(runs++));
  mkdirSync(workDir);
  const job: AnyJob = defineJob({ name: "t", input: textLines(), map() {}, reduce() {} });
  return new Collector({ ...setting, job, boundaries: undefined, workDir, compression: "auto" });
}

/** A segment of what is emitted. */
async function segmentOf(
  pairs: readonly Pair[],
  setting: Setting,
): Promise<{ path: string; digest: string; spills: number }> {
  const collector = collectorOf(setting);
  for (const [key, value] of pairs) collector.emit(key, value);
  const { path, digest } = await collector.finish(pace);
  return { path, digest, spills: collector.spills };
}

/** Whether a block of the segment holds its keys once each. */
function isGrouped(path: string, partitions: number): boolean {
  for (let partition = 0; partition < partitions; partition++) {
    const { offset, bytes } = readSegmentIndex(path).partition(partition);
    const slice = { path, start: offset, end: offset + bytes, order: 0 };
    const reader = new SegmentReader(slice, { partition, windowBytes: blockBytes, keepsFileOpen: false });
    if (reader.next() && reader.view.repeats > 0) return true;
  }
  return false;
}

async function mergeOf(
  paths: readonly string[],
  partition: number,
  memoryBytes: number,
): Promise<PartitionMerge> {
  const slices = paths.map((path, order) => {
    const { offset, bytes } = readSegmentIndex(path).partition(partition);
    return { path, start: offset, end: offset + bytes, order };
  });
  const workDir = folder.path;
  return PartitionMerge.open(slices, { partition, memoryBytes, workDir, combine: undefined, pace });
}

/** What a merge holds, record by record. */
async function recordsOf(paths: readonly string[], partition: number, memoryBytes: number): Promise<Pair[]> {
  const merge = await mergeOf(paths, partition, memoryBytes);
  const { stream } = merge;
  const pairs: Pair[] = [];
  while (stream.next()) {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = stream.view;
    pairs.push([decodeKeyOf(bytes, keyStart, keyEnd), decodeValueAt(bytes, valueStart, valueEnd)]);
  }
  merge.close();
  return pairs;
}

function decodeKeyOf(bytes: Buffer, start: number, end: number): Key {
  return decodeKey(bytes.subarray(start, end));
}

/** The same, as a reducer sees it; of each key at most `valuesMax` values are read. */
async function groupsOf(
  paths: readonly string[],
  partition: number,
  valuesMax: number,
): Promise<[Key, unknown[]][]> {
  const merge = await mergeOf(paths, partition, 1 << 20);
  const stream = new GroupStream(merge.stream);
  const window = new NumberWindow();
  const groups: [Key, unknown[]][] = [];
  while (stream.nextGroup()) {
    const values = new GroupValues(stream, undefined, window);
    const seen: unknown[] = [];
    if (valuesMax > 0) {
      for (const value of values) {
        seen.push(value);
        if (seen.length === valuesMax) break;
      }
    }
    values.end();
    groups.push([stream.keyOfGroup() as Key, seen]);
  }
  merge.close();
  return groups;
}

/** A stable sort of everything, dealt to partitions. */
function oracle(pairs: readonly Pair[], partitions: number): Pair[][] {
  const sorted = pairs.map(([key, value]): Pair => [decodeKey(encodeKey(key)), value]);
  sorted.sort((a, b) => compareKeys(a[0], b[0]));
  return Array.from({ length: partitions }, (_, p) =>
    sorted.filter(([key]) => partitionOfHash(keyHash(encodeKey(key)), partitions) === p),
  );
}

function oracleGroups(pairs: readonly Pair[], valuesMax: number): [Key, unknown[]][] {
  const groups: [Key, unknown[]][] = [];
  for (const [key, value] of pairs) {
    const last = groups.at(-1);
    if (last !== undefined && compareKeys(last[0], key) === 0) last[1].push(value);
    else groups.push([key, [value]]);
  }
  return groups.map(([key, values]) => [key, values.slice(0, valuesMax)]);
}

const extreme = [0, -0, 1, -1, 127, 128, 2 ** 29, -(2 ** 29), 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 51];
const beyond = [2 ** 51 + 1, -(2 ** 51), 2 ** 53 - 1, 2 ** 60, 0.5, Number.NaN, Number.POSITIVE_INFINITY];
const anyWhole = fc.oneof(fc.constantFrom(...extreme.slice(2)), fc.integer(), fc.nat({ max: 300 }));
const anyValue = fc.oneof(
  anyWhole,
  fc.constantFrom<unknown>(...extreme, ...beyond, undefined, null, "", "ü", true),
  fc.string(),
  fc.array(fc.integer(), { maxLength: 3 }),
);
const awkward: Key[] = ["", "__proto__", "a", "a\0", "fifteen letters", "sixteen letters!", "ü", "\ud800", 7];
const anyPairs = fc
  .array(fc.oneof(anyKey, fc.constantFrom(...awkward)), { minLength: 1, maxLength: 8 })
  .chain((keys) =>
    fc.array(fc.tuple(fc.constantFrom(...keys), fc.oneof({ weight: 3, arbitrary: anyWhole }, anyValue)), {
      maxLength: 300,
    }),
  );
const onlyNumbers = fc.array(fc.tuple(fc.constantFrom<Key>(...awkward), anyWhole), { maxLength: 300 });
const anySetting = fc.record({
  partitions: fc.constantFrom(1, 3),
  memoryBytes: fc.constantFrom(3000, 20_000, 1 << 22),
  recordsMax: fc.constantFrom(undefined, 7, 64),
  trialRecords: fc.constantFrom(undefined, 4, 20),
});

describe("pairs whose keys repeat, of a job that combines nothing", () => {
  test("come out by key, those of a key in the order of emission, as any others", async () => {
    const lists = fc.array(fc.oneof(anyPairs, onlyNumbers), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(lists, anySetting, fc.constantFrom(0, 1, 5, 1000), async (all, setting, valuesMax) => {
        const segments = [];
        for (const pairs of all) segments.push((await segmentOf(pairs, setting)).path);
        const expected = oracle(all.flat(), setting.partitions);
        for (let p = 0; p < setting.partitions; p++) {
          expect(await recordsOf(segments, p, setting.memoryBytes)).toEqual(expected[p]);
          expect(await groupsOf(segments, p, valuesMax)).toEqual(oracleGroups(expected[p]!, valuesMax));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("leave a segment that depends on them alone, whatever the memory", async () => {
    for (const valueAt of [(i: number) => i * 37, (i: number) => (i % 900 < 850 ? i : `text ${i}`)]) {
      const pairs = Array.from({ length: 30_000 }, (_, i): Pair => [`key ${(i * 7919) % 1009}`, valueAt(i)]);
      const setting = { partitions: 3, trialRecords: 2000 };
      const large = await segmentOf(pairs, { ...setting, memoryBytes: 1 << 24 });
      const small = await segmentOf(pairs, { ...setting, memoryBytes: 1 << 19 });
      expect([large.spills, small.spills > 2]).toEqual([0, true]);
      expect([isGrouped(large.path, 3), isGrouped(small.path, 3)]).toEqual([true, true]);
      expect(small.digest).toBe(large.digest);
    }
  });

  test("have many blocks and many values a key, read in any portions", async () => {
    const pairs = Array.from({ length: 60_000 }, (_, i): Pair => {
      return [i % 5 === 0 ? "rare" : "often", ((i * 7919) % 1009) * 3e7];
    });
    const { path } = await segmentOf(pairs, { partitions: 1, memoryBytes: 1 << 26 });
    expect(isGrouped(path, 1)).toBe(true);
    const sorted = oracle([...pairs, ...pairs], 1)[0]!;
    for (const valuesMax of [1, 1024, 1025, 200_000]) {
      const groups = await groupsOf([path, path], 0, valuesMax);
      expect(groups.map(String)).toEqual(oracleGroups(sorted, valuesMax).map(String));
    }
  });

  test("come out the same when their reader numbers its records, also when it begins anew", async () => {
    const texts = [
      ["a", "b", "fifteen letters", "sixteen letters!"],
      ["b", "c", "a"],
    ];
    const numbered = Array.from({ length: 400 }, (_, i) => ({
      texts: texts[i < 200 ? 0 : 1]!,
      number: i % 3,
    }));
    const pairs: Pair[] = [];
    const collector = collectorOf({ partitions: 2, memoryBytes: 8000, trialRecords: 20 });
    for (const [i, record] of numbered.entries()) {
      const key = record.texts[record.number]!;
      collector.expectTexts({ texts: record.texts, numbers: new Uint32Array(0) });
      collector.expectRecord(key, record.number);
      // A user emits the record at hand, or something else.
      const emitted: Pair = [i % 7 === 0 ? "other" : key, i];
      pairs.push(emitted);
      collector.emit(...emitted);
      collector.expectRecord();
    }
    const { path } = await collector.finish(pace);
    expect(collector.spills).toBeGreaterThan(1);
    const expected = oracle(pairs, 2);
    for (let p = 0; p < 2; p++) expect(await recordsOf([path], p, 1 << 20)).toEqual(expected[p]);
  });

  test("are sorted one by one where keys are nearly all different", async () => {
    const pairs = Array.from({ length: 20_000 }, (_, i): Pair => [`key ${i}`, i]);
    const { path } = await segmentOf(pairs, { partitions: 1, memoryBytes: 1 << 24 });
    expect(isGrouped(path, 1)).toBe(false);
    expect(await recordsOf([path], 0, 1 << 20)).toEqual(oracle(pairs, 1)[0]);
  });
});

describe("values read as numbers", () => {
  test("cannot be read on by an iterator whose key is done", async () => {
    const { path } = await segmentOf(
      ["a", "b", "a", "b", "a", "b"].map((key, i): Pair => [key, i]),
      { partitions: 1, memoryBytes: 1 << 24, trialRecords: 4 },
    );
    const merge = await mergeOf([path], 0, 1 << 20);
    const stream = new GroupStream(merge.stream);
    const window = new NumberWindow();
    stream.nextGroup();
    const first = new GroupValues(stream, undefined, window);
    const kept = first[Symbol.iterator]();
    expect(kept.next()).toEqual({ value: 0, done: false });
    first.end();
    expect(() => kept.next()).toThrow("only be read while");
    stream.nextGroup();
    const second = new GroupValues(stream, undefined, window);
    expect(second[Symbol.iterator]().next()).toEqual({ value: 1, done: false });
    expect(() => kept.next()).toThrow("only be read while");
    merge.close();
  });
});
