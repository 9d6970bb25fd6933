import { describe, expect, it } from "vitest";
import { Driver, spec, splits } from "./driver.js";

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
    expect(byKind.get("map 1")).toMatchObject({ split: splits(2)[1], boundaryCount: 1 });
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
