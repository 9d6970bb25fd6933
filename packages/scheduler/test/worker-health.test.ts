import { describe, expect, it } from "vitest";
import type { TaskAssignment } from "../src/index.js";
import { Driver, spec } from "./driver.js";

/** Fails what `w1` runs, and ends what the others run, until `until` holds or nothing runs. */
function breakFirst(driver: Driver, until: () => boolean): void {
  for (let guard = 0; guard < 1_000 && !until(); guard += 1) {
    const bad = driver.running("w1")[0];
    const good = driver.running().find(({ attempt }) => driver.workerOf(attempt) !== "w1");
    if (bad !== undefined) driver.fail(bad, "failed", "no such file");
    if (good !== undefined) driver.finish(good);
    if (bad === undefined && good === undefined) return;
  }
}

function stateOf(driver: Driver, workerId: string): string | undefined {
  return driver.scheduler.describeWorkers().find((worker) => worker.workerId === workerId)?.state;
}

describe("a worker on which task after task fails that others can do", () => {
  it("is quarantined, named, tried again after a while, and longer the next time", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3"]) driver.join(id, 1);
    driver.submit(spec(100, 1));
    breakFirst(driver, () => stateOf(driver, "w1") === "quarantined");
    const [first] = driver.effectsOf("workerQuarantined");
    const quarantine = {
      why: "failures",
      text: "3 tasks failed there and nowhere else",
      failedTasks: 3,
      times: 1,
      untilMs: driver.nowMs + 30_000,
    };
    expect(first).toMatchObject({ workerId: "w1", quarantine });
    expect(driver.scheduler.describeWorkers().map((worker) => worker.quarantine)).toEqual([
      quarantine,
      null,
      null,
    ]);
    // What it had begun it may end; it gets nothing else.
    for (const begun of driver.running("w1")) driver.fail(begun);
    driver.finish(driver.running("w2")[0]!);
    expect(driver.running("w1")).toEqual([]);
    driver.tick(30_000);
    expect(driver.effectsOf("quarantineEnded")).toEqual([{ type: "quarantineEnded", workerId: "w1" }]);
    expect(stateOf(driver, "w1")).toBe("active");
    expect(driver.running("w1")).toHaveLength(1);
    breakFirst(driver, () => stateOf(driver, "w1") === "quarantined");
    expect(driver.effectsOf("workerQuarantined")[1]?.quarantine).toMatchObject({
      times: 2,
      untilMs: driver.nowMs + 60_000,
    });
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("is left alone when the same tasks fail elsewhere too", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3"]) driver.join(id, 1);
    driver.submit(spec(12, 1, { options: { maxAttempts: 100 } }));
    // Every task fails twice, wherever it is; then it ends well.
    const tries = new Map<number, number>();
    for (let next = driver.running()[0]; next !== undefined; next = driver.running()[0]) {
      const { task } = next.attempt;
      const count = tries.get(task) ?? 0;
      tries.set(task, count + 1);
      if (count < 2 && next.kind === "map") driver.fail(next);
      else driver.finish(next);
    }
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("workerQuarantined")).toEqual([]);
  });

  it("is left alone when it ends more tasks well than fail there", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3"]) driver.join(id, 1);
    driver.submit(spec(60, 1, { options: { maxAttempts: 100 } }));
    let failed = 0;
    for (let turn = 1; driver.running().length > 0; turn += 1) {
      const own = driver.running("w1")[0];
      const other = driver.running().find(({ attempt }) => driver.workerOf(attempt) !== "w1");
      if (other !== undefined) driver.finish(other);
      if (own === undefined) continue;
      // Every third of its tasks fails there, and nowhere else.
      if (turn % 3 === 0 && own.kind === "map") {
        driver.fail(own, "failed", "no such file");
        failed += 1;
      } else driver.finish(own);
    }
    expect(failed).toBeGreaterThan(3);
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("workerQuarantined")).toEqual([]);
  });

  it("is not judged by one who is alone, and never more than half of the workers are out", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2"]) driver.join(id, 1);
    driver.submit(spec(60, 1, { options: { maxAttempts: 1_000 } }));
    breakFirst(driver, () => stateOf(driver, "w1") === "quarantined");
    expect(stateOf(driver, "w1")).toBe("quarantined");
    for (let n = 0; n < 10; n += 1) driver.fail(driver.running("w2")[0]!);
    expect(stateOf(driver, "w2")).toBe("active");
  });
});

function failAt(
  driver: Driver,
  assignment: TaskAssignment,
  offset: number,
  type: "failed" | "exited" = "failed",
): void {
  const { attempt } = assignment;
  const error = {
    code: "USER_CODE_FAILED",
    message: "map threw Error: bad record",
    details: { path: "/in/0", offset },
  } as const;
  driver.report(driver.workerOf(attempt), { type, attempt, error });
}

describe("a record that fails wherever it is tried", () => {
  it("ends the job after three workers, named, as the fault of data or code", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3", "w4", "w5"]) driver.join(id, 1);
    driver.submit(spec(1, 1));
    for (let n = 0; n < 3; n += 1) failAt(driver, driver.running()[0]!, 17);
    expect(driver.job().state).toBe("failed");
    const workers = driver.effectsOf("assignTask").map(({ workerId }) => workerId);
    expect(new Set(workers).size).toBe(3);
    expect(driver.job().error).toMatchObject({
      code: "USER_CODE_FAILED",
      details: { path: "/in/0", offset: 17, tries: 3, cause: "dataOrCode" },
    });
    expect(driver.job().error?.message).toContain("the data or the code is at fault");
  });

  it("ends it after four tries where there are fewer workers", () => {
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(1, 1));
    for (let n = 0; n < 4; n += 1) failAt(driver, driver.running()[0]!, 17);
    expect(driver.job().error?.details).toMatchObject({ tries: 4, cause: "dataOrCode" });
  });

  it("is told from tasks that fail here and there, which get all their tries", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2", "w3", "w4"]) driver.join(id, 1);
    driver.submit(spec(1, 1));
    for (let n = 0; n < 3; n += 1) failAt(driver, driver.running()[0]!, n);
    expect(driver.job().state).toBe("running");
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("charges nobody but its own task", () => {
    const driver = new Driver();
    driver.join("w1", 4);
    driver.submit(spec(4, 1));
    const [poison] = driver.running();
    const before = driver.running().slice(1);
    driver.fail(poison!, "exited");
    expect(driver.running().filter((one) => before.includes(one))).toEqual(before);
    expect([...driver.job().stages[0]!.failures.keys()]).toEqual([poison!.attempt.task]);
  });
});

describe("a task whose process has died without a word", () => {
  it("is told to note its records from then on, and named by them", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1));
    driver.fail(driver.running()[0]!, "exited");
    const [neighbour, again] = driver.running();
    expect([neighbour?.tracesRecords, again?.tracesRecords]).toEqual([undefined, true]);
    for (let n = 0; n < 3; n += 1) failAt(driver, driver.running()[1]!, 17, "exited");
    expect(driver.job().error).toMatchObject({ details: { offset: 17, tries: 4, cause: "dataOrCode" } });
  });
});

describe("boundaries of ranges", () => {
  it("are sent once a worker and job, ahead of its first map task, and again after its connection broke", () => {
    const driver = new Driver();
    for (const id of ["w1", "w2"]) driver.join(id, 1);
    driver.submit(spec(8, 4, { isSort: true }));
    for (let next = driver.running()[0]; next !== undefined; next = driver.running()[0]) {
      driver.finish(next);
      if (driver.job().stages[1]?.done === 4) break;
    }
    expect(
      driver
        .effectsOf("sendBoundaries")
        .map(({ workerId }) => workerId)
        .sort(),
    ).toEqual(["w1", "w2"]);
    driver.workers.get("w1")!.boundaries.clear();
    driver.join("w1", 1);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("sendBoundaries")).toHaveLength(3);
  });
});

describe("a draining worker", () => {
  it("serves its outputs until their last reader has finished, and may go then", () => {
    const driver = new Driver();
    const leaving = driver.join("w1", 1);
    driver.submit(spec(3, 2));
    for (let n = 0; n < 2; n += 1) driver.finish(driver.running("w1")[0]!);
    driver.join("w2", 1);
    driver.send({ type: "workerDraining", workerId: "w1" });
    expect(driver.running("w1")).toHaveLength(1);
    driver.finish(driver.running("w1")[0]!);
    expect(leaving.isReleased).toBe(false);
    driver.finish(driver.running("w2")[0]!);
    expect(leaving.isReleased).toBe(false);
    driver.finish(driver.running("w2")[0]!);
    expect(leaving.isReleased).toBe(true);
    driver.kill("w1");
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("assignTask")).toHaveLength(5);
  });

  it("may go at once when it has nothing", () => {
    const driver = new Driver();
    const leaving = driver.join("w1", 1);
    driver.send({ type: "workerDraining", workerId: "w1" });
    expect(leaving.isReleased).toBe(true);
  });
});
