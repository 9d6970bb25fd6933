import { readdirSync } from "node:fs";
import { collect, defineJob, type Emit, FanfoldError, jsonLines, sum, tsv } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import { type AttemptProgress, runMapAttempt } from "../src/index.js";
import { base, folder, lines, mapOptions, mapWith } from "./attempt-harness.js";
import { attemptOptions, MemorySinks, memorySource, splitOf } from "./memory-ports.js";

describe("a map attempt", () => {
  test("names the function, record, task and attempt when user code throws, and keeps the cause", async () => {
    const cause = new TypeError("x is not a function");
    const job = defineJob({
      ...base,
      map(line, _emit: Emit<string, number>) {
        if (line === "line 123") throw cause;
      },
      reduce: sum(),
    });
    const { error } = await mapWith(job, lines);
    expect(error.code).toBe("USER_CODE_FAILED");
    expect(error.message).toBe(
      "map threw TypeError: x is not a function, at record /in/a.txt byte 1230 (map task 4, attempt 1)",
    );
    expect(error.cause).toBe(cause);
    expect(error.details).toMatchObject({
      path: "/in/a.txt",
      offset: 1230,
      function: "map",
      task: 4,
      attempt: 1,
    });
  });

  test("fails on a refused emit even when user code catches it, naming the record", async () => {
    const bad: [unknown, unknown, string][] = [
      [{}, 1, "KEY_UNSUPPORTED"],
      ["k", () => 1, "VALUE_UNSUPPORTED"],
      ["k", { a: [Symbol("s")] }, "VALUE_UNSUPPORTED"],
    ];
    for (const [key, value, code] of bad) {
      for (const reduce of [collect(), undefined]) {
        const job = defineJob({
          ...base,
          map(line, emit: Emit<string, number>) {
            try {
              emit((line === "line 7" ? key : "k") as never, (line === "line 7" ? value : 1) as never);
            } catch {}
          },
          ...(reduce === undefined ? {} : { reduce: reduce as never }),
        });
        const { error } = await mapWith(job, lines, { partitions: reduce === undefined ? 0 : 2 });
        expect(error.code).toBe(code);
        expect(error.message).toContain("at record /in/a.txt byte 70 (map task 4, attempt 1)");
      }
    }
  });

  test("awaits an asynchronous map before the next record", async () => {
    const seen: string[] = [];
    const job = defineJob({
      ...base,
      async map(line, emit: Emit<string, number>) {
        seen.push(`start ${line}`);
        await new Promise((resolve) => setImmediate(resolve));
        emit(line, 1);
        seen.push(`end ${line}`);
      },
      reduce: sum(),
    });
    const { result } = await mapWith(job, ["a", "b"]);
    expect(seen).toEqual(["start a", "end a", "start b", "end b"]);
    expect(result?.metrics).toMatchObject({ recordsIn: 2, pairsEmitted: 2, recordsOut: 2, spills: 0 });
  });

  test("names the record of a rejected promise", async () => {
    const job = defineJob({
      ...base,
      async map(line) {
        await null;
        if (line === "line 3") throw new Error("late");
      },
      reduce: sum(),
    });
    expect((await mapWith(job, lines)).error.message).toContain(
      "map threw Error: late, at record /in/a.txt byte 30",
    );
  });

  test("refuses a pair emitted after its end", async () => {
    let leaked: Emit<string, number> = () => {};
    const job = defineJob({
      ...base,
      map(_line, emit: Emit<string, number>) {
        leaked = emit;
      },
      reduce: sum(),
    });
    await mapWith(job, lines);
    expect(() => leaked("k", 1)).toThrow(expect.objectContaining({ code: "USER_CODE_FAILED" }));
  });

  test("gives user code its context, counters and named outputs", async () => {
    const seen: unknown[] = [];
    const job = defineJob({
      ...base,
      output: tsv(),
      outputs: { errors: jsonLines() },
      setup: (context) => void seen.push(context.task.stage, context.job.id),
      map(line, emit: Emit<string, number>, context) {
        context.counters.add("__proto__");
        context.counters.add("bytes", line.length);
        if (line === "line 2")
          context.output("errors").write({ at: context.split.offset, path: context.split.path });
        emit(line, 1);
      },
      teardown: (context) => context.output("errors").write("last"),
    });
    const { result, sinks } = await mapWith(job, lines.slice(0, 3), { partitions: 0, collectRecords: true });
    expect(seen).toEqual(["map", "j1"]);
    expect(sinks.values.get("errors")).toEqual([{ at: 20, path: "/in/a.txt" }, "last"]);
    expect(sinks.pairs.get("part")).toEqual([0, 1, 2].map((i) => [`line ${i}`, 1]));
    expect(sinks.pairs.get("records")).toEqual(sinks.pairs.get("part"));
    expect(Object.entries(result?.counters ?? {})).toEqual([
      ["__proto__", 3],
      ["bytes", 18],
    ]);
    expect(result?.outputs.map(({ name, kind, records }) => [name, kind, records])).toEqual([
      ["part", "part", 3],
      ["records", "records", 3],
      ["errors", "named", 2],
    ]);
    expect(result?.segment).toBeUndefined();
  });

  test("refuses names of outputs that are not portable or not declared", async () => {
    for (const [name, outputs] of [
      ["../up", undefined],
      ["part", undefined],
      ["_SUCCESS", undefined],
      ["other", { errors: jsonLines() }],
      ["constructor", { errors: jsonLines() }],
    ] as const) {
      const job = defineJob({
        ...base,
        map(_line, _emit: Emit<string, number>, context) {
          try {
            context.output(name as never).write(1);
          } catch {}
        },
        ...(outputs === undefined ? {} : { outputs: outputs as never }),
      });
      expect((await mapWith(job, ["a"], { partitions: 0 })).error.code).toBe("OUTPUT_NAME_INVALID");
    }
  });

  test("that is map-only has a part file even without records", async () => {
    const { result, sinks } = await mapWith(defineJob({ ...base, map() {} }), [], { partitions: 0 });
    expect(result?.outputs.map(({ name }) => name)).toEqual(["part"]);
    expect(sinks.closed).toEqual(["part"]);
  });

  test("stops with the signal's reason while a slow map runs, and leaves no files", async () => {
    const controller = new AbortController();
    const job = defineJob({
      ...base,
      map(line, emit: Emit<string, string>) {
        const until = performance.now() + 2;
        while (performance.now() < until);
        emit(line, line);
      },
      reduce: collect(),
    });
    const reason = new Error("lost");
    setImmediate(() => controller.abort(reason));
    const { error } = await mapWith(job, lines, { signal: controller.signal });
    expect(error).toBe(reason);
    expect(readdirSync(mapOptions(job, [], 2).workDir)).toEqual([]);
  });

  test("names the partitioner or groupBy that throws, and the record that was emitted", async () => {
    const throws = (): never => {
      throw new RangeError("odd");
    };
    for (const name of ["partitioner", "groupBy"] as const) {
      const map = (line: string, emit: Emit<string, number>): void => emit(line, 1);
      const { error } = await mapWith(defineJob({ ...base, map, reduce: sum(), [name]: throws }), ["a"]);
      expect(error).toMatchObject({ code: "USER_CODE_FAILED", cause: new RangeError("odd") });
      expect(error.message).toContain(
        `${name} threw RangeError: odd, at record /in/a.txt byte 0 (map task 4, attempt 1)`,
      );
    }
  });

  test("names the hook that throws, and bounds its counters", async () => {
    const wrong = new Error("not today");
    const throws = (): never => {
      throw wrong;
    };
    for (const hook of ["setup", "teardown"] as const) {
      const job = defineJob({ ...base, map() {}, reduce: sum(), [hook]: throws });
      const { error } = await mapWith(job, ["a"]);
      expect(error.message).toBe(`${hook} threw Error: not today (map task 4, attempt 1)`);
      expect(error.cause).toBe(wrong);
    }
    for (const [name, n, code] of [
      ["", 1, "USER_CODE_FAILED"],
      ["x", Number.NaN, "USER_CODE_FAILED"],
      [undefined, 1, "LIMIT_EXCEEDED"],
    ] as const) {
      const job = defineJob({
        ...base,
        map(_line, _emit: Emit<string, number>, context) {
          for (let i = 0; i < 1001; i++) context.counters.add(name ?? `counter ${i}`, n);
        },
        reduce: sum(),
      });
      expect((await mapWith(job, ["a"])).error.code).toBe(code);
    }
  });

  test("reports progress after each record where one takes long, without being asked for it", async () => {
    const reports: number[] = [];
    const job = defineJob({
      ...base,
      map(_line, emit: Emit<string, number>) {
        for (const until = performance.now() + 120; performance.now() < until; );
        emit("k", 1);
      },
      reduce: sum(),
    });
    await mapWith(job, ["a", "b", "c", "d"], {
      onProgress: ({ recordsIn }) => void reports.push(recordsIn),
    });
    expect(reports.slice(0, 4)).toEqual([1, 2, 3, 4]);
  });

  test("reports progress from within a batch", async () => {
    const reports: AttemptProgress[] = [];
    const job = defineJob({
      ...base,
      map(line, emit: Emit<string, number>) {
        const until = performance.now() + 3;
        while (performance.now() < until);
        emit(line, 1);
      },
      reduce: sum(),
    });
    await mapWith(job, lines.slice(0, 100), { onProgress: (progress) => void reports.push(progress) });
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.at(-1)).toEqual({ recordsIn: 100, bytesIn: 1000, bytesTotal: 1000, recordsOut: 100 });
    const early = reports[0] as AttemptProgress;
    expect(early.recordsIn).toBeGreaterThan(0);
    expect(early.recordsIn).toBeLessThan(100);
    expect(early.bytesIn).toBe(early.recordsIn * 10);
  });

  test("aborts its outputs when a sink fails, and passes the sink's error on", async () => {
    const full = new FanfoldError("DISK_FULL", "no space");
    const sinks = new MemorySinks();
    const open = sinks.open.bind(sinks);
    sinks.open = (writer, stem) => ({
      ...open(writer, stem),
      writePair: () => {
        throw full;
      },
    });
    const job = defineJob({
      ...base,
      map(line, emit: Emit<string, number>) {
        try {
          emit(line, 1);
        } catch {}
      },
    });
    const run = runMapAttempt(mapOptions(job, ["a"], 0), { source: memorySource(["a"]), sinks });
    await expect(run).rejects.toBe(full);
    expect(sinks.aborted).toEqual(["part"]);
  });

  test("leaves no segment when an output cannot be closed", async () => {
    const full = new FanfoldError("DISK_FULL", "no space");
    const sinks = new MemorySinks();
    const open = sinks.open.bind(sinks);
    sinks.open = (writer, stem) => ({
      ...open(writer, stem),
      close: () => {
        throw full;
      },
    });
    const job = defineJob({
      ...base,
      map: (line, emit: Emit<string, number>) => emit(line, 1),
      teardown: (context) => context.output("side").write(1),
      reduce: sum(),
    });
    const options = mapOptions(job, ["a"], 1);
    await expect(runMapAttempt(options, { source: memorySource(["a"]), sinks })).rejects.toBe(full);
    expect(readdirSync(options.workDir)).toEqual([]);
    expect(sinks.aborted).toEqual(["side"]);
  });

  test("passes an error of its source on as it is", async () => {
    const broken = new FanfoldError("INPUT_CORRUPT", "cut");
    const source = {
      // biome-ignore lint/correctness/useYield: a source that fails at once.
      async *batches(): AsyncGenerator<never> {
        throw broken;
      },
    };
    const job = defineJob({ ...base, map() {}, reduce: sum() });
    const run = runMapAttempt(mapOptions(job, [], 1), { source, sinks: new MemorySinks() });
    await expect(run).rejects.toBe(broken);
  });

  test("gives the same digest twice for the same records, and another for others", async () => {
    const job = defineJob({
      ...base,
      map: (line, emit: Emit<string, number>) => emit(line, line.length),
      reduce: sum(),
    });
    const digests: (string | undefined)[] = [];
    for (const [index, records] of [lines, lines, lines.slice(1)].entries()) {
      const options = attemptOptions(job, folder.path, "map", index);
      const rest = { split: splitOf(records), partitions: 2, boundaries: undefined };
      const ports = { source: memorySource(records, 10 + index), sinks: new MemorySinks() };
      digests.push((await runMapAttempt({ ...options, ...rest }, ports)).segment?.digest);
    }
    expect(digests[1]).toBe(digests[0]);
    expect(digests[2]).not.toBe(digests[0]);
  });
});
