import { describe, expect, it } from "vitest";
import { Driver, spec } from "./driver.js";

const early = { options: { earlyFetch: true } };

describe("reduce attempts that begin before all maps are done", () => {
  it("take slots that no map waits for, are told of outputs as they come, and end when they know all", () => {
    const driver = new Driver({ isLogManual: true });
    driver.join("w1", 2);
    driver.submit(spec(6, 2, early));
    while (driver.decide());
    for (let ended = 0; ended < 5; ended += 1) {
      driver.finish(driver.running().find(({ kind }) => kind === "map")!);
      while (driver.decide());
      driver.tick(100);
    }
    expect(driver.running().map(({ kind }) => kind)).toEqual(["map", "reduce"]);
    const [map, reduce] = driver.running();
    expect(driver.canEnd(reduce!)).toBe(false);
    driver.finish(map!);
    while (driver.decide());
    expect(driver.running().map((each) => driver.canEnd(each))).toEqual([true, true]);
  });

  /** Two slots on one worker: the last map, and a reduce attempt beside it. */
  function waiting(): Driver {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(6, 2, early));
    while (
      driver.runningTasks(0).length + driver.job().stages[0]!.done < 6 ||
      driver.runningTasks(0).length > 1
    )
      driver.finish(driver.running().find(({ kind }) => kind === "map")!);
    expect(driver.running().map(({ kind }) => kind)).toEqual(["map", "reduce"]);
    return driver;
  }

  it("give way to another job's tasks, and begin anew", () => {
    const driver = waiting();
    driver.submit(spec(1, 1, early), "job-2");
    expect(driver.running().map(({ attempt, kind }) => [attempt.jobId, kind])).toEqual([
      ["job-1", "map"],
      ["job-2", "map"],
    ]);
    expect(driver.effectsOf("stopAttempt")).toMatchObject([{ reason: "preempted" }]);
    driver.finishAll();
    expect([driver.job().state, driver.job("job-2").state]).toEqual(["succeeded", "succeeded"]);
  });

  it("give way to maps whose outputs are lost", () => {
    const driver = waiting();
    driver.join("w2", 1);
    const readers = driver.running().filter(({ kind }) => kind === "reduce");
    expect(readers.map(({ attempt }) => driver.workerOf(attempt))).toEqual(["w1", "w2"]);
    driver.kill("w1");
    // Only the reader on w2 was left, and all of w1's outputs are to be made again.
    expect(driver.running("w2").map(({ kind }) => kind)).toEqual(["map"]);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("leave a worker that drains", () => {
    const driver = waiting();
    driver.send({ type: "workerDraining", workerId: "w1" });
    expect(driver.running().map(({ kind }) => kind)).toEqual(["map"]);
    driver.join("w2", 1);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("are adopted by a new leader, who tells them what the old one had not", () => {
    const driver = waiting();
    const [map, reduce] = driver.running();
    driver.changeLeader();
    driver.join("w1", 2);
    expect(driver.running()).toEqual([map, reduce]);
    driver.finish(map!);
    driver.tick(5_000);
    expect(driver.canEnd(reduce!)).toBe(true);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("are told anew what was on its way when their connection broke", () => {
    const driver = waiting();
    const [map, reduce] = driver.running();
    driver.disconnect("w1");
    driver.join("w1", 2);
    if (driver.running().includes(map!)) driver.finish(map!);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(reduce?.kind).toBe("reduce");
  });

  it("keep their slots when the last map is done, though other reduce tasks wait for one", () => {
    const driver = new Driver({ ticksAhead: () => true });
    driver.join("w1", 2);
    driver.submit(spec(6, 5, early));
    while (driver.running().some(({ kind }) => kind === "map"))
      driver.finish(driver.running().find(({ kind }) => kind === "map")!);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(driver.effectsOf("stopAttempt")).toEqual([]);
  });

  it("are none where the job does not want them", () => {
    const driver = new Driver();
    driver.join("w1", 2);
    driver.submit(spec(6, 2));
    while (driver.job().stages[0]!.done < 5) driver.finish(driver.running()[0]!);
    expect(driver.running().map(({ kind }) => kind)).toEqual(["map"]);
  });
});
