import { describe, expect, it } from "vitest";
import { formatAttemptId } from "../src/index.js";
import { Driver, resultOf, spec, splits } from "./driver.js";

describe("an undisturbed job", () => {
  it("lists, maps, reduces, commits and publishes, and says so on the way", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    const request = driver.submit(spec(5, 3, { out: "/out" }));
    expect(driver.replies.get(request)).toMatchObject({ ok: true, jobId: "job-1", isNew: true });
    expect(driver.job().state).toBe("running");
    expect(driver.running()).toHaveLength(2);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    const [publication] = driver.publications;
    expect(publication?.winners.map(({ attempt, isSink }) => [attempt.stage, attempt.task, isSink])).toEqual([
      [1, 0, true],
      [1, 1, true],
      [1, 2, true],
    ]);
    expect(publication).toMatchObject({ out: "/out", jobName: "count", counters: { maps: 5, reduces: 3 } });
    const summary = driver.scheduler.describeJob("job-1");
    expect(summary).toMatchObject({ state: "succeeded", counters: { maps: 5, reduces: 3 } });
    expect(summary?.stages.map(({ kind, tasks, done, recordsIn }) => [kind, tasks, done, recordsIn])).toEqual(
      [
        ["map", 5, 5, 50],
        ["reduce", 3, 3, 30],
      ],
    );
    expect(summary?.outputs.map((file) => file.name)).toEqual(["part-0", "part-1", "part-2"]);
    expect(driver.effectsOf("discardJob")).toEqual([
      { type: "discardJob", workerIds: ["w1"], jobId: "job-1", out: "/out" },
    ]);
    expect([...driver.workers.get("w1")!.unsettled]).toEqual([]);
  });
});

describe("placing tasks", () => {
  it("fills slots, least loaded workers first, and never over their number", () => {
    const driver = new Driver();
    for (const [id, slots] of [
      ["w1", 4],
      ["w2", 2],
      ["w3", 1],
    ] as const)
      driver.join(id, slots);
    driver.submit(spec(4, 1));
    expect([driver.running("w1").length, driver.running("w2").length, driver.running("w3").length]).toEqual([
      2, 1, 1,
    ]);
    driver.submit(spec(50, 1), "job-2");
    expect(driver.running()).toHaveLength(7);
  });

  it("gives a task to the worker that the ring names, in every job that reads the same input", () => {
    const placeOf = (driver: Driver): Map<string, string> =>
      new Map(
        driver.running().map(({ attempt }) => [`${attempt.stage}/${attempt.task}`, driver.workerOf(attempt)]),
      );
    const first = new Driver();
    const second = new Driver();
    for (let i = 0; i < 5; i++) first.join(`w${i}`, 40);
    for (let i = 4; i >= 0; i--) second.join(`w${i}`, 40);
    first.submit(spec(60, 1));
    second.submit(spec(60, 1), "another");
    const same = [...placeOf(first)].filter(([task, workerId]) => placeOf(second).get(task) === workerId);
    // All but those few that went to a neighbour because it was less loaded at that moment.
    expect(same.length).toBeGreaterThan(50);
  });

  it("shares slots evenly between jobs, however large", () => {
    const driver = new Driver();
    driver.join("w1", 6);
    driver.submit(spec(100, 1), "large");
    driver.submit(spec(100, 1), "late");
    const count = (jobId: string): number =>
      driver.running().filter(({ attempt }) => attempt.jobId === jobId).length;
    expect([count("large"), count("late")]).toEqual([6, 0]);
    for (let i = 0; i < 3; i++)
      driver.finish(driver.running().find(({ attempt }) => attempt.jobId === "large")!);
    expect([count("large"), count("late")]).toEqual([3, 3]);
    for (let i = 0; i < 20; i++) {
      driver.finish(driver.running()[0]!);
      expect([count("large"), count("late")]).toEqual([3, 3]);
    }
  });

  it("runs a failed task on another worker when there is one, even if it has to wait for it", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(3, 1));
    driver.join("w2", 1);
    const [failing] = driver.running("w1");
    expect(driver.running("w2")).toHaveLength(1);
    driver.fail(failing!);
    // A slot of w1 is free, and nothing else waits.
    expect(driver.running("w1")).toHaveLength(1);
    driver.finish(driver.running("w2")[0]!);
    expect(driver.running("w2").map(({ attempt }) => attempt)).toMatchObject([
      { task: failing!.attempt.task, attempt: 2 },
    ]);
  });

  it("runs a failed task on the same worker when there is no other", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.join("w2", 1);
    driver.send({ type: "workerDraining", workerId: "w2" });
    driver.submit(spec(1, 1));
    driver.fail(driver.running()[0]!);
    expect(driver.running("w1").map(({ attempt }) => attempt.attempt)).toEqual([2]);
  });

  it("gives a draining worker nothing new, and lets it finish what it runs", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(3, 1));
    driver.send({ type: "workerDraining", workerId: "w1" });
    driver.finish(driver.running("w1")[0]!);
    expect(driver.job().stages[0]!.done).toBe(1);
    expect(driver.running()).toEqual([]);
    driver.join("w2", 1);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("uses two partitions a slot when nobody says how many, and at least two", () => {
    for (const [slots, partitions] of [
      [1, 2],
      [3, 6],
    ] as const) {
      const driver = new Driver();
      driver.join("w1", slots);
      driver.submit(spec(1, undefined));
      expect(driver.job().partitions).toBe(partitions);
    }
  });

  it("tells executors all they need", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(
      spec(2, 3, { isSort: true, out: "/out", options: { memoryBytes: 77, collectRecords: true } }),
    );
    const all = {
      bundle: "b".repeat(64),
      jobName: "count",
      params: { n: "1" },
      memoryBytes: 77,
      collectRecords: true,
      out: "/out",
      partitions: 3,
      inputsVersion: 0,
    };
    const byKind = new Map<string, unknown>();
    driver.finishAll();
    for (const { assignment } of driver.effectsOf("assignTask")) {
      expect(assignment).toMatchObject(all);
      byKind.set(`${assignment.kind} ${assignment.attempt.task}`, assignment);
    }
    expect([...byKind.keys()].sort()).toEqual([
      "map 0",
      "map 1",
      "reduce 0",
      "reduce 1",
      "reduce 2",
      "sample 0",
      "sample 1",
    ]);
    expect(byKind.get("sample 1")).toMatchObject({ split: splits(2)[1], sampleRecordsMax: 50 });
    expect(byKind.get("map 1")).toMatchObject({ split: splits(2)[1], boundaries: [Uint8Array.of(1)] });
    expect(byKind.get("reduce 2")).toMatchObject({ partition: 2, mapStage: 1, mapTasks: 2 });
  });
});

describe("jobs of nothing", () => {
  it("still makes every part file when there is nothing to read", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(0, 2));
    driver.finishAll();
    expect(driver.publications[0]!.winners.map(({ attempt }) => attempt.task)).toEqual([0, 1]);
    expect(driver.job().state).toBe("succeeded");
  });

  it("succeeds without parts when it is map-only, and sorts nothing when it samples", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(0, 0), "map-only");
    driver.submit(spec(0, 2, { isSort: true }), "sort");
    driver.finishAll();
    expect(driver.publications.map(({ jobId, winners }) => [jobId, winners.length])).toEqual([
      ["map-only", 0],
      ["sort", 2],
    ]);
  });
});

describe("losing workers", () => {
  it("runs what they ran again elsewhere, at no cost to the task's tries", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1, { options: { maxAttempts: 1 } }));
    for (let i = 2; i < 20; i++) {
      driver.join(`w${i}`, 1);
      driver.kill(`w${i - 1}`);
      expect(driver.running(`w${i}`)).toHaveLength(1);
    }
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(driver.scheduler.describeJob("job-1")!.stages[0]).toMatchObject({ lost: 18, failed: 0 });
  });

  it("makes their map outputs again, those alone, and tells the readers where they are now", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.join("w2", 2);
    driver.submit(spec(8, 3));
    driver.finishAll(() => driver.job().stages[0]!.isDone);
    const lost = [...driver.job().stages[0]!.columns.worker.keys()].filter(
      (task) => driver.job().workerOf(driver.job().stages[0]!, task) === "w1",
    );
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(8);
    const readers = driver.running("w2").filter(({ kind }) => kind === "reduce");
    expect(readers.length).toBeGreaterThan(0);
    const before = driver.effects.length;
    driver.kill("w1");
    driver.finishAll(() => driver.job().stages[0]!.isDone);
    const assigned = driver.effectsOf("assignTask", driver.effects.slice(before));
    expect(
      assigned
        .filter(({ assignment }) => assignment.kind === "map")
        .map(({ assignment }) => assignment.attempt.task)
        .sort(),
    ).toEqual(lost);
    const known = driver.workers.get("w2")!.outputs.get("job-1/0")!;
    expect([...known.values()].every(({ workerId }) => workerId === "w2")).toBe(true);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("sends every worker the places of all outputs once, and later only what has changed", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.join("w2", 1);
    driver.submit(spec(6, 8));
    driver.finishAll(() => driver.job().stages[1]!.done === 6);
    const sent = driver.effectsOf("sendMapOutputs");
    expect(
      sent.map(({ workerId, isComplete, entries }) => [workerId, isComplete, entries.length]).sort(),
    ).toEqual([
      ["w1", true, 6],
      ["w2", true, 6],
    ]);
    expect(sent[0]!.holders.every(({ workerId, shuffleUrl }) => shuffleUrl === `ws://${workerId}`)).toBe(
      true,
    );
  });

  it("keeps reduce outputs, which are not on the worker", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 2));
    driver.finishAll(() => driver.job().stages[1]!.done === 1);
    const done = driver.job().stages[1]!.columns.state.indexOf(1);
    driver.join("w2", 1);
    driver.kill("w1");
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    const reduces = driver.effectsOf("assignTask").filter(({ assignment }) => assignment.kind === "reduce");
    expect(reduces.map(({ assignment }) => assignment.attempt.task).sort()).toEqual(
      [done, 1 - done, 1 - done].sort(),
    );
  });

  it("does not wait for more reports against an output whose worker is gone", () => {
    const driver = new Driver();
    const [map, reduce] = spec(2, 2).plan.stages;
    const middle = { ...reduce!, output: { type: "shuffle" } as const };
    const last = { ...reduce!, id: 2, input: { type: "shuffle", from: 1 } as const, after: [1] };
    driver.join("w1", 1);
    driver.submit({ ...spec(2, 2), plan: { stages: [map!, middle, last] } });
    const finishOne = (): unknown => {
      const assignment = driver.running()[0]!;
      const { task, stage } = assignment.attempt;
      return driver.finish(assignment, { segment: { path: "/s", bytes: 1, digest: `${stage}/${task}` } });
    };
    for (let i = 0; i < 4; i++) finishOne();
    driver.join("w2", 1);
    // Nobody needed the maps' outputs any more when their worker went, but what was made of them is gone as well.
    driver.kill("w1");
    expect(driver.job().stages.map((stage) => stage.done)).toEqual([2, 0, 0]);
    driver.fetchFail(driver.running("w2")[0]!, 0, 1);
    expect(driver.job().stages[0]!.done).toBe(0);
    expect(driver.job().stages[0]!.fetchRounds).toBe(0);
    while (driver.running().length > 0) finishOne();
    expect(driver.job().state).toBe("succeeded");
  });

  it("makes an output again whose worker went between its report and the log's answer", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 1);
    driver.submit(spec(1, 2));
    while (driver.decide());
    driver.finish(driver.running()[0]!);
    driver.kill("w1");
    driver.join("w2", 1);
    while (driver.decide());
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["map"]);
  });

  it("tells a worker that has connected again all places of outputs before it reduces", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(3, 4));
    driver.finishAll(() => driver.job().stages[1]!.done === 1);
    driver.workers.get("w1")!.outputs.clear();
    const before = driver.effectsOf("sendMapOutputs").length;
    driver.join("w1", 1);
    driver.finishAll();
    const sent = driver.effectsOf("sendMapOutputs").slice(before);
    expect(sent.map(({ isComplete, entries }) => [isComplete, entries.length])).toEqual([[true, 3]]);
    expect(driver.job().state).toBe("succeeded");
  });

  it("starts no reader of an output that is about to be made again", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 1);
    driver.submit(spec(1, 2));
    while (driver.decide());
    driver.finish(driver.running()[0]!);
    while (driver.decide());
    expect(driver.running("w1").map(({ kind }) => kind)).toEqual(["reduce"]);
    driver.join("w2", 2);
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["reduce"]);
    driver.kill("w1");
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["reduce"]);
    while (driver.decide());
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["reduce", "map"]);
  });

  it("lets a reader give way when the outputs it waits for cannot be made for want of a slot", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.join("w2", 1);
    driver.submit(spec(6, 4));
    driver.finishAll(() => driver.job().stages[0]!.isDone);
    const reader = driver.running("w2")[0]!;
    expect(reader.kind).toBe("reduce");
    const effects = driver.effects.length;
    driver.kill("w1");
    expect(driver.effectsOf("stopAttempt", driver.effects.slice(effects))).toMatchObject([
      { workerId: "w2", reason: "preempted", attempt: { stage: 1, task: reader.attempt.task } },
    ]);
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["map"]);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("refuses what a worker reports that was given up meanwhile, and stops what it still runs", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1));
    const [first, second] = driver.running("w1");
    driver.disconnect("w1");
    driver.join("w2", 2);
    expect(driver.running("w2")).toHaveLength(2);
    driver.report("w1", {
      type: "finished",
      attempt: first!.attempt,
      inputsVersion: 0,
      result: resultOf(first!),
    });
    const start = driver.effects.length;
    driver.join("w1", 2);
    const effects = driver.effects.slice(start);
    expect(driver.effectsOf("settleAttempt", effects)).toMatchObject([
      { attempt: first!.attempt, hasWon: false },
    ]);
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([
      { attempt: second!.attempt, reason: "superseded" },
    ]);
    driver.finishAll();
    expect(driver.events.filter((event) => event.type === "attemptWon")).toHaveLength(3);
  });

  it("takes back a worker whose connection broke for a moment, with what it runs", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1));
    const before = driver.running("w1").map(({ attempt }) => formatAttemptId(attempt));
    driver.disconnect("w1");
    driver.join("w1", 2);
    expect(driver.running("w1").map(({ attempt }) => formatAttemptId(attempt))).toEqual(before);
    expect(driver.effectsOf("stopAttempt")).toEqual([]);
  });

  it("assigns anew what never reached the worker because the connection broke", () => {
    const driver = new Driver();
    const worker = driver.join("w1", 2);
    driver.submit(spec(2, 1));
    const [lost] = worker.running.keys();
    worker.running.delete(lost!);
    driver.join("w1", 2);
    expect(driver.runningTasks(0)).toEqual([0, 1]);
    expect(worker.running.has(lost!)).toBe(false);
  });

  it("stops attempts that a heartbeat shows and nobody asked for", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1));
    const stray = { jobId: "job-1", stage: 0, task: 0, attempt: 9, epoch: 9 };
    const progress = [
      { attempt: stray, metrics: {} },
      { attempt: { ...stray, jobId: "gone" }, metrics: {} },
    ];
    const effects = driver.send({ type: "heartbeat", workerId: "w1", progress });
    expect(
      driver.effectsOf("stopAttempt", effects).map(({ attempt, reason }) => [attempt.jobId, reason]),
    ).toEqual([
      ["job-1", "superseded"],
      ["gone", "jobOver"],
    ]);
  });

  it("asks another worker to list or to publish when the first one goes", () => {
    const driver = new Driver({ list: () => undefined, publish: () => undefined });
    driver.join("w1", 1);
    driver.submit(spec(1, 0, { out: "/out", options: { force: true, splitBytes: 9 } }));
    driver.kill("w1");
    driver.join("w2", 1);
    const [first, second] = driver.effectsOf("listInputs");
    expect([first?.workerId, second?.workerId]).toEqual(["w1", "w2"]);
    expect(second).toMatchObject({ inputs: ["1"], out: "/out", force: true, splitBytes: 9 });
    const answer = { type: "inputsListed", jobId: "job-1", outcome: { splits: splits(1) } } as const;
    driver.send({ ...answer, workerId: "w1" });
    expect(driver.job().state).toBe("pending");
    driver.send({ ...answer, workerId: "w2" });
    driver.finishAll();
    expect(driver.job().state).toBe("committing");
    driver.kill("w2");
    driver.join("w3", 1);
    expect(driver.publications.map(({ workerId }) => workerId)).toEqual(["w2", "w3"]);
    expect(driver.publications[1]).toEqual({ ...driver.publications[0], workerId: "w3" });
    const manifest = { out: "/out", files: [] };
    driver.send({ type: "outputPublished", workerId: "w3", jobId: "job-1", outcome: { manifest } });
    expect(driver.job().state).toBe("succeeded");
  });
});

describe("what no driver should do, and what comes of it", () => {
  it("stops what a worker runs beyond its slots", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1));
    const running = driver.running("w1").map(({ attempt }) => ({ attempt, inputsVersion: 0 }));
    driver.disconnect("w1");
    const worker = { workerId: "w2", name: "w2", slots: 1, hostId: "h", shuffleUrl: "ws://w2" };
    const effects = driver.send({ type: "workerJoined", worker, running, heldJobs: [] });
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([{ attempt: running[1]!.attempt }]);
    expect(driver.effectsOf("assignTask", effects)).toEqual([]);
  });

  it("follows the log when it has another attempt win than the one that runs", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    const [assignment] = driver.running();
    const attempt = { ...assignment!.attempt, attempt: 7, epoch: 0 };
    const results = [{ attempt, workerId: "w0", inputsVersion: 0, result: resultOf(assignment!) }];
    const command = { type: "tasksFinished", atMs: 1, results } as const;
    const effects = driver.send({ type: "decided", index: 99, command, events: driver.table.apply(command) });
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([
      { workerId: "w1", attempt: assignment!.attempt, reason: "superseded" },
    ]);
    expect(driver.job().state).toBe("succeeded");
  });
});

describe("what clients ask for", () => {
  it("runs a submit that is repeated with its key once, and answers both", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 1);
    driver.send({ type: "submit", requestId: "a", jobId: "x", key: "k", spec: spec(1, 1) });
    driver.send({ type: "submit", requestId: "b", jobId: "y", key: "k", spec: spec(1, 1) });
    expect(driver.replies.size).toBe(0);
    while (driver.decide());
    driver.send({ type: "submit", requestId: "c", jobId: "z", key: "k", spec: spec(1, 1) });
    expect(["a", "b", "c"].map((id) => driver.replies.get(id))).toMatchObject([
      { ok: true, jobId: "x", isNew: true },
      { ok: true, jobId: "x", isNew: false },
      { ok: true, jobId: "x", isNew: false },
    ]);
  });

  it("answers a refused submit, and requests about unknown jobs, with the reason", () => {
    const driver = new Driver();
    driver.submit(spec(1, 1, { out: "/out" }));
    driver.send({ type: "submit", requestId: "a", jobId: "y", spec: spec(1, 1, { out: "/out" }) });
    driver.send({ type: "cancel", requestId: "b", jobId: "nobody" });
    expect(driver.replies.get("a")).toMatchObject({ ok: false, error: { code: "OUTPUT_BUSY" } });
    expect(driver.replies.get("b")).toMatchObject({ ok: false, error: { code: "JOB_UNKNOWN" } });
  });

  it("starts nothing new of a paused job, keeps what it finishes, and goes on when it is resumed", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(4, 1));
    driver.send({ type: "pause", requestId: "p", jobId: "job-1" });
    expect(driver.replies.get("p")).toMatchObject({ ok: true, state: "paused", isNew: true });
    driver.finishAll();
    expect(driver.job().stages[0]!.done).toBe(2);
    driver.send({ type: "resume", requestId: "r", jobId: "job-1" });
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("holds back the commit of a job that is paused at its last task", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    driver.send({ type: "pause", requestId: "p", jobId: "job-1" });
    driver.finishAll();
    expect(driver.publications).toEqual([]);
    driver.send({ type: "resume", requestId: "r", jobId: "job-1" });
    expect(driver.job().state).toBe("succeeded");
  });

  it("commits after all when a pause was decided just ahead of the commit", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    while (driver.decide());
    driver.send({ type: "pause", requestId: "p", jobId: "job-1" });
    driver.finish(driver.running()[0]!);
    driver.proposals.reverse(); // result, then pause; the commit is proposed in between
    driver.decide();
    while (driver.decide());
    expect(driver.job().state).toBe("paused");
    driver.send({ type: "resume", requestId: "r", jobId: "job-1" });
    while (driver.decide());
    expect(driver.job().state).toBe("succeeded");
  });

  it("cancels: stops what runs, clears up, and makes room for others", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(4, 1, { out: "/out" }));
    const attempts = driver.running().map(({ attempt }) => attempt);
    driver.submit(spec(1, 1), "job-2");
    const effects = driver.send({ type: "cancel", requestId: "c", jobId: "job-1" });
    expect(driver.replies.get("c")).toMatchObject({ ok: true, state: "cancelled", isNew: true });
    const stopped = driver.effectsOf("stopAttempt", effects);
    expect(stopped.map(({ attempt }) => attempt)).toEqual(attempts);
    const kinds = effects.map((effect) => effect.type);
    expect(kinds.lastIndexOf("stopAttempt")).toBeLessThan(kinds.indexOf("discardJob"));
    expect(driver.effectsOf("discardJob", effects)).toMatchObject([
      { workerIds: ["w1"], jobId: "job-1", out: "/out" },
    ]);
    expect(driver.running().map(({ attempt }) => attempt.jobId)).toEqual(["job-2"]);
    driver.send({ type: "cancel", requestId: "again", jobId: "job-1" });
    expect(driver.replies.get("again")).toMatchObject({ ok: true, state: "cancelled", isNew: false });
  });

  it("does not cancel a job whose commit is decided: its output appears", () => {
    const driver = new Driver({ publish: () => undefined });
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    driver.finishAll();
    driver.send({ type: "cancel", requestId: "c", jobId: "job-1" });
    expect(driver.replies.get("c")).toMatchObject({ ok: true, state: "committing", isNew: false });
    const manifest = { out: null, files: [] };
    driver.send({ type: "outputPublished", workerId: "w1", jobId: "job-1", outcome: { manifest } });
    expect(driver.job().state).toBe("succeeded");
  });

  it("fails a job whose input cannot be listed, or whose output cannot be published, with that error", () => {
    const notFound = { code: "INPUT_NOT_FOUND", message: "nothing matches *.txt" } as const;
    const driver = new Driver({ list: () => ({ error: notFound }) });
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    expect(driver.scheduler.describeJob("job-1")).toMatchObject({
      state: "failed",
      error: notFound,
      stages: [],
    });
    const full = { code: "DISK_FULL", message: "no space left" } as const;
    const other = new Driver({ publish: () => ({ error: full }) });
    other.join("w1", 1);
    other.submit(spec(1, 0));
    other.finishAll();
    expect(other.job()).toMatchObject({ state: "failed", error: full });
    expect(other.effectsOf("discardJob")).toHaveLength(1);
  });

  it("fails the job of a task that fails too often, and stops the others", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1, { options: { maxAttempts: 2 } }));
    for (let i = 0; i < 2; i++) driver.fail(driver.running().find(({ attempt }) => attempt.task === 0)!);
    expect(driver.job().error).toMatchObject({ code: "USER_CODE_FAILED", details: { task: 0, tries: 2 } });
    expect(driver.running()).toEqual([]);
  });

  it("forgets the oldest finished jobs", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    for (let i = 0; i < 105; i++) {
      driver.submit(spec(1, 0), `job-${i}`);
      driver.finishAll();
    }
    expect([...driver.table.jobs()].map((job) => job.id).slice(0, 2)).toEqual(["job-5", "job-6"]);
    expect(driver.scheduler.describeJob("job-0")).toBeUndefined();
  });

  it("shows what runs and how fast, and forgets the progress of attempts that came to nothing", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(4, 1));
    driver.tick(1_000);
    const beat = (recordsIn: number): unknown =>
      driver.send({
        type: "heartbeat",
        workerId: "w1",
        progress: driver
          .running()
          .map(({ attempt }) => ({ attempt, metrics: { recordsIn, bytesIn: 100 * recordsIn } })),
      });
    const stage = (): unknown => driver.scheduler.describeJob("job-1")!.stages[0];
    beat(100);
    beat(500);
    driver.tick(1_000);
    expect(stage()).toMatchObject({ running: 2, done: 0, recordsIn: 1_000, bytesIn: 100_000 });
    expect(stage()).toMatchObject({ recordsInPerSecond: expect.closeTo(1_000 * (1 - Math.exp(-1 / 3)), 6) });
    driver.finish(driver.running()[0]!);
    expect(stage()).toMatchObject({ done: 1, recordsIn: 510 });
    driver.kill("w1");
    expect(stage()).toMatchObject({ running: 0, done: 0, recordsIn: 10, recordsOut: 5 });
  });
});

describe("a new leader", () => {
  it("adopts what runs, starts nothing that may be running, and repeats no finished work", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.join("w2", 2);
    driver.submit(spec(7, 2));
    for (let i = 0; i < 2; i++) driver.finish(driver.running("w1")[0]!);
    const running = driver.running().map(({ attempt }) => formatAttemptId(attempt));
    driver.changeLeader();
    driver.join("w1", 2);
    driver.tick(1_000);
    driver.join("w2", 2);
    driver.tick(1_000);
    expect(driver.running().map(({ attempt }) => formatAttemptId(attempt))).toEqual(running);
    const before = driver.effectsOf("assignTask").length;
    driver.finish(driver.running("w1")[0]!);
    expect(driver.effectsOf("assignTask")).toHaveLength(before);
    driver.tick(2_000);
    expect(driver.effectsOf("assignTask").length).toBeGreaterThan(before);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    const tasks = driver
      .effectsOf("assignTask")
      .map(({ assignment: { attempt } }) => `${attempt.stage}/${attempt.task}`);
    expect(new Set(tasks).size).toBe(tasks.length);
  });

  it("assigns anew, after a while, what nobody reports, and what was held by workers that do not come back", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.join("w2", 1);
    driver.submit(spec(4, 1));
    for (let i = 0; i < 2; i++) driver.finish(driver.running("w1")[0]!);
    driver.changeLeader();
    driver.workers.delete("w1");
    driver.join("w2", 1);
    expect(driver.job().stages[0]!.done).toBe(2);
    driver.tick(3_000);
    expect(driver.job().stages[0]!.done).toBe(0);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("takes results that were reported to the old leader and never logged", () => {
    const driver = new Driver({ isLogManual: true });
    const worker = driver.join("w1", 1);
    driver.submit(spec(1, 0));
    while (driver.decide());
    driver.finish(driver.running()[0]!);
    expect(worker.unsettled.size).toBe(1);
    driver.changeLeader();
    driver.join("w1", 1);
    while (driver.decide());
    expect(worker.unsettled.size).toBe(0);
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("assignTask")).toHaveLength(1);
  });

  it("carries on with listing and with publishing", () => {
    const driver = new Driver({ list: () => undefined, publish: () => undefined });
    driver.join("w1", 1);
    driver.submit(spec(1, 0));
    driver.changeLeader();
    driver.join("w1", 1);
    driver.send({ type: "inputsListed", workerId: "w1", jobId: "job-1", outcome: { splits: splits(1) } });
    driver.finishAll();
    driver.changeLeader();
    driver.join("w1", 1);
    expect(driver.publications).toHaveLength(2);
  });

  it("tells workers to clear up after jobs that ended while they were away", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(2, 1, { out: "/out" }));
    driver.disconnect("w1");
    driver.send({ type: "cancel", requestId: "c", jobId: "job-1" });
    driver.changeLeader();
    const start = driver.effects.length;
    driver.join("w1", 1);
    const effects = driver.effects.slice(start);
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([{ workerId: "w1", reason: "jobOver" }]);
    expect(driver.effectsOf("discardJob", effects)).toEqual([
      { type: "discardJob", workerIds: ["w1"], jobId: "job-1", out: "/out" },
    ]);
  });
});

describe("reports", () => {
  it("are logged many at a time while an entry is on its way, and count when it is decided", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 20);
    driver.submit(spec(20, 1));
    while (driver.decide());
    for (const assignment of driver.running()) driver.finish(assignment);
    expect(driver.proposals.map((command) => command.type)).toEqual(["tasksFinished"]);
    expect(driver.job().stages[0]!.done).toBe(0);
    driver.decide();
    expect(driver.proposals[0]).toMatchObject({ type: "tasksFinished", results: { length: 19 } });
  });

  it("count once when they come twice", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 1);
    driver.submit(spec(2, 1));
    while (driver.decide());
    const [assignment] = driver.running();
    driver.finish(assignment!);
    const { attempt, inputsVersion } = assignment!;
    const report = { type: "finished", attempt, inputsVersion, result: resultOf(assignment!) } as const;
    driver.send({ type: "attemptReported", workerId: "w1", report });
    while (driver.decide());
    const again = driver.send({ type: "attemptReported", workerId: "w1", report });
    expect(again).toEqual([{ type: "settleAttempt", workerId: "w1", attempt, hasWon: true }]);
    expect(driver.events.filter((event) => event.type === "attemptWon")).toHaveLength(1);
  });

  it("of a worker that is not connected are not believed", () => {
    const driver = new Driver();
    const report = {
      type: "stopped",
      attempt: { jobId: "j", stage: 0, task: 0, attempt: 1, epoch: 1 },
    } as const;
    expect(driver.send({ type: "attemptReported", workerId: "stranger", report })).toEqual([]);
    expect(driver.send({ type: "heartbeat", workerId: "stranger", progress: [] })).toEqual([]);
    expect(driver.send({ type: "workerLost", workerId: "stranger" })).toEqual([]);
  });

  it("that cross an order to stop on the way come too late: the files are gone", () => {
    const driver = new Driver({ areReportsManual: true });
    const deliverAll = (): void => {
      for (const workerId of driver.workers.keys()) driver.deliver(workerId);
    };
    driver.join("w1", 1);
    driver.join("w2", 1);
    driver.submit(spec(6, 4));
    while (!driver.job().stages[0]!.isDone) {
      driver.finish(driver.running()[0]!);
      deliverAll();
    }
    const reader = driver.running("w2")[0]!;
    driver.finish(reader);
    driver.kill("w1");
    expect(driver.effectsOf("stopAttempt")).toMatchObject([{ attempt: reader.attempt, reason: "preempted" }]);
    const effects = driver.deliver("w2");
    expect(effects).toEqual([
      { type: "settleAttempt", workerId: "w2", attempt: reader.attempt, hasWon: false },
    ]);
    while (driver.job().state === "running") {
      driver.finish(driver.running()[0]!);
      deliverAll();
    }
    expect(driver.job().state).toBe("succeeded");
  });

  it("that were settled as not winning stay so, also when they come again and their task is free", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1));
    const zombie = driver.running("w1")[0]!;
    driver.disconnect("w1");
    driver.finish(zombie);
    driver.join("w2", 1);
    driver.send({ type: "pause", requestId: "p", jobId: "job-1" });
    driver.join("w1", 1);
    driver.kill("w2");
    const { attempt, inputsVersion } = zombie;
    const report = { type: "finished", attempt, inputsVersion, result: resultOf(zombie) } as const;
    const effects = driver.send({ type: "attemptReported", workerId: "w1", report });
    expect(effects).toEqual([{ type: "settleAttempt", workerId: "w1", attempt, hasWon: false }]);
    driver.send({ type: "resume", requestId: "r", jobId: "job-1" });
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("that an attempt was stopped let its task run again, for free", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1, { options: { maxAttempts: 1 } }));
    driver.report("w1", { type: "stopped", attempt: driver.running()[0]!.attempt });
    expect(driver.running()).toHaveLength(1);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });
});
