import { describe, expect, it } from "vitest";
import { formatAttemptId } from "../src/index.js";
import { Driver, resultOf, spec, splits } from "./driver.js";

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
    const report = {
      type: "finished",
      attempt: first!.attempt,
      inputsVersion: 0,
      result: resultOf(first!),
    } as const;
    driver.report("w1", report);
    const start = driver.effects.length;
    driver.join("w1", 2);
    expect(driver.effectsOf("stopAttempt", driver.effects.slice(start))).toMatchObject([
      { attempt: second!.attempt, reason: "superseded" },
      { attempt: first!.attempt, reason: "superseded" },
    ]);
    const heard = driver.send({ type: "attemptReported", workerId: "w1", report });
    expect(driver.effectsOf("settleAttempt", heard)).toMatchObject([
      { attempt: first!.attempt, hasWon: false },
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
    driver.send({
      type: "outputPublished",
      workerId: "w3",
      jobId: "job-1",
      step: "commit",
      participant: 0,
      outcome: { manifest },
    });
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
