import { describe, expect, it } from "vitest";
import { JobTable } from "../src/index.js";
import { Driver, spec } from "./driver.js";

/** A job whose maps are done and held twice, by three workers of two slots. */
function mapped(): Driver {
  const driver = new Driver();
  for (const workerId of ["w1", "w2", "w3"]) driver.join(workerId, 2);
  driver.submit(spec(12, 5, { options: { shuffleReplicas: 2 } }));
  driver.finishAll(() => driver.job().stages[0]!.isDone);
  return driver;
}

function mapsStarted(driver: Driver): number {
  return driver.effectsOf("assignTask").filter(({ assignment }) => assignment.kind === "map").length;
}

describe("map outputs that are held twice", () => {
  it("go to another worker than the one that makes them, spread over all", () => {
    const driver = mapped();
    const stage = driver.job().stages[0]!;
    const holders = Array.from({ length: 12 }, (_, task) => [
      driver.job().workerOf(stage, task),
      driver.job().replicaOf(stage, task),
    ]);
    for (const [first, second] of holders) {
      expect(second).toBeDefined();
      expect(second).not.toBe(first);
    }
    expect(new Set(holders.map(([, second]) => second)).size).toBe(3);
  });

  it("are not made again when a worker dies: readers are told of the second holder", () => {
    const driver = mapped();
    driver.kill("w1");
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(mapsStarted(driver)).toBe(12);
    const stages = driver.scheduler.describeJob("job-1")!.stages;
    expect(stages[0]).toMatchObject({ remade: 0, lost: 0, done: 12 });
    for (const workerId of ["w2", "w3"]) {
      const known = [...driver.workers.get(workerId)!.outputs.get("job-1/0")!.values()];
      expect(known).toHaveLength(12);
      expect(known.some((at) => at.workerId === "w1")).toBe(false);
    }
  });

  it("let a draining holder go as soon as it runs nothing", () => {
    const driver = mapped();
    driver.send({ type: "workerDraining", workerId: "w1" });
    for (const running of driver.running("w1")) driver.finish(running);
    expect(driver.job().state).toBe("running");
    expect(driver.workers.get("w1")!.isReleased).toBe(true);
    driver.kill("w1");
    driver.finishAll();
    expect(mapsStarted(driver)).toBe(12);
  });

  it("are made again, those alone, when both holders die", () => {
    const driver = mapped();
    const stage = driver.job().stages[0]!;
    const dead = new Set(["w1", "w2"]);
    const lost = Array.from({ length: 12 }, (_, task) => task).filter(
      (task) =>
        dead.has(driver.job().workerOf(stage, task)!) && dead.has(driver.job().replicaOf(stage, task)!),
    );
    expect(lost.length).toBeGreaterThan(0);
    driver.kill("w1");
    driver.kill("w2");
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(mapsStarted(driver)).toBe(12 + lost.length);
    expect(driver.scheduler.describeJob("job-1")!.stages[0]).toMatchObject({ remade: lost.length });
  });

  it("are known to a new leader, and to a table that is restored", () => {
    const driver = mapped();
    driver.table = JobTable.fromSnapshot(driver.table.toSnapshot());
    driver.workers.delete("w1");
    driver.changeLeader();
    driver.join("w2", 2);
    driver.join("w3", 2);
    driver.tick(5_000);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(mapsStarted(driver)).toBe(12);
  });

  it("are held once where there is only one worker", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(2, 1, { options: { shuffleReplicas: 2 } }));
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });
});
