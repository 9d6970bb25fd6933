import { describe, expect, it } from "vitest";
import type { Command, JobTable, TableEvent, TaskResult } from "../src/index.js";
import { failed, finished, jobId, tableOf, theJob, typesOf, unfetched } from "./table-commands.js";

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
      details: {
        cause: "unknown",
        path: "/in",
        stage: "map",
        stageId: 0,
        task: 1,
        attempt: 4,
        tries: 4,
        workerId: "w9",
      },
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
