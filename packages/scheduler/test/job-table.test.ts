import { describe, expect, it } from "vitest";
import {
  type Command,
  type FinishedAttempt,
  type JobOptions,
  type JobRecord,
  type JobSpec,
  type JobState,
  JobTable,
  type TableEvent,
  type TaskResult,
} from "../src/index.js";
import { spec, splits } from "./driver.js";

const jobId = "job-1";
const outcome = { code: "USER_CODE_FAILED", message: "boom" } as const;

function planned(jobSpec: JobSpec, maps: number, partitions: number): JobTable {
  const table = new JobTable();
  table.apply({ type: "jobSubmitted", jobId, spec: jobSpec, atMs: 1 });
  table.apply({
    type: "jobPlanned",
    jobId,
    from: 0,
    splits: splits(maps),
    isLast: true,
    partitions,
    atMs: 2,
  });
  return table;
}

/** A job of `maps` maps and `reduces` reduce tasks that is running. */
function tableOf(maps: number, reduces: number, options: Partial<JobOptions> = {}): JobTable {
  return planned(spec(maps, reduces, { options }), maps, reduces);
}

function id(stage: number, task: number, attempt = 1, epoch = 1): FinishedAttempt["attempt"] {
  return { jobId, stage, task, attempt, epoch };
}

interface Finish {
  attempt?: number;
  workerId?: string;
  digest?: string;
  inputsVersion?: number;
  result?: Partial<TaskResult>;
}

function finished(stage: number, task: number, more: Finish = {}): Command {
  const { attempt = 1, workerId = "w1", digest = `d${task}`, inputsVersion = 0 } = more;
  const result = {
    segment: { path: `/seg/${task}`, bytes: 1, digest },
    outputs: [],
    counters: {},
    metrics: {},
    ...more.result,
  };
  return {
    type: "tasksFinished",
    atMs: 10,
    results: [{ attempt: id(stage, task, attempt), workerId, inputsVersion, result }],
  };
}

type Failing = Extract<Command, { type: "attemptsFailed" }>["failures"][number];

function failed(stage: number, task: number, attempt: number, more: Partial<Failing> = {}): Command {
  const failure = {
    attempt: id(stage, task, attempt),
    workerId: "w1",
    kind: "failed",
    error: outcome,
  } as const;
  return { type: "attemptsFailed", atMs: 20, failures: [{ ...failure, ...more }] };
}

/** A report of reduce task `task` that output of `map` could not be fetched. */
function unfetched(task: number, attempt: number, ...maps: { task: number; attempt?: number }[]): Command {
  const missing = maps.map((map) => ({ stage: 0, task: map.task, attempt: map.attempt ?? 1, epoch: 1 }));
  return failed(1, task, attempt, { kind: "fetchFailed", missing });
}

function typesOf(events: readonly TableEvent[]): string[] {
  return events.map((event) => event.type);
}

function theJob(table: JobTable): JobRecord {
  return table.job(jobId)!;
}

describe("submitting", () => {
  const submit = (id: string, more: { key?: string; out?: string } = {}): Command => ({
    type: "jobSubmitted",
    jobId: id,
    atMs: 1,
    spec: spec(1, 1, { out: more.out ?? null }),
    ...(more.key === undefined ? {} : { key: more.key }),
  });

  it("makes one job of submits with the same key, also after the first one is over", () => {
    const table = new JobTable();
    expect(table.apply(submit("a", { key: "k" }))).toEqual([
      { type: "jobAccepted", requestedJobId: "a", jobId: "a", isNew: true },
    ]);
    table.apply({ type: "jobCancelRequested", jobId: "a", atMs: 2 });
    expect(table.apply(submit("b", { key: "k" }))).toEqual([
      { type: "jobAccepted", requestedJobId: "b", jobId: "a", isNew: false },
    ]);
    expect([...table.jobs()].map((job) => job.id)).toEqual(["a"]);
    expect(table.jobOfKey("k")?.id).toBe("a");
  });

  it("keeps submits without a key, or with other keys, apart", () => {
    const table = new JobTable();
    for (const command of [submit("a"), submit("b"), submit("c", { key: "1" }), submit("d", { key: "2" })]) {
      table.apply(command);
    }
    expect([...table.jobs()]).toHaveLength(4);
  });

  it("refuses a second job for an output folder that a running job will write", () => {
    const table = new JobTable();
    table.apply(submit("a", { out: "/out" }));
    expect(table.apply(submit("b", { out: "/out" }))).toMatchObject([
      { type: "jobRefused", error: { code: "OUTPUT_BUSY", details: { jobId: "a", out: "/out" } } },
    ]);
    table.apply({ type: "jobCancelRequested", jobId: "a", atMs: 2 });
    expect(typesOf(table.apply(submit("b", { out: "/out" })))).toEqual(["jobAccepted"]);
  });

  it("refuses ids and plans that could not be carried out", () => {
    const table = new JobTable();
    const good = spec(1, 1);
    const [map, reduce] = good.plan.stages;
    const plans = [
      [],
      [map!],
      [reduce!, map!],
      [map!, { ...reduce!, after: [] }],
      [map!, { ...reduce!, input: { type: "shuffle", from: 1 } as const }],
      [map!, { ...reduce!, id: 7 }],
    ];
    for (const stages of plans) {
      const command = { ...submit("a"), spec: { ...good, plan: { stages } } } as Command;
      expect(table.apply(command)).toMatchObject([{ type: "jobRefused", error: { code: "JOB_INVALID" } }]);
    }
    for (const bad of ["", "a/b", "..".repeat(60)]) {
      expect(table.apply(submit(bad))).toMatchObject([
        { type: "jobRefused", error: { code: "JOB_INVALID" } },
      ]);
    }
    expect([...table.jobs()]).toEqual([]);
  });
});

describe("planning", () => {
  const part = (from: number, count: number, isLast: boolean): Command => ({
    type: "jobPlanned",
    jobId,
    atMs: 5,
    from,
    splits: splits(from + count).slice(from),
    isLast,
    partitions: 2,
  });

  it("puts long lists together from several commands, and starts afresh when a new leader lists again", () => {
    const table = new JobTable();
    table.apply({ type: "jobSubmitted", jobId, spec: spec(1, 2), atMs: 1 });
    table.apply(part(0, 10, false));
    table.apply(part(20, 5, true)); // does not follow: from a leader that has lost its reign
    expect(theJob(table).state).toBe("pending");
    table.apply(part(0, 4, false));
    table.apply(part(4, 3, true));
    expect(theJob(table).state).toBe("running");
    expect(theJob(table).splits).toEqual(splits(7));
    expect(theJob(table).stages.map((stage) => stage.tasks)).toEqual([7, 2]);
    expect(table.apply(part(0, 1, true))).toEqual([]);
  });

  it("opens a stage when those before it are done, and closes an empty one at once", () => {
    const table = tableOf(0, 3);
    expect(theJob(table).stages.map(({ startedMs, isDone }) => [startedMs, isDone])).toEqual([
      [2, true],
      [2, false],
    ]);
    const other = tableOf(1, 3);
    expect(theJob(other).stages[1]!.startedMs).toBeNull();
    expect(other.apply(finished(0, 0))).toContainEqual({ type: "stageDone", jobId, stage: 0 });
    expect(theJob(other).stages[1]!.startedMs).toBe(10);
  });

  it("samples a few splits spread over the input, and computes boundaries when all have been sampled", () => {
    const table = planned(spec(100, 3, { isSort: true }), 100, 3);
    expect(theJob(table).stages.map((stage) => stage.tasks)).toEqual([8, 100, 3]);
    for (let task = 7; task >= 0; task--) {
      const keys = [Uint8Array.of(task), Uint8Array.of(task + 100)];
      table.apply(finished(0, task, { result: { keys } }));
    }
    expect(theJob(table).stages[1]!.boundaries).toEqual([Uint8Array.of(5), Uint8Array.of(102)]);
    expect(theJob(table).stages[0]!.sampleKeys.size).toBe(0);
    expect(theJob(table).stages[1]!.startedMs).toBe(10);
  });
});

describe("states of a job", () => {
  const commands: Record<string, Command> = {
    pause: { type: "jobPaused", jobId, atMs: 30 },
    resume: { type: "jobResumed", jobId, atMs: 30 },
    cancel: { type: "jobCancelRequested", jobId, atMs: 30 },
    commit: { type: "jobCommitDecided", jobId, atMs: 30 },
    publish: { type: "jobPublished", jobId, atMs: 30, manifest: { out: null, files: [] } },
    fail: { type: "jobFailed", jobId, atMs: 30, error: outcome },
  };
  const reached: Record<string, () => JobTable> = {
    pending: () => {
      const table = new JobTable();
      table.apply({ type: "jobSubmitted", jobId, spec: spec(1, 0), atMs: 1 });
      return table;
    },
    running: () => tableOf(1, 0),
    "running, all tasks done": () => after(tableOf(1, 0), finished(0, 0)),
    "paused, planned": () => after(tableOf(1, 0), commands["pause"]!),
    "paused, not planned": () => after(reached["pending"]!(), commands["pause"]!),
    "paused, all tasks done": () => after(tableOf(1, 0), finished(0, 0), commands["pause"]!),
    committing: () => after(tableOf(1, 0), finished(0, 0), commands["commit"]!),
    succeeded: () => after(reached["committing"]!(), commands["publish"]!),
    failed: () => after(tableOf(1, 0), commands["fail"]!),
    cancelled: () => after(tableOf(1, 0), commands["cancel"]!),
  };
  const transitions: Record<string, Partial<Record<string, JobState>>> = {
    pending: { pause: "paused", cancel: "cancelled", fail: "failed" },
    running: { pause: "paused", cancel: "cancelled", fail: "failed" },
    "running, all tasks done": { pause: "paused", cancel: "cancelled", fail: "failed", commit: "committing" },
    "paused, planned": { resume: "running", cancel: "cancelled", fail: "failed" },
    "paused, not planned": { resume: "pending", cancel: "cancelled", fail: "failed" },
    "paused, all tasks done": { resume: "running", cancel: "cancelled", fail: "failed" },
    committing: { publish: "succeeded", fail: "failed" },
    succeeded: {},
    failed: {},
    cancelled: {},
  };

  function after(table: JobTable, ...more: Command[]): JobTable {
    for (const command of more) table.apply(command);
    return table;
  }

  it.each(Object.keys(reached))("%s: only the documented commands change it", (name) => {
    for (const [verb, command] of Object.entries(commands)) {
      const table = reached[name]!();
      const from = theJob(table).state;
      const to = transitions[name]![verb];
      const events = table.apply(command);
      expect(theJob(table).state).toBe(to ?? from);
      expect(events).toEqual(to === undefined ? [] : [{ type: "jobStateChanged", jobId, from, state: to }]);
    }
  });

  it("does not commit before every part of the output is there", () => {
    const table = tableOf(1, 2);
    after(table, finished(0, 0), finished(1, 0), commands["commit"]!);
    expect(theJob(table).state).toBe("running");
    after(table, finished(1, 1), commands["commit"]!);
    expect(theJob(table).state).toBe("committing");
  });

  it("ignores commands about jobs it does not know, and results after the end", () => {
    const table = new JobTable();
    for (const command of Object.values(commands)) expect(table.apply(command)).toEqual([]);
    expect(table.apply({ type: "jobDiscarded", jobId, atMs: 1 })).toEqual([]);
    expect(table.apply(finished(0, 0))).toMatchObject([{ type: "attemptRefused", reason: "jobOver" }]);
    expect(typesOf(table.apply(failed(0, 0, 1)))).toEqual(["failureRecorded"]);
    const over = reached["cancelled"]!();
    expect(over.apply(finished(0, 0))).toMatchObject([{ type: "attemptRefused", reason: "jobOver" }]);
    expect(typesOf(over.apply(failed(0, 0, 1)))).toEqual(["failureRecorded"]);
  });

  it("keeps little of a job that is over, and only the last hundred", () => {
    const table = new JobTable();
    for (let i = 0; i < 103; i++) {
      table.apply({ type: "jobSubmitted", jobId: `j${i}`, spec: spec(1, 0), atMs: 1, key: `k${i}` });
      table.apply({ type: "jobCancelRequested", jobId: `j${i}`, atMs: 2 });
    }
    expect(table.jobsToDiscard()).toEqual(["j0", "j1", "j2"]);
    for (const old of table.jobsToDiscard()) table.apply({ type: "jobDiscarded", jobId: old, atMs: 3 });
    expect(table.jobsToDiscard()).toEqual([]);
    expect(table.jobOfKey("k0")).toBeUndefined();
    const done = theJob(reached["succeeded"]!());
    expect([done.splits, done.workers, done.stages[0]!.columns.length]).toEqual([[], [], 0]);
    expect(done.stages[0]).toMatchObject({ tasks: 1, done: 1 });
  });

  it("does not forget a job that is not over", () => {
    const table = reached["running"]!();
    expect(table.apply({ type: "jobDiscarded", jobId, atMs: 3 })).toEqual([]);
    expect(theJob(table).state).toBe("running");
  });
});

describe("winning", () => {
  it("lets the first logged attempt of a task win, and no other", () => {
    const table = tableOf(2, 1);
    expect(table.apply(finished(0, 0, { attempt: 2 }))).toMatchObject([
      { type: "attemptWon", isRepeat: false },
    ]);
    expect(table.apply(finished(0, 0, { attempt: 1 }))).toMatchObject([
      { type: "attemptRefused", reason: "alreadyWon" },
    ]);
    expect(table.apply(finished(0, 0, { attempt: 2 }))).toMatchObject([
      { type: "attemptWon", isRepeat: true },
    ]);
    expect(theJob(table).stages[0]!.columns.attempt[0]).toBe(2);
    expect(theJob(table).stages[0]!.done).toBe(1);
  });

  it("tells attempts of the same number apart by their leaders' epochs", () => {
    const table = tableOf(2, 1);
    table.apply(finished(0, 0));
    const other = finished(0, 0) as Extract<Command, { type: "tasksFinished" }>;
    const results = other.results.map((result) => ({ ...result, attempt: { ...result.attempt, epoch: 2 } }));
    expect(table.apply({ ...other, results })).toMatchObject([
      { type: "attemptRefused", reason: "alreadyWon" },
    ]);
  });

  it("refuses tasks and stages that do not exist", () => {
    const table = tableOf(2, 1);
    const before = table.checksum();
    for (const task of [2, -1, 0.5, Number.NaN]) {
      expect(table.apply(finished(0, task))).toMatchObject([{ type: "attemptRefused", reason: "jobOver" }]);
      table.apply(failed(0, task, 1));
      table.apply({ type: "outputsLost", jobId, stage: 0, tasks: [task], workerId: "w1", atMs: 1 });
    }
    for (const command of [
      finished(2, 0),
      finished(-1, 0),
      finished(0, 0, { attempt: 0 }),
      failed(2, 0, 1),
    ]) {
      expect(table.apply(command)).toHaveLength(1);
    }
    expect(table.checksum()).toBe(before);
  });

  it("adds up counters and metrics of winners only, those of a re-made output in place of the first", () => {
    const table = tableOf(2, 1);
    const counted = (n: number): Partial<TaskResult> => ({
      counters: { words: n, ["__proto__"]: n, bad: Number.NaN },
      metrics: { recordsIn: n },
    });
    table.apply(finished(0, 0, { result: counted(5) }));
    table.apply(finished(0, 0, { attempt: 2, result: counted(100) }));
    table.apply(finished(0, 1, { result: counted(7) }));
    expect([...theJob(table).counters]).toEqual([
      ["words", 12],
      ["__proto__", 12],
    ]);
    table.apply({ type: "outputsLost", jobId, stage: 0, tasks: [0], workerId: "w1", atMs: 20 });
    expect(theJob(table).counters.get("words")).toBe(12);
    table.apply(finished(0, 0, { attempt: 3, workerId: "w2", result: counted(5) }));
    expect(theJob(table).counters.get("words")).toBe(12);
    expect(theJob(table).stages[0]!.metrics).toEqual(new Map([["recordsIn", 12]]));
  });

  it("counts results of a paused job", () => {
    const table = tableOf(1, 1);
    table.apply({ type: "jobPaused", jobId, atMs: 3 });
    expect(table.apply(finished(0, 0))).toContainEqual(expect.objectContaining({ type: "attemptWon" }));
  });
});

describe("failing", () => {
  it("ends the job with the task's last error at the fourth failure of one task", () => {
    const table = tableOf(2, 1);
    for (const attempt of [1, 2, 3]) {
      table.apply(failed(0, 0, attempt));
      table.apply(failed(0, 1, attempt));
      expect(theJob(table).state).toBe("running");
    }
    const last = {
      code: "USER_CODE_FAILED",
      message: "map threw at line 3",
      details: { path: "/in" },
      stack: "at",
    } as const;
    table.apply(failed(0, 1, 4, { workerId: "w9", error: last }));
    expect(theJob(table).state).toBe("failed");
    expect(theJob(table).error).toEqual({
      code: "USER_CODE_FAILED",
      message: "map task 1 failed 4 times, the last time in attempt 4 on worker w9: map threw at line 3",
      details: { path: "/in", stage: "map", stageId: 0, task: 1, attempt: 4, tries: 4, workerId: "w9" },
      stack: "at",
    });
  });

  it("asks for the task to be run elsewhere before that", () => {
    const events = tableOf(2, 1).apply(failed(0, 0, 1, { workerId: "w5" }));
    expect(events).toMatchObject([
      { type: "failureRecorded" },
      { type: "taskRequeued", stage: 0, task: 0, reason: "failed", avoidWorkerId: "w5" },
    ]);
  });

  it("counts exits of the executor on their own, to ten", () => {
    const table = tableOf(1, 1);
    for (const attempt of [1, 2, 3]) table.apply(failed(0, 0, attempt));
    for (let attempt = 4; attempt < 13; attempt++) table.apply(failed(0, 0, attempt, { kind: "exited" }));
    expect(theJob(table).state).toBe("running");
    table.apply(failed(0, 0, 13, { kind: "exited" }));
    expect(theJob(table).error?.details).toMatchObject({ tries: 10 });
  });

  it.each(["failed", "exited"] as const)("takes the job's own number of tries for what has %s", (kind) => {
    const table = tableOf(1, 1, { maxAttempts: 2 });
    table.apply(failed(0, 0, 1, { kind }));
    expect(theJob(table).state).toBe("running");
    table.apply(failed(0, 0, 2, { kind }));
    expect(theJob(table).state).toBe("failed");
  });

  it("never counts what was lost", () => {
    const table = tableOf(1, 1, { maxAttempts: 1 });
    for (let attempt = 1; attempt < 30; attempt++) {
      expect(table.apply(failed(0, 0, attempt, { kind: "lost" }))).toEqual([]);
    }
    expect(theJob(table).state).toBe("running");
    expect(theJob(table).stages[0]).toMatchObject({ failedAttempts: 0, lostAttempts: 29 });
  });

  it("counts a failure that is reported twice once, and one of a finished task not at all", () => {
    const table = tableOf(2, 1, { maxAttempts: 2 });
    table.apply(failed(0, 0, 1));
    expect(typesOf(table.apply(failed(0, 0, 1)))).toEqual(["failureRecorded"]);
    expect(theJob(table).state).toBe("running");
    table.apply(finished(0, 0, { attempt: 2 }));
    expect(typesOf(table.apply(failed(0, 0, 3)))).toEqual(["failureRecorded"]);
    expect(theJob(table).stages[0]!.failedAttempts).toBe(1);
  });
});

describe("losing outputs", () => {
  const lose = (workerId: string, ...tasks: number[]): Command => ({
    type: "outputsLost",
    jobId,
    stage: 0,
    tasks,
    workerId,
    atMs: 30,
  });

  it("opens exactly the tasks whose output was on that worker", () => {
    const table = tableOf(3, 1);
    for (const [task, workerId] of [
      [0, "w1"],
      [1, "w2"],
      [2, "w1"],
    ] as const) {
      table.apply(finished(0, task, { workerId }));
    }
    expect(table.apply(lose("w1", 0, 1, 2))).toMatchObject([
      { type: "taskRequeued", task: 0, reason: "outputLost" },
      { type: "taskRequeued", task: 2, reason: "outputLost" },
    ]);
    expect(theJob(table).stages[0]).toMatchObject({ done: 1, won: 3, isDone: false });
    expect(table.apply(lose("w1", 0, 2))).toEqual([]);
  });

  it("leaves them when every reader is done, and when they are no shuffle's", () => {
    const table = tableOf(1, 1);
    table.apply(finished(0, 0));
    table.apply(finished(1, 0));
    expect(table.apply(lose("w1", 0))).toEqual([]);
    const mapOnly = tableOf(2, 0);
    mapOnly.apply(finished(0, 0));
    expect(mapOnly.apply(lose("w1", 0))).toEqual([]);
  });

  it("holds an output to be lost after three reports against it, none of them of an older one", () => {
    const table = tableOf(2, 4);
    for (const task of [0, 1]) table.apply(finished(0, task, { attempt: 2 }));
    table.apply(unfetched(0, 1, { task: 0, attempt: 1 }));
    table.apply(unfetched(0, 2, { task: 0, attempt: 2 }, { task: 0, attempt: 2 }));
    table.apply(unfetched(1, 1, { task: 0, attempt: 2 }, { task: 1, attempt: 2 }));
    table.apply(unfetched(1, 1, { task: 0, attempt: 2 }));
    expect(theJob(table).stages[0]!.done).toBe(2);
    const events = table.apply(unfetched(2, 1, { task: 0, attempt: 2 }));
    expect(events).toMatchObject([
      { type: "failureRecorded" },
      { type: "taskRequeued", stage: 1, task: 2, reason: "fetchFailed", avoidWorkerId: "w1" },
      { type: "taskRequeued", stage: 0, task: 0, reason: "outputLost" },
    ]);
    expect(theJob(table).stages[0]).toMatchObject({ done: 1, fetchRounds: 1 });
    expect(theJob(table).stages[1]!.failuresOf(1, "fetchFailed")).toBe(1);
  });

  it("gives up after four rounds of making outputs again, and says why", () => {
    const table = tableOf(1, 1);
    let tries = 0;
    for (let round = 1; round <= 5; round++) {
      table.apply(finished(0, 0, { attempt: round }));
      for (let report = 0; report < 3; report++) {
        expect(theJob(table).state).toBe("running");
        table.apply(unfetched(0, ++tries, { task: 0, attempt: round }));
      }
    }
    expect(theJob(table).state).toBe("failed");
    expect(theJob(table).error).toMatchObject({
      code: "JOB_FAILED",
      details: { reason: "fetchFailed", task: 0 },
    });
    expect(theJob(table).error?.message).toContain(
      "could not be fetched, though outputs of its stage were made again 4 times",
    );
  });

  it("counts losses while outputs are being re-made to the round that runs", () => {
    const table = tableOf(2, 1);
    for (const task of [0, 1]) table.apply(finished(0, task));
    for (let report = 1; report <= 3; report++) table.apply(unfetched(0, report, { task: 0 }));
    for (let report = 4; report <= 6; report++) table.apply(unfetched(0, report, { task: 1 }));
    expect(theJob(table).stages[0]).toMatchObject({ done: 0, fetchRounds: 1 });
  });

  it("ends a reader that can reach nobody and blames no one", () => {
    const table = tableOf(1, 1);
    table.apply(finished(0, 0));
    for (let attempt = 1; attempt < 50; attempt++) table.apply(unfetched(0, attempt));
    expect(theJob(table).state).toBe("running");
    table.apply(unfetched(0, 50));
    expect(theJob(table).state).toBe("failed");
  });
});

describe("a map that gives other data when it is run again", () => {
  function remade(table: JobTable, digest: string): TableEvent[] {
    table.apply({ type: "outputsLost", jobId, stage: 0, tasks: [0], workerId: "w1", atMs: 30 });
    return table.apply(finished(0, 0, { attempt: 2, workerId: "w2", digest }));
  }

  it("fails the job if a reduce task has finished with the first data", () => {
    const table = tableOf(1, 2);
    table.apply(finished(0, 0));
    table.apply(finished(1, 0));
    remade(table, "other");
    expect(theJob(table).state).toBe("failed");
    expect(theJob(table).error).toMatchObject({
      code: "JOB_FAILED",
      details: { reason: "notDeterministic", task: 0 },
    });
    expect(theJob(table).error?.message).toContain("map task 0 is not deterministic");
  });

  it("goes on if the data are the same", () => {
    const table = tableOf(1, 2);
    table.apply(finished(0, 0));
    table.apply(finished(1, 0));
    expect(remade(table, "d0")).toMatchObject([
      { type: "attemptWon", isRemade: true },
      { type: "stageDone" },
    ]);
    expect(theJob(table).state).toBe("running");
  });

  it("starts over the reduce tasks that run, and refuses what they made of the first data", () => {
    const table = tableOf(1, 2);
    table.apply(finished(0, 0));
    expect(typesOf(remade(table, "other"))).toEqual(["attemptWon", "outputsChanged", "stageDone"]);
    expect(table.apply(finished(1, 0, { inputsVersion: 0 }))).toMatchObject([
      { type: "attemptRefused", reason: "inputsChanged" },
      { type: "taskRequeued", stage: 1, task: 0, reason: "inputsChanged" },
    ]);
    expect(typesOf(table.apply(finished(1, 0, { attempt: 2, inputsVersion: 1 })))).toEqual(["attemptWon"]);
  });
});

describe("snapshots", () => {
  it("restore a table that goes on exactly like the one they were taken of", () => {
    const commands: Command[] = [
      finished(0, 0, {
        result: {
          counters: { n: 1 },
          outputs: [{ name: "e", path: "/e", bytes: 1, records: 1, sha256: "s" }],
        },
      }),
      failed(0, 1, 1),
      finished(0, 1, { attempt: 2, workerId: "w2" }),
      unfetched(0, 1, { task: 0 }),
      unfetched(0, 2, { task: 0 }),
      unfetched(0, 3, { task: 0 }),
      finished(0, 0, { attempt: 2 }),
      { type: "jobSubmitted", jobId: "job-2", key: "k", spec: spec(4, 2, { isSort: true }), atMs: 40 },
      { type: "outputsLost", jobId, stage: 0, tasks: [1], workerId: "w2", atMs: 50 },
      {
        type: "jobPlanned",
        jobId: "job-2",
        from: 0,
        splits: splits(4),
        isLast: true,
        partitions: 2,
        atMs: 60,
      },
      finished(0, 1, { attempt: 3, workerId: "w3", digest: "other" }),
      finished(1, 0, { inputsVersion: 1 }),
      { type: "jobCancelRequested", jobId: "job-2", atMs: 70 },
      { type: "jobDiscarded", jobId: "job-2", atMs: 80 },
    ];
    let restored = tableOf(2, 1);
    const live = tableOf(2, 1);
    for (const command of commands) {
      restored = JobTable.fromSnapshot(structuredClone(restored.toSnapshot()));
      expect(restored.apply(command)).toEqual(live.apply(command));
      expect(restored.checksum()).toBe(live.checksum());
    }
    expect(theJob(restored).areSinksDone).toBe(true);
  });

  it("are refused when they are of another version", () => {
    const snapshot = { ...new JobTable().toSnapshot(), version: 2 as 1 };
    expect(() => JobTable.fromSnapshot(snapshot)).toThrow(expect.objectContaining({ code: "LOG_CORRUPT" }));
  });

  it("have checksums that differ after any command that changes something", () => {
    const table = tableOf(2, 1);
    const seen = new Set([table.checksum()]);
    const commands = [
      failed(0, 1, 1),
      finished(0, 0),
      finished(0, 1),
      unfetched(0, 1, { task: 1 }),
      { type: "jobPaused", jobId, atMs: 3 },
    ] as const;
    for (const command of commands) {
      table.apply(command);
      expect(seen.has(table.checksum())).toBe(false);
      seen.add(table.checksum());
    }
  });
});
