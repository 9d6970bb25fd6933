import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import {
  type AnyJob,
  defineJob,
  first,
  type Key,
  max,
  min,
  type Partitioner,
  sum,
  textLines,
} from "@fanfold/job";
import { keyHash, partitionOfHash } from "@fanfold/placement";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Collector } from "../src/collector.js";
import { decodeKey, encodeKey, readSegmentIndex } from "../src/index.js";
import { returnKernel, takeKernel } from "../src/kernel.js";
import { decodeKeyAt } from "../src/key-decoder.js";
import { PartitionMerge } from "../src/partition-merge.js";
import { PlacesStream } from "../src/places-stream.js";
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
  readonly combine?: AnyJob["combine"];
  readonly partitioner?: Partitioner<unknown>;
  readonly boundaries?: readonly Uint8Array[];
  readonly partitions: number;
  readonly memoryBytes: number;
  readonly recordsMax?: number;
  readonly trialRecords?: number;
}

function jobOf(setting: Setting): AnyJob {
  const { combine, partitioner } = setting;
  const job: AnyJob = { name: "t", input: textLines(), map() {}, reduce() {} };
  return defineJob({
    ...job,
    ...(combine === undefined ? {} : { combine }),
    ...(partitioner === undefined ? {} : { partitioner }),
  });
}

interface Collected {
  readonly partitions: readonly (readonly Pair[])[];
  readonly spills: number;
  readonly digest: string;
  /** Of all segments. */
  readonly bytes: readonly Buffer[];
  readonly filesLeft: readonly string[];
}

/** Emits `pairs` from as many collectors as there are lists, merges their segments, and decodes what comes out. */
async function collect(lists: readonly (readonly Pair[])[], setting: Setting): Promise<Collected> {
  const root = join(folder.path, String(runs++));
  const segments: string[] = [];
  let spills = 0;
  let digest = "";
  for (const [index, pairs] of lists.entries()) {
    const workDir = join(root, String(index));
    mkdirSync(workDir, { recursive: true });
    const { partitions, memoryBytes, recordsMax, trialRecords, boundaries } = setting;
    const job = jobOf(setting);
    const collector = new Collector({
      job,
      partitions,
      boundaries,
      memoryBytes,
      workDir,
      recordsMax,
      trialRecords,
      compression: "auto",
    });
    for (const [key, value] of pairs) collector.emit(key, value);
    const summary = await collector.finish(pace);
    spills += collector.spills;
    digest += summary.digest;
    segments.push(summary.path);
  }
  const partitions: Pair[][] = [];
  for (let p = 0; p < setting.partitions; p++) partitions.push(await merged(segments, p, root, setting));
  const bytes = segments.map((path) => readFileSync(path));
  const first = join(root, "0");
  return { partitions, spills, digest, bytes, filesLeft: existsSync(first) ? readdirSync(first) : [] };
}

async function merged(
  segments: readonly string[],
  p: number,
  root: string,
  setting: Setting,
): Promise<Pair[]> {
  const slices = segments.map((path, order) => {
    const { offset, bytes } = readSegmentIndex(path).partition(p);
    return { path, start: offset, end: offset + bytes, order };
  });
  const kernel = takeKernel();
  const options = {
    partition: p,
    memoryBytes: setting.memoryBytes,
    workDir: root,
    combine: undefined,
    pace,
    kernel,
  };
  const merge = await PartitionMerge.open(slices, options);
  const pairs: Pair[] = [];
  const { stream } = merge;
  while (stream.next()) {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd } = stream.view;
    pairs.push([decodeKeyAt(bytes, keyStart, keyEnd), decodeValueAt(bytes, valueStart, valueEnd)]);
  }
  merge.close();
  if (kernel !== undefined) {
    const keys = pairs.filter(([key], i) => i === 0 || compareKeys(key, pairs[i - 1]?.[0] ?? null) !== 0);
    // Grouped segments are not merged by a kernel.
    if (stream instanceof PlacesStream) expect(merge.keys).toBe(keys.length);
    returnKernel(kernel);
  }
  return pairs;
}

function partitionOf(key: Key, partitions: number): number {
  return partitionOfHash(keyHash(encodeKey(key)), partitions);
}

/** What must come out: a stable sort of everything, dealt to partitions. */
function oracle(lists: readonly (readonly Pair[])[], partitions: number): Pair[][] {
  const sorted = lists.flat().map(([key, value]): Pair => [decodeKey(encodeKey(key)), value]);
  sorted.sort((a, b) => compareKeys(a[0], b[0]));
  return Array.from({ length: partitions }, (_, p) =>
    sorted.filter(([key]) => partitionOf(key, partitions) === p),
  );
}

/** Folds neighbours with equal keys. */
function folded(pairs: readonly Pair[], fold: (a: never, b: never) => unknown): Pair[] {
  const result: [Key, unknown][] = [];
  for (const [key, value] of pairs) {
    const last = result.at(-1);
    if (last !== undefined && compareKeys(last[0], key) === 0)
      last[1] = fold(last[1] as never, value as never);
    else result.push([key, value]);
  }
  return result;
}

afterEach(() => {
  env["FANFOLD_KERNELS"] = "on";
});

const anySetting = fc.record({
  partitions: fc.integer({ min: 1, max: 5 }),
  memoryBytes: fc.constantFrom(600, 2000, 1 << 20),
});

describe("what is emitted", () => {
  test("comes out sorted and complete, equal keys in order of split and position, however small the memory", async () => {
    const pair = fc.tuple(anyKey, fc.oneof(fc.integer(), fc.string({ maxLength: 60 })));
    const lists = fc.array(fc.array(pair, { maxLength: 60 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(lists, anySetting, async (pairs, setting) => {
        const { partitions, filesLeft } = await collect(pairs, setting);
        expect(partitions).toEqual(oracle(pairs, setting.partitions));
        expect(filesLeft).toEqual(["segment"]);
      }),
      { numRuns: 40 },
    );
  });

  test("leaves the same segments whether or not a kernel sorts, gathers and merges, and goes through them alike", async () => {
    const value = fc.oneof(
      fc.integer(),
      fc.string({ maxLength: 60 }),
      fc.constantFrom("é".repeat(200), null),
    );
    const pairs = fc.array(fc.tuple(anyKey, value), { maxLength: 150 });
    const more = fc.record({
      boundaries: fc.option(
        fc.uniqueArray(anyKey, { minLength: 4, maxLength: 4, comparator: (a, b) => compareKeys(a, b) === 0 }),
        { nil: undefined },
      ),
      recordsMax: fc.constantFrom(undefined, 1, 7),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(pairs, { maxLength: 3 }), anySetting, more, async (lists, setting, extra) => {
        const { recordsMax } = extra;
        const boundaries = extra.boundaries?.map((key) => encodeKey(key)).sort(Buffer.compare);
        const partitions = boundaries === undefined ? setting.partitions : boundaries.length + 1;
        const whole = {
          ...setting,
          partitions,
          ...(boundaries === undefined ? {} : { boundaries }),
          ...(recordsMax === undefined ? {} : { recordsMax }),
        };
        env["FANFOLD_KERNELS"] = "off";
        const expected = await collect(lists, whole);
        env["FANFOLD_KERNELS"] = "on";
        const found = await collect(lists, whole);
        expect(found.partitions).toEqual(expected.partitions);
        expect(found.digest).toBe(expected.digest);
        expect(found.bytes).toEqual(expected.bytes);
      }),
      { numRuns: 40 },
    );
  });

  test("is combined to one record a key a segment by built-in and user functions alike", async () => {
    const key = fc.oneof(anyKey, fc.constantFrom("a", "b", "sixteen letters!", "seventeen letters"));
    const lists = fc.array(fc.array(fc.tuple(key, fc.integer()), { maxLength: 80 }), {
      minLength: 1,
      maxLength: 2,
    });
    const add = (a: number, b: number): number => a + b;
    const combiners = fc.constantFrom<[AnyJob["combine"], (a: never, b: never) => unknown]>(
      [sum(), add],
      [min(), Math.min as never],
      [max(), Math.max as never],
      [first(), (a) => a],
      [(_: Key, values: Iterable<number>) => [...values].reduce(add, 0), add],
    );
    await fc.assert(
      fc.asyncProperty(lists, anySetting, combiners, async (pairs, setting, [combine, fold]) => {
        const { partitions } = await collect(pairs, { ...setting, combine });
        const expected = oracle(pairs, setting.partitions).map((list) => folded(list, fold));
        expect(partitions.map((list) => folded(list, fold))).toEqual(expected);
        if (pairs.length === 1) expect(partitions).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("may stop being numbers halfway for min and max, and nothing is lost", async () => {
    const numbers = Array.from({ length: 500 }, (_, i): Pair => [`k${i % 50}`, i]);
    const strings = Array.from({ length: 500 }, (_, i): Pair => [`s${i % 50}`, String(i)]);
    const { partitions } = await collect([[...numbers, ...strings]], {
      combine: max(),
      partitions: 1,
      memoryBytes: 4000,
    });
    const expected = folded(oracle([[...numbers, ...strings]], 1)[0] ?? [], (a, b) => {
      if (b > a) return b;
      return a;
    });
    expect(partitions[0]).toEqual(expected);
  });

  test("spills and merges in several passes to the same bytes as in memory", async () => {
    const pairs = Array.from({ length: 5000 }, (_, i): Pair => [`key ${(i * 7919) % 1000}`, i]);
    const setting = { partitions: 3, trialRecords: 40 };
    const large = await collect([pairs], { ...setting, memoryBytes: 1 << 24 });
    const small = await collect([pairs], { ...setting, memoryBytes: 20_000 });
    expect(large.spills).toBe(0);
    expect(small.spills).toBeGreaterThan(20);
    expect(small.digest).toBe(large.digest);
    expect(small.partitions).toEqual(large.partitions);
  });

  test("is sorted and written by a kernel to the same bytes as without one", async () => {
    // Many keys that begin alike for longer than a kernel looks at at once, and differ in zeros and in length only.
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "b", "\0", "é"), maxLength: 40 }),
      fc.integer({ min: 0, max: 99 }).map((n) => `prefix of more than 16 bytes ${n}`),
      fc.constantFrom("", "__proto__", "\ud800", "fifteen bytes.", "fifteen bytes..", "sixteen bytes..."),
    );
    const key = fc.oneof(anyKey, text, fc.tuple(text, fc.integer({ min: 0, max: 3 })));
    const value = fc.oneof(
      fc.integer({ min: -300, max: 300 }),
      fc.integer(),
      fc.double(),
      fc.constantFrom(-0, Number.NaN, 127, 128, -128, -129, 2 ** 31 - 1, -(2 ** 31), 2 ** 31),
    );
    const pairs = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 300 });
    const how = fc.record({
      combine: fc.constantFrom(sum(), min<number>(), max<number>()),
      partitions: fc.integer({ min: 1, max: 5 }),
      way: fc.constantFrom("hash", "range", "user"),
    });
    await fc
      .assert(
        fc.asyncProperty(pairs, how, async (emitted, { combine, partitions, way }) => {
          const bounds = emitted.slice(0, partitions - 1).map(([bound]) => encodeKey(bound));
          const setting: Setting = {
            combine,
            partitions,
            memoryBytes: 1 << 23,
            ...(way === "range" ? { boundaries: bounds.sort(Buffer.compare) } : {}),
            ...(way === "user" ? { partitioner: (of, count) => String(of).length % count } : {}),
          };
          const digests: string[] = [];
          for (const kernels of ["on", "off"]) {
            env["FANFOLD_KERNELS"] = kernels;
            digests.push((await collect([emitted], setting)).digest);
          }
          expect(digests[0]).toBe(digests[1]);
        }),
        { numRuns: 60 },
      )
      .finally(() => {
        env["FANFOLD_KERNELS"] = "on";
      });
  });

  test("makes blocks in a kernel as large as without one", async () => {
    const pairs = Array.from(
      { length: 40_000 },
      (_, i): Pair => [`${(i * 7919) % 40_000}`.repeat(1 + (i % 9)), i],
    );
    const digests: string[] = [];
    for (const kernels of ["on", "off"]) {
      env["FANFOLD_KERNELS"] = kernels;
      digests.push((await collect([pairs], { combine: sum(), partitions: 2, memoryBytes: 1 << 26 })).digest);
    }
    env["FANFOLD_KERNELS"] = "on";
    expect(digests[0]).toBe(digests[1]);
  });

  test("spills before the index of a buffer's record outgrows its bits", async () => {
    const pairs = Array.from({ length: 1000 }, (_, i): Pair => [i, i]);
    for (const combine of [undefined, first()]) {
      const setting = { partitions: 1, memoryBytes: 1 << 20, recordsMax: 64 };
      const { partitions, spills } = await collect(
        [pairs],
        combine === undefined ? setting : { ...setting, combine },
      );
      expect(spills).toBeGreaterThanOrEqual(15);
      expect(partitions[0]).toEqual(pairs);
    }
  });

  test("may be larger than the whole buffer", async () => {
    const value = "v".repeat(100_000);
    const pairs: Pair[] = [
      ["b", value],
      ["a", 1],
      ["c", [value, value]],
      ["a", 2],
    ];
    const { partitions } = await collect([pairs], { partitions: 1, memoryBytes: 4000 });
    expect(partitions).toEqual(oracle([pairs], 1));
  });

  test("goes where the user's partitioner says, and nowhere else", async () => {
    const pairs = Array.from({ length: 100 }, (_, i): Pair => [i, 1]);
    for (const combine of [undefined, sum()]) {
      const partitioner = ((key: number, count: number) => key % count) as never;
      const setting = { partitions: 3, memoryBytes: 4000, partitioner };
      const { partitions } = await collect(
        [pairs],
        combine === undefined ? setting : { ...setting, combine },
      );
      expect(
        partitions.map((list) => list.every(([key], _, all) => Number(key) % 3 === Number(all[0]?.[0]) % 3)),
      ).toEqual([true, true, true]);
      for (const wrong of [-1, 3, 1.5, Number.NaN, "1", undefined]) {
        const bad = { ...setting, partitioner: (() => wrong) as never };
        const refused = collect([pairs], combine === undefined ? bad : { ...bad, combine });
        await expect(refused).rejects.toMatchObject({ code: "PARTITION_OUT_OF_RANGE" });
      }
    }
  });

  test("is cut at the boundaries, a boundary being the first key of its partition", async () => {
    const pairs = ["a", "b", "bb", "c", "d"].map((key): Pair => [key, 1]);
    const boundaries = ["b", "c"].map((key) => encodeKey(key));
    const { partitions } = await collect([pairs], { partitions: 3, memoryBytes: 4000, boundaries });
    expect(partitions.map((list) => list.map(([key]) => key))).toEqual([["a"], ["b", "bb"], ["c", "d"]]);
  });

  test("sums only numbers", async () => {
    const pairs: Pair[] = [
      ["a", 1],
      ["a", "2"],
    ];
    await expect(
      collect([pairs], { combine: sum(), partitions: 1, memoryBytes: 4000 }),
    ).rejects.toMatchObject({
      code: "USER_CODE_FAILED",
    });
  });

  test("names the key when a user's combiner throws", async () => {
    const combine = (): never => {
      throw new RangeError("no");
    };
    const setting = { combine: combine as never, partitions: 1, memoryBytes: 4000 };
    await expect(collect([[["k", 1]]], setting)).rejects.toMatchObject({
      code: "USER_CODE_FAILED",
      message: 'combine threw RangeError: no, at key "k"',
    });
  });
});
