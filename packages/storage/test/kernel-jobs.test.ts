/** Whole jobs whose maps run in kernels, held against the same jobs run the ordinary way. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import {
  type AttemptOptions,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  type SegmentSlice,
} from "@fanfold/dataflow";
import {
  type AnyJob,
  checkJob,
  count,
  countEach,
  csv,
  defineJob,
  type Emit,
  FanfoldError,
  fixedRecords,
  identity,
  jsonLines,
  type Key,
  keyBy,
  max,
  min,
  pick,
  rangePartitioner,
  splitFields,
  sum,
  textLines,
  tsv,
  words,
} from "@fanfold/job";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { createRecordSource, createSinkFactory } from "../src/index.js";
import { fileOf, rangeOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();
/** Of the attempts of a run. Thousands of folders made and removed took longer than the jobs: runs empty them. */
const attemptFolders = new Set<string>();
afterEach(() => {
  env["FANFOLD_KERNELS"] = "on";
});
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

interface How {
  readonly kernels?: "on" | "off";
  readonly memoryBytes?: number;
  readonly blockBytes?: number;
  readonly splits?: number;
  readonly boundaries?: readonly Uint8Array[];
  readonly collectRecords?: boolean;
}

interface Ran {
  /** The output files, by name. */
  readonly files: readonly Buffer[];
  readonly pairs: number;
  readonly spills: number;
  /** Of each reduce: records in, pairs out, different keys. */
  readonly reduced: readonly (readonly number[])[];
}

/** Runs a job on a file: its maps, then its reduces. */
async function run(job: AnyJob, content: string | Uint8Array, how: How = {}): Promise<Ran> {
  env["FANFOLD_KERNELS"] = how.kernels ?? "on";
  const path = fileOf(folder, "input", content);
  const size = Buffer.byteLength(content);
  const source = createRecordSource(job.input.reader, { blockBytes: how.blockBytes ?? 4096 });
  const ports = { source, sinks: createSinkFactory() };
  const splits = Math.min(how.splits ?? 3, Math.max(1, size));
  const partitions = how.boundaries === undefined ? 2 : how.boundaries.length + 1;
  const segments: string[] = [];
  let pairs = 0;
  let spills = 0;
  try {
    for (let task = 0; task < splits; task++) {
      const [start, end] = [task, task + 1].map((cut) => Math.floor((size * cut) / splits));
      const { segment, metrics } = await runMapAttempt(
        {
          ...options(job, "map", task, how),
          split: { ranges: [rangeOf(path, start, end)] },
          partitions,
          boundaries: how.boundaries,
        },
        ports,
      );
      segments.push(segment!.path);
      pairs += metrics.pairsEmitted;
      spills += metrics.spills;
    }
    const files: Buffer[] = [];
    const reduced: number[][] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { outputs, metrics } = await runReduceAttempt(
        {
          ...options(job, "reduce", partition, how),
          partition,
          segments: segments.map((file, order) => sliceOf(file, partition, order)),
        },
        ports,
      );
      files.push(...outputs.map((output) => readFileSync(output.path)));
      reduced.push([metrics.recordsIn, metrics.pairsEmitted, metrics.recordsOut, metrics.groups]);
    }
    return { files, pairs, spills, reduced };
  } finally {
    for (const used of attemptFolders) for (const name of readdirSync(used)) rmSync(join(used, name));
  }
}

function sliceOf(path: string, partition: number, order: number): SegmentSlice {
  const { offset, bytes } = readSegmentIndex(path).partition(partition);
  return { path, start: offset, end: offset + bytes, order };
}

function options(job: AnyJob, stage: "map" | "reduce", taskIndex: number, how: How): AttemptOptions {
  const [workDir, outputDir] = ["work", "out"].map((name) => attemptFolder(`${stage}-${taskIndex}-${name}`));
  return {
    job,
    jobId: "j1",
    stage,
    taskIndex,
    attempt: 1,
    params: {},
    memoryBytes: how.memoryBytes ?? 8 * 1024 * 1024,
    workDir: workDir!,
    outputDir: outputDir!,
    collectRecords: how.collectRecords ?? false,
    log,
    signal: new AbortController().signal,
    onProgress: () => {},
  };
}

/** An empty folder. */
function attemptFolder(name: string): string {
  const path = join(folder, name);
  if (!attemptFolders.has(path)) mkdirSync(path);
  attemptFolders.add(path);
  return path;
}

/** With kernels and without, whatever the blocks and splits, a job's files are the same; returns them. */
async function sameEitherWay(job: AnyJob, content: string | Uint8Array, how: How = {}): Promise<Ran> {
  const expected = await run(job, content, { ...how, kernels: "off" });
  const found = await run(job, content, how);
  expect(found.files.map(String)).toEqual(expected.files.map(String));
  expect(found.pairs).toBe(expected.pairs);
  expect(found.reduced).toEqual(expected.reduced);
  return found;
}

const countWords = defineJob({
  name: "count",
  input: words(),
  map: countEach(),
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});

/** User code that does to words what users do. */
const oddWords = defineJob({
  name: "odd",
  input: words(),
  map(word, emit: Emit<string, number>, context) {
    emit(word, 1);
    if (word.length % 3 === 0) emit(word.toUpperCase(), 2);
    if (word.startsWith("f")) emit(word, 0.1);
    if (word.startsWith("b")) emit(`${word}`, 2 ** 40);
    if (word.startsWith("z")) emit(word, -0);
    if (word === "at") emit("last-at", context.split.offset);
  },
  combine: sum(),
  reduce: sum(),
  output: tsv(),
});

const word = fc.oneof(
  fc.constantFrom("a", "at", "foo", "bar", "zz", "__proto__", "x".repeat(15), "x".repeat(16), "é", "\u0000"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
);
const shape = fc.record({
  blockBytes: fc.constantFrom(16, 64, 4096),
  splits: fc.integer({ min: 1, max: 4 }),
});
const runs = { numRuns: 25 };
/** Of each of a table of jobs that are alike, and of what takes most of the time. */
const fewerRuns = { numRuns: 10 };

describe("a word count in a kernel", () => {
  test("is that of plain JavaScript, and of the ordinary way", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 80 }), shape, async (found, how) => {
        const content = Buffer.from(found.join(" ")).toString();
        const counts = new Map<string, number>();
        for (const [text] of content.matchAll(/[^ \t\n\v\f\r]+/g)) {
          counts.set(text, (counts.get(text) ?? 0) + 1);
        }
        const { files } = await sameEitherWay(countWords, content, how);
        const lines = String(Buffer.concat(files)).split("\n").slice(0, -1);
        expect(lines).toHaveLength(counts.size);
      }),
      runs,
    );
  });

  test("with user code is that of the ordinary way, whatever that emits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 80 }), shape, async (found, how) => {
        await sameEitherWay(oddWords, found.join("\n"), how);
      }),
      runs,
    );
  });

  test("keeps words whose sum is zero, and leaves out those of which nothing was emitted", async () => {
    const job = defineJob({
      ...oddWords,
      map(word: string, emit: Emit<string, number>) {
        if (word.length === 1) return;
        emit(word, word.startsWith("a") ? 0 : -0);
        if (word.startsWith("f")) for (const value of [1, -1]) emit(word, value);
      },
      output: jsonLines(),
    });
    const text = Array.from({ length: 9000 }, (_, i) => `${"abf"[i % 3]}${i % 5000} ${i % 10}`).join(" ");
    const { files } = await sameEitherWay(job, `${text} a sixteen-bytes-and-more`, { splits: 1 });
    expect(String(Buffer.concat(files)).split("\n")).toHaveLength(9000 + 2);
  });

  test("grows its table, and empties it into the buffer when it is full", async () => {
    const many = Array.from({ length: 60_000 }, (_, i) => `${i % 2 === 0 ? "w" : "a much longer word "}${i}`);
    const content = [...many, ...many.slice(0, 1000)].join("\n");
    for (const job of [countWords, oddWords]) {
      const { spills } = await sameEitherWay(job, content, { splits: 1, blockBytes: 65536 });
      expect(spills).toBeGreaterThan(0);
    }
  });
});

const oddText = fc.oneof(
  word,
  fc.constantFrom(
    "",
    "tab\t",
    "new\nline",
    "back\\slash",
    '"quoted"',
    "\u0001",
    "\u007f",
    "한글",
    "\ud800",
    "l".repeat(40),
  ),
);
const anyFoldKey = fc.oneof(oddText, fc.integer({ min: 0, max: 3 }), fc.tuple(oddText, fc.boolean()));
const anyNumber = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.double(),
  fc.constantFrom(0, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, 2 ** 53, 1e21, 0.1),
);

describe("a reducer by a built-in aggregator in a kernel", () => {
  test.each([
    ["sums", sum(), tsv()],
    ["minima", min(), jsonLines()],
    ["maxima", max(), tsv()],
    ["counts of whatever there is", count(), jsonLines()],
    ["sums for a writer that no kernel knows", sum(), csv()],
    ["minima of whatever there is", min(), tsv()],
  ] as const)("writes %s as the ordinary way does", async (name, reduce, output) => {
    const job: AnyJob = checkJob({
      name: "fold",
      input: textLines(),
      map(text: string, emit: Emit<Key, unknown>) {
        const [key, value] = JSON.parse(text) as [Key, unknown];
        // What JSON cannot hold.
        emit(key, value === null ? Number.NaN : value === "-0" ? -0 : value);
      },
      reduce: reduce as never,
      output,
    } as AnyJob);
    const value = fc.oneof(anyNumber, fc.constantFrom("-0", null));
    const isAny = name.endsWith("there is");
    const pair = fc.tuple(anyFoldKey, isAny ? fc.oneof(fc.integer(), fc.string()) : value);
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { maxLength: 150 }), shape, async (pairs, how) => {
        const content = pairs.map((each) => JSON.stringify(each)).join("\n");
        // CSV refuses what UTF-8 cannot hold.
        fc.pre(output.writer.kind !== "csv" || !content.includes("\\ud800"));
        await sameEitherWay(job, content, how);
      }),
      fewerRuns,
    );
  });
});

const line = fc.record({
  k: fc.oneof(word, fc.constant("key-longer-than-sixteen-bytes")),
  i: fc.integer({ min: -5, max: 5 }),
  n: fc.constantFrom(0, -0, 0.1, 1e-9, -7, 2 ** 31, 123456789.5, 1e300),
  b: fc.boolean(),
});
const fields = { k: "string", i: "int32", n: "number", b: "boolean" } as const;

describe("keys and values of declared fields in a kernel", () => {
  test.each([
    ["a sum by one field", keyBy("k", pick("n")), sum()],
    ["a sum by a tuple", keyBy(["k", "i", "b", "n"], pick("i")), sum()],
    ["a minimum by a tuple of one", keyBy(["n"], pick("i")), min()],
    ["a maximum by a number", keyBy("i", pick("n")), max()],
    ["a count by a field", countEach("b"), sum()],
    ["a count by two", countEach("i", "k"), sum()],
    ["what no kernel does", keyBy("k", pick("i", "n")), undefined],
  ] as const)("give %s as the ordinary way does", async (_, map, combine) => {
    const job: AnyJob = checkJob({
      name: "fields",
      input: jsonLines({ fields }),
      map: map as never,
      ...(combine === undefined ? {} : { combine }),
      reduce: (combine ?? identity()) as never,
      output: tsv(),
    } as AnyJob);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), shape, async (lines, how) => {
        await sameEitherWay(job, lines.map((record) => `${JSON.stringify(record)}\n`).join(""), how);
      }),
      fewerRuns,
    );
  });

  test("empty the table when it is full of long keys, and leave a key that is too long", async () => {
    const job = defineJob({
      name: "long",
      input: splitFields({ delimiter: ",", fields: [1, 0] }),
      map: countEach(0, 1),
      combine: sum(),
      reduce: sum(),
      output: tsv(),
    });
    const many = Array.from({ length: 24_000 }, (_, i) => `${i % 3},${"k".repeat(120)}${i}`);
    const content = [...many, `1,${"L".repeat(30_000)}`, ...many.slice(0, 99)].join("\n");
    const { spills } = await sameEitherWay(job, content, { splits: 1, blockBytes: 65536 });
    expect(spills).toBeGreaterThan(0);
  });

  test("of CSV go on after rows with quotes", async () => {
    const job = defineJob({
      name: "csv",
      input: csv({ fields: { n: "number", k: "string" } }),
      map: keyBy("k", pick("n")),
      combine: sum(),
      reduce: sum(),
      output: tsv(),
    });
    const rows = Array.from({ length: 500 }, (_, i) =>
      i % 50 === 7 ? `"q,\n${i}",1,2` : `k${i % 9},x,${i}`,
    );
    await sameEitherWay(job, `k,x,n\n${rows.join("\n")}`, { splits: 1, blockBytes: 256 });
  });

  test("that are not as declared fail the task, naming the line", async () => {
    const job = defineJob({
      name: "wrong",
      input: jsonLines({ fields }),
      map: keyBy("k", pick("n")),
      combine: sum(),
      reduce: sum(),
    });
    const content = '{"k":"a","i":1,"n":1,"b":true}\n{"k":"a","i":1,"n":"1","b":true}\n';
    for (const kernels of ["on", "off"] as const) {
      await expect(run(job, content, { kernels, splits: 1 })).rejects.toMatchObject({
        code: "RECORD_MALFORMED",
        details: { offset: 31 },
      });
    }
  });
});

const sortFixed = defineJob({
  name: "sort",
  input: fixedRecords({ bytes: 8, keyBytes: 3 }),
  map: keyBy("key", pick("value")),
  partitioner: rangePartitioner(),
  reduce: identity(),
  output: fixedRecords({ bytes: 8 }),
});

describe("a sort that nobody looks into", () => {
  test("of binary records is that of a stable sort by key", async () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 400 }).map((data) => data.map((byte) => byte % 7));
    await fc.assert(
      fc.asyncProperty(bytes, shape, async (data, how) => {
        const whole = Buffer.from(data.subarray(0, data.length & ~7));
        const records = Array.from({ length: whole.length / 8 }, (_, i) => whole.subarray(i * 8, i * 8 + 8));
        records.sort((a, b) => Buffer.compare(a.subarray(0, 3), b.subarray(0, 3)));
        const boundaries = [Uint8Array.of(9, 2, 2), Uint8Array.of(9, 4)];
        const { files } = await sameEitherWay(sortFixed, whole, { ...how, boundaries });
        expect(Buffer.concat(files)).toEqual(Buffer.concat(records));
      }),
      runs,
    );
  });

  test("spills when it must", async () => {
    const data = Buffer.alloc(8 * 100_000);
    for (let i = 0; i < data.length; i += 8) data.writeDoubleBE(Math.sin(i), i);
    const { files, spills } = await sameEitherWay(sortFixed, data, { boundaries: [], splits: 1 });
    expect(spills).toBeGreaterThan(0);
    expect(Buffer.concat(files)).toHaveLength(data.length);
  });

  const sortLines = defineJob({
    name: "sort-lines",
    input: textLines(),
    map(text, emit: Emit<string, unknown>) {
      emit(text.slice(0, 2), text === "bytes" ? Uint8Array.of(1, 10, 255) : text === "none" ? null : text);
    },
    reduce: identity(),
    output: textLines(),
  });

  test("of lines writes them as they were, whatever they are made of", async () => {
    const text = fc.oneof(
      fc.constantFrom("", "bytes", "none", "é", "tab\there", "𝒳𝒳", "a".repeat(31), "é".repeat(31), "\u0000"),
      fc.string({ unit: "binary", maxLength: 50 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 30 }), shape, async (lines, how) => {
        const content = lines.map((part) => `${part.replaceAll(/[\r\n]/g, "")}\n`).join("");
        const { files } = await sameEitherWay(sortLines, Buffer.from(content), how);
        const reference = { ...sortLines, reduce: byHand } as AnyJob;
        const expected = await run(reference, Buffer.from(content), how);
        expect(files).toEqual(expected.files);
      }),
      fewerRuns,
    );
  });

  test("of lines longer than what is written at once goes on after them", async () => {
    const lines = ["b", "a".repeat(262_143), "c", "a".repeat(300_000), "a", "d".repeat(600_000), "b"];
    const { files, reduced } = await sameEitherWay(sortLines, Buffer.from(`${lines.join("\n")}\n`), {
      boundaries: [],
      splits: 1,
    });
    expect(String(files[0])).toBe(`${[...lines].sort().join("\n")}\n`);
    expect(reduced).toEqual([[7, 7, 7, 5]]);
  });

  function byHand(key: unknown, values: Iterable<unknown>, emit: Emit<unknown, unknown>): void {
    for (const value of values) emit(key, value);
  }

  test("refuses what its writer refuses", async () => {
    const job = defineJob({ ...sortFixed, output: fixedRecords({ bytes: 9 }) });
    const failure = await run(job, Buffer.alloc(8), { boundaries: [] }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FanfoldError);
    expect(failure).toMatchObject({ code: "VALUE_UNSUPPORTED" });
  });

  test("keeps typed pairs as well when they are asked for", async () => {
    const data = Buffer.from("key1valukey0valu");
    const { files } = await sameEitherWay(sortFixed, data, { boundaries: [], collectRecords: true });
    expect(files).toHaveLength(2);
  });
});
