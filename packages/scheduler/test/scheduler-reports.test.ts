import { describe, expect, it } from "vitest";
import { formatAttemptId } from "../src/index.js";
import { Driver, resultOf, spec, splits } from "./driver.js";

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
    const before = driver.effectsOf("assignTask").length;
    driver.finish(driver.running("w1")[0]!);
    driver.tick(2_999);
    expect(driver.effectsOf("assignTask")).toHaveLength(before);
    driver.join("w2", 2);
    expect(driver.effectsOf("assignTask")).toHaveLength(before + 1);
    const since = driver.running().map(({ attempt }) => formatAttemptId(attempt));
    expect(since.filter((id) => running.includes(id))).toHaveLength(running.length - 1);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    const tasks = driver
      .effectsOf("assignTask")
      .map(({ assignment: { attempt } }) => `${attempt.stage}/${attempt.task}`);
    expect(new Set(tasks).size).toBe(tasks.length);
  });

  it("waits no longer for workers that had left, and for a newcomer not at all", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3"]) driver.join(id, 1);
    driver.submit(spec(6, 1));
    driver.kill("w2");
    expect([...driver.table.fleet].sort()).toEqual(["w1", "w3"]);
    driver.changeLeader();
    const before = driver.effectsOf("assignTask").length;
    driver.join("w4", 1);
    driver.join("w1", 1);
    expect(driver.effectsOf("assignTask")).toHaveLength(before);
    driver.join("w3", 1);
    expect(driver.effectsOf("assignTask")).toHaveLength(before + 1);
    expect([...driver.table.fleet].sort()).toEqual(["w1", "w3", "w4"]);
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

  it("tells a worker that still names a winner that it has won, and never to drop its files", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(2, 1));
    const first = driver.running("w1")[0]!;
    driver.finish(first);
    driver.changeLeader();
    const { attempt } = first;
    const worker = { workerId: "w1", name: "w1", slots: 1, hostId: "h", shuffleUrl: "ws://127.0.0.1:1" };
    const running = [{ attempt, inputsVersion: 0 }];
    const joined = driver.send({ type: "workerJoined", worker, running, heldJobs: ["job-1"] });
    const heard = driver.send({ type: "heartbeat", workerId: "w1", progress: [{ attempt, metrics: {} }] });
    for (const effects of [joined, heard]) {
      expect(effects).toContainEqual({ type: "settleAttempt", workerId: "w1", attempt, hasWon: true });
      expect(effects.filter(({ type }) => type === "stopAttempt")).toEqual([]);
    }
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

  it("counts for nothing when it is about an attempt of another worker", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1));
    driver.join("w2", 1);
    const assignment = driver.running("w1")[0]!;
    const { attempt } = assignment;
    const report = { type: "finished", attempt, inputsVersion: 0, result: resultOf(assignment) } as const;
    expect(driver.send({ type: "attemptReported", workerId: "w2", report })).toEqual([]);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
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
