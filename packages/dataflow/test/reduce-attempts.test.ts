import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import {
  type AnyJob,
  collect,
  count,
  defineJob,
  type Emit,
  type InputRange,
  mean,
  type Split,
  sum,
  topK,
} from "@fanfold/job";
import { describe, expect, test } from "vitest";
import {
  boundariesFrom,
  decodeKey,
  encodeKey,
  runMapAttempt,
  runReduceAttempt,
  runSampleAttempt,
} from "../src/index.js";
import { base, folder, lines, mapOptions } from "./attempt-harness.js";
import { attemptOptions, MemorySinks, memorySource, runJob, slicesOf } from "./memory-ports.js";

describe("a reduce attempt", () => {
  const words = ["a 1", "b 2", "a 3", "a 5", "b 4"];
  const emitWords = (line: string, emit: Emit<string, number>): void => {
    const [word, number] = line.split(" ") as [string, string];
    emit(word, Number(number));
  };

  async function reduced(reduce: AnyJob["reduce"]): Promise<unknown> {
    const job = defineJob({ ...base, map: emitWords, reduce: reduce as never }) as AnyJob;
    const root = mkdtempSync(join(folder.path, "run-"));
    const run = await runJob(job, root, { splits: [words.slice(0, 2), words.slice(2)], partitions: 1 });
    return run.partitions[0];
  }

  test("runs every built-in aggregator", async () => {
    expect(await reduced(count())).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
    expect(await reduced(mean())).toEqual([
      ["a", 3],
      ["b", 3],
    ]);
    expect(await reduced(topK<number>(2))).toEqual([
      ["a", [5, 3]],
      ["b", [4, 2]],
    ]);
    expect(await reduced(collect())).toEqual([
      ["a", [1, 3, 5]],
      ["b", [2, 4]],
    ]);
  });

  test("skips the values that reduce does not read", async () => {
    const firstOnly = (key: string, values: Iterable<number>, emit: Emit<string, number>): void => {
      for (const value of values) {
        emit(key, value);
        break;
      }
    };
    expect(await reduced(firstOnly as never)).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(
      await reduced(((key: string, _: unknown, emit: Emit<string, number>) => emit(key, 0)) as never),
    ).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
  });

  test("awaits an asynchronous reduce, which may read its values lazily", async () => {
    const slow = async (key: string, values: Iterable<number>, emit: Emit<string, number>): Promise<void> => {
      let total = 0;
      for (const value of values) {
        await null;
        total += value;
      }
      emit(key, total);
    };
    expect(await reduced(slow as never)).toEqual([
      ["a", 9],
      ["b", 6],
    ]);
  });

  test("refuses values that are read twice, or after their time", async () => {
    const twice = (_key: string, values: Iterable<number>): void => {
      for (const _ of values);
      for (const _ of values);
    };
    await expect(reduced(twice as never)).rejects.toThrow(/can be iterated once.*at key "a" \(reduce task 0/);
    const kept: Iterator<number>[] = [];
    const late = (_key: string, values: Iterable<number>): void => {
      for (const old of kept) old.next();
      kept.push(values[Symbol.iterator]());
    };
    await expect(reduced(late as never)).rejects.toThrow(/can only be read while.*at key "b"/);
  });

  test("names the key when reduce throws", async () => {
    const wrong = (key: string): void => {
      if (key === "b") throw new Error("no");
    };
    await expect(reduced(wrong as never)).rejects.toMatchObject({
      code: "USER_CODE_FAILED",
      message: 'reduce threw Error: no, at key "b" (reduce task 0, attempt 1)',
      details: { key: '"b"', stage: "reduce" },
    });
  });

  test("fails on a damaged segment even when user code catches the error", async () => {
    const job = defineJob({
      ...base,
      map: (line, emit: Emit<string, string>) => emit("k", line.repeat(50)),
      reduce(_key, values) {
        try {
          for (const _ of values);
        } catch {}
      },
    });
    const records = Array.from({ length: 5000 }, (_, i) => `${i} ${Math.sin(i)}`);
    const map = await runMapAttempt(mapOptions(job, records, 1), {
      source: memorySource(records),
      sinks: new MemorySinks(),
    });
    const segments = slicesOf([map], 0).map((slice) => ({ ...slice, end: slice.end - 1 }));
    const options = { ...attemptOptions(job, folder.path, "reduce", 0), partition: 0, segments };
    const sinks = new MemorySinks();
    const run = runReduceAttempt(options, { source: memorySource([]), sinks });
    await expect(run).rejects.toMatchObject({ code: "SEGMENT_CORRUPT" });
    expect(sinks.aborted).toEqual(["part"]);
  });

  test("refuses a groupBy that tears groups apart", async () => {
    const job = defineJob({
      ...base,
      map: (line, emit: Emit<[string, number], number>) => emit([line, line.length], 1),
      groupBy: ([, length]) => length,
      reduce: count(),
    });
    const run = runJob(job, folder.path, { splits: [["aaa", "b"]], partitions: 1 });
    await expect(run).rejects.toMatchObject({ code: "GROUP_NOT_CONTIGUOUS" });
  });

  test("streams a key with many values in bounded memory", async () => {
    const job = defineJob({
      ...base,
      map(_line, emit: Emit<string, string>) {
        for (let i = 0; i < 3000; i++) emit("hot", String(i).padEnd(200, "."));
      },
      reduce(key, values, emit: Emit<string, number>) {
        let seen = 0;
        let heapMax = 0;
        for (const _ of values) {
          seen += 1;
          if (seen % 20_000 === 0) heapMax = Math.max(heapMax, process.memoryUsage().heapUsed);
        }
        emit(key, seen);
        emit("heap", heapMax);
      },
    });
    const heapBefore = process.memoryUsage().heapUsed;
    const run = await runJob(job, folder.path, { splits: [lines.slice(0, 100)], partitions: 1 });
    const [[, seen], [, heapMax]] = run.partitions[0] as [[string, number], [string, number]];
    expect(seen).toBe(300_000);
    expect(run.maps[0]?.metrics.spills).toBeGreaterThan(3);
    // Held as strings, the values would take 65 MB.
    expect(heapMax - heapBefore).toBeLessThan(45_000_000);
  });
});

describe("a sample attempt", () => {
  test("gives sorted keys spread over the whole split, and no outputs", async () => {
    const job = defineJob({
      ...base,
      map(line, emit: Emit<number, number>, context) {
        context.counters.add("mapped");
        context.output("side").write(line);
        emit(Number(line.slice(5)), 1);
      },
      reduce: sum(),
    });
    const sinks = new MemorySinks();
    const options = { ...mapOptions(job, lines, 2), stage: "sample" as const, sampleRecordsMax: 30 };
    const { keys } = await runSampleAttempt(options, { source: memorySource(lines, 50), sinks });
    const numbers = keys.map((key) => decodeKey(key) as number);
    expect(numbers.length).toBeGreaterThanOrEqual(30);
    expect(numbers.length).toBeLessThanOrEqual(60);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(Math.max(...numbers)).toBeGreaterThan(250);
    expect(sinks.values.size).toBe(0);
  });

  test("reads small parts of a large range, if its file was cut already", async () => {
    const job: AnyJob = defineJob({ ...base, map: () => undefined, reduce: sum() });
    const range = { path: "/in/a.txt", start: 0, end: 2 ** 30, fileBytes: 2 ** 31, modifiedMs: 0 };
    const options = { ...mapOptions(job, [], 2), stage: "sample" as const, sampleRecordsMax: 30 };
    const read: InputRange[][] = [];
    const source = {
      batches: (split: Split) => {
        read.push([...split.ranges]);
        return memorySource([]).batches(split);
      },
    };
    const ports = { source, sinks: new MemorySinks() };
    for (const ranges of [[range], [{ ...range, fileBytes: range.end }]]) {
      await runSampleAttempt({ ...options, split: { ranges } }, ports);
    }
    const [parts, whole] = read;
    expect(parts!.reduce((total, part) => total + part.end - part.start, 0)).toBe(32 * 65536);
    expect(parts!.at(-1)!.start).toBe((2 ** 30 / 32) * 31);
    expect(whole).toHaveLength(1);
  });

  test("samples group keys when the job groups", async () => {
    const job = defineJob({
      ...base,
      map: (line, emit: Emit<[string, number], number>) => emit([line, 1], 1),
      groupBy: ([line]) => line,
      reduce: count(),
    });
    const options = { ...mapOptions(job, ["b", "a"], 2), sampleRecordsMax: 10 };
    const { keys } = await runSampleAttempt(options, {
      source: memorySource(["b", "a"]),
      sinks: new MemorySinks(),
    });
    expect(keys.map((key) => decodeKey(key))).toEqual(["a", "b"]);
  });
});

describe("boundaries", () => {
  const keysOf = (numbers: readonly number[]): Uint8Array[] => numbers.map((number) => encodeKey(number));
  const cut = (numbers: readonly number[], partitions: number): unknown[] => {
    return boundariesFrom(keysOf(numbers), partitions).map((key) => decodeKey(key));
  };

  test("cut the sample into equal parts", () => {
    const numbers = Array.from({ length: 1000 }, (_, i) => (i * 37) % 1000);
    expect(cut(numbers, 4)).toEqual([250, 500, 750]);
    expect(cut(numbers, 1)).toEqual([]);
  });

  test("are never equal, and leave a frequent key to itself", () => {
    const numbers = [
      ...Array.from({ length: 900 }, () => 5),
      ...Array.from({ length: 100 }, (_, i) => i + 100),
      1,
    ];
    expect(cut(numbers, 4)).toEqual([5, 100, 150]);
    expect(cut([7, 7, 7], 3)).toEqual([]);
    expect(cut([], 3)).toEqual([]);
    expect(cut([1, 2], 5)).toEqual([2]);
  });
});
