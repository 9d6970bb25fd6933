import { describe, expect, it } from "vitest";
import { Driver, spec } from "./driver.js";

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
    driver.send({
      type: "outputPublished",
      workerId: "w1",
      jobId: "job-1",
      step: "commit",
      participant: 0,
      outcome: { manifest },
    });
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
