import { describe, expect, it } from "vitest";
import { type Command, describeJob, type JobState, JobTable } from "../src/index.js";
import { spec, splits } from "./driver.js";
import {
  failed,
  finished,
  jobId,
  outcome,
  planned,
  tableOf,
  theJob,
  typesOf,
  unfetched,
} from "./table-commands.js";

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
    prepare: { type: "jobPrepareBegan", jobId, atMs: 30 },
    commit: { type: "jobCommitDecided", jobId, atMs: 30 },
    publish: { type: "jobPublished", jobId, atMs: 30, manifest: { out: null, files: [] } },
    fail: { type: "jobFailed", jobId, atMs: 30, error: outcome },
  };
  const voted: Command = { type: "participantPrepared", jobId, participant: 0, files: [], atMs: 30 };
  const committed: Command = { type: "participantCommitted", jobId, participant: 0, atMs: 30 };
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
    preparing: () => after(tableOf(1, 0), finished(0, 0), commands["prepare"]!),
    "preparing, all votes in": () => after(reached["preparing"]!(), voted),
    committing: () => after(reached["preparing, all votes in"]!(), commands["commit"]!),
    "committing, all done": () => after(reached["committing"]!(), committed),
    succeeded: () => after(reached["committing, all done"]!(), commands["publish"]!),
    failed: () => after(tableOf(1, 0), commands["fail"]!),
    cancelled: () => after(tableOf(1, 0), commands["cancel"]!),
  };
  const transitions: Record<string, Partial<Record<string, JobState>>> = {
    pending: { pause: "paused", cancel: "cancelled", fail: "failed" },
    running: { pause: "paused", cancel: "cancelled", fail: "failed" },
    "running, all tasks done": { pause: "paused", cancel: "cancelled", fail: "failed", prepare: "preparing" },
    "paused, planned": { resume: "running", cancel: "cancelled", fail: "failed" },
    "paused, not planned": { resume: "pending", cancel: "cancelled", fail: "failed" },
    "paused, all tasks done": { resume: "running", cancel: "cancelled", fail: "failed" },
    preparing: { cancel: "cancelled", fail: "failed" },
    "preparing, all votes in": { cancel: "cancelled", fail: "failed", commit: "committing" },
    committing: { fail: "failed" },
    "committing, all done": { publish: "succeeded", fail: "failed" },
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
    after(table, finished(0, 0), finished(1, 0), commands["prepare"]!);
    expect(theJob(table).state).toBe("running");
    after(table, finished(1, 1), commands["prepare"]!, commands["commit"]!);
    expect(theJob(table).state).toBe("preparing");
    after(table, voted, commands["commit"]!);
    expect(theJob(table).state).toBe("committing");
  });

  it("shows the vote on the output as a step of committing, in a state that outsiders know", () => {
    const shown = (name: string): unknown => {
      const { state, commit } = describeJob(theJob(reached[name]!()));
      return { state, commit };
    };
    expect(shown("running, all tasks done")).toEqual({ state: "running", commit: null });
    expect(shown("preparing")).toEqual({ state: "committing", commit: "preparing" });
    expect(shown("preparing, all votes in")).toEqual({ state: "committing", commit: "preparing" });
    expect(shown("committing")).toEqual({ state: "committing", commit: "decided" });
    expect(shown("succeeded")).toEqual({ state: "succeeded", commit: null });
    const promised = "pending running paused committing succeeded failed cancelled".split(" ");
    for (const name of Object.keys(reached))
      expect(promised).toContain(describeJob(theJob(reached[name]!())).state);
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
    const snapshot = { ...new JobTable().toSnapshot(), version: 1 as 2 };
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
