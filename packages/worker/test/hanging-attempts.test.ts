import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyJob } from "@fanfold/job";
import type { MapAssignment } from "@fanfold/scheduler";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { executorEndReport } from "../src/executor-end.js";
import { readRecordTrace, recordText, traced } from "../src/record-trace.js";
import { StallWatch } from "../src/stall-watch.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-trace-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe("the watch over hanging attempts", () => {
  it("names an attempt once that has said nothing for its time, and no other", () => {
    const watch = new StallWatch();
    watch.start("a", 1_000, 0);
    watch.start("b", 1_000, 0);
    watch.start("c", 9_000, 0);
    watch.heard("b", 500);
    expect(watch.takeStalled(999)).toEqual([]);
    expect(watch.takeStalled(1_000)).toEqual(["a"]);
    expect(watch.takeStalled(1_499)).toEqual([]);
    expect([watch.timeoutOf("a"), watch.timeoutOf("b")]).toEqual([1_000, undefined]);
    watch.end("b");
    expect(watch.takeStalled(8_000)).toEqual([]);
  });
});

describe("the trace of records", () => {
  const context = (offset: number): object => ({ split: { path: "/in/ä", offset } });

  it("holds the record or key that user code was given last, whatever became of it", () => {
    const given: unknown[] = [];
    const job = {
      map: (record: unknown) => given.push(record),
      reduce: (key: unknown) => given.push(key),
    } as unknown as AnyJob;
    const job2 = traced(job, dir) as unknown as Record<"map" | "reduce", (...all: unknown[]) => void>;
    expect(readRecordTrace(dir)).toBeUndefined();
    job2.map("long record", () => undefined, context(1_000_000));
    job2.map("short", () => undefined, context(7));
    expect(readRecordTrace(dir)).toEqual({ function: "map", path: "/in/ä", offset: 7 });
    expect(recordText(readRecordTrace(dir))).toBe(", at record /in/ä byte 7");
    job2.reduce("k", [], () => undefined, {});
    expect(recordText(readRecordTrace(dir))).toBe(', at key "k"');
    expect(given).toEqual(["long record", "short", "k"]);
  });

  it("goes into what is said of a process that died and of one that was killed", () => {
    const assignment = {
      kind: "map",
      attempt: { jobId: "j", stage: 0, task: 3, attempt: 2, epoch: 1 },
    } as MapAssignment;
    const details = { function: "map", path: "/in", offset: 5 };
    const died = { how: "exited with code 1", printed: "oh", details, silentMs: undefined };
    expect(executorEndReport(assignment, died)).toEqual({
      code: "EXECUTOR_EXITED",
      message:
        "The executor process exited with code 1 while it ran map task 3 (attempt 2), at record /in byte 5.\n" +
        "Its last words on standard error:\noh",
      details,
    });
    expect(executorEndReport(assignment, { ...died, silentMs: 1_500 })).toMatchObject({
      code: "TASK_STALLED",
      message: expect.stringContaining("no progress for 1.5 s, at record /in byte 5"),
    });
  });
});
