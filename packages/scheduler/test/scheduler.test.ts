import { describe, expect, it } from "vitest";
import { Driver, spec } from "./driver.js";

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
