import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { type AnyJob, defineJob, type Emit, FanfoldError, rangePartitioner, sum } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import { runMapAttempt, runReduceAttempt, runSampleAttempt } from "../src/index.js";
import { Counters, Guard } from "../src/task-context.js";
import { Trial } from "../src/trial.js";
import { base, folder, mapOptions, mapWith } from "./attempt-harness.js";
import { attemptOptions, MemorySinks, memorySource, slicesOf } from "./memory-ports.js";

const records = Array.from({ length: 250 }, (_, i) => `line ${i}`);
const isBad = (line: string): boolean => line === "line 7" || line === "line 120";

/** Emits, counts and writes before it throws at a bad line. */
const touchy = defineJob({
  ...base,
  map(line: string, emit: Emit<string, number>, context) {
    emit("lines", 1);
    context.counters.add("seen");
    context.output("log").write(line);
    if (isBad(line)) throw new Error(`cannot read ${line}`);
    emit(line, 1);
  },
}) as AnyJob;

describe("a map attempt that may skip bad records", () => {
  test("skips what map throws at, leaves no trace of it, and saves where it was and why", async () => {
    const { result, sinks } = await mapWith(touchy, records, { partitions: 0, skipBadRecords: 5 });
    const pairs = sinks.pairs.get("part") ?? [];
    expect(pairs.filter(([key]) => key === "lines")).toHaveLength(248);
    expect(pairs).toHaveLength(2 * 248);
    expect(sinks.values.get("log")).toEqual(records.filter((line) => !isBad(line)));
    expect(result?.counters).toEqual({ seen: 248 });
    expect(result?.skipped?.count).toBe(2);
    expect(result?.skipped?.first[0]).toContain(
      "map threw Error: cannot read line 7, at record /in/a.txt byte 70",
    );
    const saved = sinks.values.get("_skipped") as Record<string, unknown>[];
    expect(saved).toMatchObject([
      { stage: "map", task: 4, path: "/in/a.txt", offset: 70, code: "USER_CODE_FAILED" },
      { stage: "map", task: 4, path: "/in/a.txt", offset: 1200, code: "USER_CODE_FAILED" },
    ]);
    expect(saved[0]!["at"]).toContain("skips.test.ts");
    expect(result?.metrics.recordsIn).toBe(250);
  });

  test("gives the same segment as a run without the bad records", async () => {
    const shuffled = { ...touchy, reduce: sum() } as AnyJob;
    const digestOf = async (input: readonly string[], skipBadRecords: number): Promise<unknown> => {
      const workDir = mkdtempSync(join(folder.path, "work-"));
      const { result } = await mapWith(shuffled, input, { workDir, skipBadRecords });
      return result?.segment?.digest;
    };
    const good = records.filter((line) => !isBad(line));
    const expected = await digestOf(good, 0);
    expect(expected).toBeDefined();
    expect(await digestOf(records, 5)).toBe(expected);
    expect(await digestOf(good, 5)).toBe(expected);
  });

  test("skips asynchronous failures and what emit refuses, even if user code catches that", async () => {
    const job = defineJob({
      ...base,
      async map(line: string, emit: Emit<string, unknown>) {
        await Promise.resolve();
        emit(line, 0);
        if (line === "line 3") await Promise.reject(new Error("late"));
        try {
          if (line === "line 5") emit(line, () => 1);
        } catch {
          // Whoever swallows the refusal must not have the record count all the same.
        }
      },
    }) as AnyJob;
    const { result, sinks } = await mapWith(job, records.slice(0, 10), { partitions: 0, skipBadRecords: 2 });
    expect(sinks.pairs.get("part")?.map(([key]) => key)).toEqual(
      records.slice(0, 10).filter((line) => line !== "line 3" && line !== "line 5"),
    );
    expect(result?.skipped?.count).toBe(2);
    expect(sinks.values.get("_skipped")).toMatchObject([{}, { code: "VALUE_UNSUPPORTED" }]);
  });

  test("keeps what was emitted as it was then, though user code reuses it", async () => {
    const reused: number[] = [];
    const job = defineJob({
      ...base,
      map(line: string, emit: Emit<string, number[]>) {
        for (const n of [1, 2]) {
          reused[0] = n;
          emit(line, reused);
        }
      },
    }) as AnyJob;
    const { sinks } = await mapWith(job, ["x"], { partitions: 0, skipBadRecords: 1 });
    expect(sinks.pairs.get("part")).toEqual([
      ["x", [1]],
      ["x", [2]],
    ]);
  });

  test("fails with the number and the first records when there is one too many", async () => {
    const { error, sinks } = await mapWith(touchy, records, { partitions: 0, skipBadRecords: 1 });
    expect(error.code).toBe("SKIP_LIMIT_EXCEEDED");
    expect(error.message).toContain("more than 1 bad records: 2 in map task 4 alone");
    expect(error.message).toContain("/in/a.txt byte 70");
    expect(error.message).toContain("/in/a.txt byte 1200");
    expect(sinks.aborted).toContain("_skipped");
  });

  test("skips records that the reader could not read, and only those errors that say that a record is bad", async () => {
    const malformed = new FanfoldError("RECORD_MALFORMED", "not JSON", {
      details: { path: "/in/a.txt", offset: 30 },
    });
    const source = {
      async *batches() {
        yield {
          path: "/in/a.txt",
          records: ["a"],
          offsetOf: () => 0,
          malformed: [malformed],
          inputBytes: 10,
        };
      },
    };
    const job = defineJob({
      ...base,
      map: (line: string, emit: Emit<string, number>) => emit(line, 1),
    }) as AnyJob;
    const sinks = new MemorySinks();
    const options = { ...mapOptions(job, [], 0), skipBadRecords: 1 };
    const result = await runMapAttempt(options, { source, sinks });
    expect(result.skipped?.count).toBe(1);
    expect(sinks.values.get("_skipped")).toMatchObject([{ offset: 30, code: "RECORD_MALFORMED" }]);
    const full = defineJob({
      ...base,
      map: () => {
        throw new FanfoldError("DISK_FULL", "no room");
      },
    }) as AnyJob;
    expect((await mapWith(full, records, { skipBadRecords: 1000 })).error.code).toBe("DISK_FULL");
    const setup = {
      ...touchy,
      setup: () => {
        throw new Error("no setup");
      },
    } as AnyJob;
    expect((await mapWith(setup, records, { skipBadRecords: 1000 })).error.message).toContain("setup threw");
  });

  test("without the option the first bad record fails the attempt", async () => {
    expect((await mapWith(touchy, records, { partitions: 0 })).error.code).toBe("USER_CODE_FAILED");
  });

  test("samples keys of the good records, and saves and counts nothing", async () => {
    const job = { ...touchy, reduce: sum(), partitioner: rangePartitioner() } as AnyJob;
    const sinks = new MemorySinks();
    const options = { ...mapOptions(job, records, 2), skipBadRecords: 1, sampleRecordsMax: 1000 };
    const { keys } = await runSampleAttempt(
      { ...options, stage: "sample" },
      { source: memorySource(records), sinks },
    );
    expect(keys).toHaveLength(2 * 248);
    expect(sinks.values.size).toBe(0);
  });
});

describe("a reduce attempt that may skip bad keys", () => {
  const pairs = ["a 1", "b 2", "b 3", "c 4"];
  const map = (line: string, emit: Emit<string, unknown>): void => {
    const [key, value] = line.split(" ") as [string, string];
    emit(key, key === "b" && value === "3" ? "three" : Number(value));
  };

  async function reduced(job: AnyJob): ReturnType<typeof reduceWith> {
    const mapped = await mapWith(job, pairs, { partitions: 1 });
    return reduceWith(job, mapped.result === undefined ? [] : [mapped.result]);
  }

  async function reduceWith(job: AnyJob, maps: Parameters<typeof slicesOf>[0]) {
    const sinks = new MemorySinks();
    const options = { ...attemptOptions(job, folder.path, "reduce", 0), partition: 0, skipBadRecords: 1 };
    const result = await runReduceAttempt(
      { ...options, segments: slicesOf(maps, 0) },
      { source: memorySource([]), sinks },
    );
    return { result, sinks };
  }

  test("skips a key that reduce throws at, with all its values and all that was emitted for it", async () => {
    const job = defineJob({
      ...base,
      map,
      reduce(key: string, values: Iterable<unknown>, emit: Emit<string, unknown>) {
        for (const value of values) {
          emit(key, value);
          if (typeof value !== "number") throw new TypeError("no number");
        }
      },
    }) as AnyJob;
    const { result, sinks } = await reduced(job);
    expect(sinks.pairs.get("part")).toEqual([
      ["a", 1],
      ["c", 4],
    ]);
    expect(result.skipped?.count).toBe(1);
    expect(sinks.values.get("_skipped")).toMatchObject([
      { stage: "reduce", partition: 0, key: "b", code: "USER_CODE_FAILED" },
    ]);
  });

  test("skips a key whose values a built-in aggregator cannot take", async () => {
    const job = defineJob({ ...base, map, reduce: sum() as never }) as AnyJob;
    const { sinks } = await reduced(job);
    expect(sinks.pairs.get("part")).toEqual([
      ["a", 1],
      ["c", 4],
    ]);
  });
});

describe("a trial", () => {
  test("that does more than can be held back lets it through, and can no longer be undone", () => {
    const seen: unknown[] = [];
    const counters = new Counters();
    const outputs = { named: () => ({ write: (value: unknown) => void seen.push(value) }) };
    const emit = (key: unknown, value: unknown): void => void seen.push([key, value]);
    const trial = new Trial({ emit, check: () => {}, outputs, counters, guard: new Guard(), bytesMax: 300 });
    trial.begin();
    trial.emit("a", 1);
    trial.counters.add("n");
    expect(seen).toEqual([]);
    expect(trial.canRollBack).toBe(true);
    trial.outputs.named("log").write("x".repeat(300));
    trial.emit("b", 2);
    expect(seen).toEqual([["a", 1], "x".repeat(300), ["b", 2]]);
    expect(trial.canRollBack).toBe(false);
    expect(counters.toRecord()).toEqual({ n: 1 });
    trial.commit();
    trial.begin();
    expect(trial.canRollBack).toBe(true);
    trial.emit("c", 3);
    trial.rollback();
    expect(seen).toHaveLength(3);
  });
});
