import { describe, expect, it } from "vitest";
import { formatAttemptId, type TaskAssignment } from "../src/index.js";
import { StagePace } from "../src/stage-pace.js";
import { Driver, spec } from "./driver.js";

/** Every worker tells, each second, that its attempts are as far as `share` says. */
function elapse(driver: Driver, seconds: number, share: (workerId: string, second: number) => number): void {
  for (let second = 1; second <= seconds; second += 1) {
    for (const [workerId, worker] of driver.workers) {
      if (worker.isConnected) driver.heartbeat(workerId, () => share(workerId, second));
    }
    driver.tick(1_000);
  }
}

/** Four workers; the tasks of three are done after four seconds, and the fourth, `w4`, is a tenth as fast. */
function straggling(options = {}, workers = 4): Driver {
  const driver = new Driver();
  for (let n = 1; n <= workers; n += 1) driver.join(`w${n}`, 1);
  driver.submit(spec(workers, 1, { options }));
  elapse(driver, 4, (workerId, second) => (workerId === "w4" ? second / 40 : second / 4));
  for (const assignment of driver.running()) {
    if (driver.workerOf(assignment.attempt) !== "w4") driver.finish(assignment);
  }
  return driver;
}

function attemptsOf(driver: Driver, task: number): TaskAssignment["attempt"][] {
  return driver
    .running()
    .map(({ attempt }) => attempt)
    .filter((attempt) => attempt.stage === 0 && attempt.task === task);
}

describe("the pace of a stage", () => {
  const attempt = (workerId: string, fraction: number) => ({
    workerId,
    sinceMs: 0,
    fractionThen: 0,
    fraction,
  });

  it("tells slow workers from those of which nothing is known, and from those a little slower", () => {
    const pace = new StagePace();
    for (const [workerId, elapsedMs] of [
      ["fast", 1_000],
      ["good", 1_000],
      ["fair", 1_500],
      ["slow", 10_000],
    ] as const) {
      for (let n = 0; n < 5; n += 1) pace.noteFinished(workerId, elapsedMs);
    }
    const survey = pace.survey([], 20_000);
    expect(["fast", "good", "fair", "slow", "new"].map((id) => survey.isSlow(id))).toEqual([
      ...[false, false, false, true, false],
    ]);
  });

  it("puts the attempt that will end last first, whatever was started first", () => {
    const pace = new StagePace();
    for (let n = 0; n < 20; n += 1) pace.noteFinished("w", 4_000);
    const [slow, slower] = [attempt("a", 0.3), attempt("b", 0.1)];
    const fair = { ...attempt("c", 0.9), sinceMs: 3_000 };
    const seemsDone = attempt("d", 1);
    const survey = pace.survey([slow, slower, fair, seemsDone], 10_000);
    expect(survey.lateness(slow, 10_000)).toBeCloseTo(23_333, -1);
    expect(survey.lateness(slower, 10_000)).toBeCloseTo(90_000, -1);
    // It is slow as well, but will end before a fresh attempt could.
    expect(survey.lateness(fair, 10_000)).toBeUndefined();
    // It says that all is read, but has taken more than twice as long as the others.
    expect(survey.lateness(seemsDone, 10_000)).toBe(6_000);
    expect(survey.lateness({ ...slow, sinceMs: 8_500 }, 10_000)).toBeUndefined();
  });
});

describe("a straggler", () => {
  it("gets a backup on another worker once nothing waits, and the one that ends first wins", () => {
    const driver = straggling();
    const slow = driver.running("w4")[0]!;
    elapse(driver, 1, () => 0.12);
    const [first, backup] = attemptsOf(driver, slow.attempt.task);
    expect([first, backup].map((attempt) => attempt?.attempt).sort()).toEqual([1, 2]);
    const hasty = driver.running().find(({ attempt }) => attempt.attempt === 2)!;
    expect(driver.workerOf(hasty.attempt)).not.toBe("w4");
    const effects = driver.finish(hasty);
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([
      { workerId: "w4", attempt: slow.attempt, reason: "superseded" },
    ]);
    expect(driver.scheduler.describeJob("job-1")?.stages[0]).toMatchObject({
      backups: 0,
      backupsWon: 1,
    });
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(driver.job().counters.get("maps")).toBe(4);
  });

  it("may still win itself, and its backup is stopped", () => {
    const driver = straggling();
    const slow = driver.running("w4")[0]!;
    elapse(driver, 1, () => 0.12);
    const backup = driver.running().find(({ attempt }) => attempt.attempt === 2)!;
    const holder = driver.workerOf(backup.attempt);
    const effects = driver.finish(slow);
    expect(driver.effectsOf("stopAttempt", effects)).toMatchObject([
      { workerId: holder, attempt: backup.attempt },
    ]);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("is succeeded by its backup when its worker dies, and is not started a third time", () => {
    const driver = straggling();
    elapse(driver, 1, () => 0.12);
    const assigned = driver.effectsOf("assignTask").length;
    driver.kill("w4");
    expect(driver.runningTasks(0)).toHaveLength(1);
    expect(driver.effectsOf("assignTask")).toHaveLength(assigned);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
  });

  it("goes on when its backup fails, and the backup's worker is avoided from then on", () => {
    const driver = straggling();
    const slow = driver.running("w4")[0]!;
    elapse(driver, 1, () => 0.12);
    const backup = driver.running().find(({ attempt }) => attempt.attempt === 2)!;
    const failedOn = driver.workerOf(backup.attempt);
    driver.fail(backup);
    expect(attemptsOf(driver, slow.attempt.task)).toEqual([slow.attempt]);
    elapse(driver, 2, () => 0.13);
    const next = driver.running().find(({ attempt }) => attempt.attempt === 3)!;
    expect(driver.workerOf(next.attempt)).not.toBe(failedOn);
  });

  it("gets none when the job says so", () => {
    const driver = straggling({ backups: false });
    elapse(driver, 20, () => 0.12);
    expect(driver.running()).toHaveLength(1);
  });

  it("waits while other tasks want the slots, and backups hold a tenth of all slots at most", () => {
    const driver = new Driver();
    for (let n = 1; n <= 20; n += 1) driver.join(`w${n}`, 1);
    driver.submit(spec(20, 1));
    const slow = new Set(["w1", "w2", "w3", "w4", "w5"]);
    elapse(driver, 4, (workerId, second) => (slow.has(workerId) ? second / 100 : second / 4));
    for (const one of driver.running()) if (!slow.has(driver.workerOf(one.attempt))) driver.finish(one);
    elapse(driver, 5, (_, second) => 0.04 + second / 100);
    expect(driver.running()).toHaveLength(5 + 2);
  });

  it("and its backup are both adopted by a new leader", () => {
    const driver = straggling();
    elapse(driver, 1, () => 0.12);
    const before = driver.running().map(({ attempt }) => formatAttemptId(attempt));
    expect(before).toHaveLength(2);
    driver.changeLeader();
    for (const id of ["w1", "w2", "w3", "w4"]) driver.join(id, 1);
    driver.tick(4_000);
    expect(driver.running().map(({ attempt }) => formatAttemptId(attempt))).toEqual(before);
    driver.finish(driver.running().find(({ attempt }) => attempt.attempt === 2)!);
    driver.finishAll();
    expect(driver.job().state).toBe("succeeded");
    expect(driver.events.filter((event) => event.type === "attemptWon" && !event.isRepeat)).toHaveLength(5);
  });

  it("in a stage where all are alike is none", () => {
    const driver = new Driver();
    for (let n = 1; n <= 8; n += 1) driver.join(`w${n}`, 1);
    driver.submit(spec(6, 1));
    elapse(driver, 30, (_, second) => second / 40);
    expect(driver.running()).toHaveLength(6);
  });
});
