import type { AttemptId, Command, FinishedAttempt, TableEvent, TaskAssignment } from "@fanfold/scheduler";
import { describe, expect, it } from "vitest";
import {
  attemptsPerJobMax,
  attemptsView,
  ClusterHistory,
  compareEventIds,
  type HistoryEvent,
} from "../src/index.js";

const jobId = "j1";

function id(task: number, attempt = 1): AttemptId {
  return { jobId, stage: 0, task, attempt, epoch: 2 };
}

function result(task: number, metrics: Record<string, number> = {}, attempt = 1): FinishedAttempt {
  const value = { outputs: [], counters: {}, metrics: { recordsIn: 10, bytesIn: 100, ...metrics } };
  return { attempt: id(task, attempt), workerId: "w1", inputsVersion: 0, result: value };
}

function won(task: number, attempt = 1): TableEvent {
  return { type: "attemptWon", attempt: id(task, attempt), workerId: "w1", isRepeat: false, isRemade: false };
}

class World {
  readonly told: HistoryEvent[] = [];
  readonly history = new ClusterHistory({
    isKnown: (each) => each === jobId,
    attemptEnded: () => undefined,
    attemptsChanged: () => undefined,
    eventAdded: (event) => this.told.push(event),
  });
  #index = 0;

  constructor() {
    const spec = { name: "words" } as Extract<Command, { type: "jobSubmitted" }>["spec"];
    this.decide({ type: "jobSubmitted", jobId, atMs: 0, spec }, [
      { type: "jobAccepted", requestedJobId: jobId, jobId, isNew: true },
    ]);
  }

  decide(command: Command, events: readonly TableEvent[] = []): void {
    this.#index += 1;
    this.history.observe({ type: "decided", index: this.#index, command, events }, command.atMs);
  }

  start(task: number, atMs: number, attempt = 1): void {
    this.history.assigned("w1", { attempt: id(task, attempt) } as TaskAssignment, atMs);
  }

  report(task: number, atMs: number): void {
    const report = {
      type: "finished" as const,
      attempt: id(task),
      inputsVersion: 0,
      result: result(task).result,
    };
    this.history.observe({ type: "attemptReported", workerId: "w1", report }, atMs);
  }

  rows(since = 0): ReturnType<typeof attemptsView> {
    return attemptsView(this.history.job(jobId), { jobId, source: "x" }, { since });
  }
}

describe("the history of a job", () => {
  it("has a row for each attempt, from the order to start it to what the log says of it", () => {
    const world = new World();
    world.start(0, 100);
    expect(world.rows().rows).toMatchObject({ task: [0], startMs: [100], endMs: [null], state: [0] });
    world.report(0, 150);
    world.decide({ type: "tasksFinished", atMs: 170, results: [result(0)] }, [won(0)]);
    const { rows, states } = world.rows();
    expect(rows).toMatchObject({ endMs: [150], bytesIn: [100], recordsIn: [10] });
    expect(states[rows.state[0]!]).toBe("won");
  });

  it("gives an attempt the lowest slot that is free, and never more slots than ran at a time", () => {
    const world = new World();
    world.start(0, 0);
    world.start(1, 1);
    world.report(0, 10);
    world.start(2, 11);
    const { task, slot } = world.rows().rows;
    expect(Object.fromEntries(task.map((each, i) => [each, slot[i]]))).toEqual({ 0: 0, 1: 1, 2: 0 });
  });

  it("learns of attempts that another leader started from what they say that they took", () => {
    const world = new World();
    world.decide({ type: "tasksFinished", atMs: 1_000, results: [result(3, { wallMs: 400 })] }, [won(3)]);
    expect(world.rows().rows).toMatchObject({ task: [3], startMs: [600], endMs: [1_000] });
  });

  it("puts the start of an adopted attempt right when it ends", () => {
    const world = new World();
    const worker = { workerId: "w1", name: "w1", slots: 2, hostId: "h", shuffleUrl: "ws://x" };
    const running = [{ attempt: id(0), inputsVersion: 0 }];
    world.history.observe({ type: "workerJoined", worker, running, heldJobs: [] }, 500);
    expect(world.rows().rows.startMs).toEqual([500]);
    world.decide({ type: "tasksFinished", atMs: 900, results: [result(0, { wallMs: 700 })] }, [won(0)]);
    expect(world.rows().rows).toMatchObject({ startMs: [200], endMs: [900] });
  });

  it("shows each way for an attempt to end", () => {
    const world = new World();
    for (let task = 0; task < 4; task++) world.start(task, task);
    const error = { code: "USER_CODE_FAILED" as const, message: "no" };
    const failure = (task: number, kind: "failed" | "lost") => ({
      attempt: id(task),
      workerId: "w1",
      kind,
      error,
    });
    world.decide({ type: "attemptsFailed", atMs: 10, failures: [failure(0, "failed"), failure(1, "lost")] });
    world.decide({ type: "tasksFinished", atMs: 11, results: [result(2)] });
    world.decide({ type: "jobCancelRequested", jobId, atMs: 12 }, [
      { type: "jobStateChanged", jobId, from: "running", state: "cancelled" },
    ]);
    const { rows, states } = world.rows();
    const shown = Object.fromEntries(rows.task.map((task, i) => [task, states[rows.state[i]!]]));
    expect(shown).toEqual({ 0: "failed", 1: "lost", 2: "refused", 3: "stopped" });
  });

  it("counts a failure once, however often the log repeats it", () => {
    const world = new World();
    const error = { code: "USER_CODE_FAILED" as const, message: "no" };
    const failures = [{ attempt: id(0), workerId: "w1", kind: "failed" as const, error }];
    world.decide({ type: "attemptsFailed", atMs: 10, failures });
    world.decide({ type: "attemptsFailed", atMs: 11, failures });
    expect(world.rows().total).toBe(1);
  });

  it("tells a reader only the rows that have changed since it asked, page by page", () => {
    const world = new World();
    for (let task = 0; task < 5; task++) world.start(task, task);
    const first = attemptsView(world.history.job(jobId), { jobId, source: "x" }, { since: 0, limit: 3 });
    expect(first).toMatchObject({ hasMore: true, total: 5 });
    const second = attemptsView(world.history.job(jobId), { jobId, source: "x" }, { since: first.version });
    expect([...first.rows.task, ...second.rows.task]).toEqual([0, 1, 2, 3, 4]);
    expect(world.rows(second.version).rows.row).toEqual([]);
    world.report(1, 50);
    expect(world.rows(second.version).rows.task).toEqual([1]);
  });

  it("keeps a bounded number of attempts, and says how many it did not record", () => {
    const world = new World();
    for (let task = 0; task < attemptsPerJobMax + 7; task++) {
      world.start(task, task);
      world.report(task, task);
    }
    expect(world.rows(2 * attemptsPerJobMax)).toMatchObject({ total: attemptsPerJobMax, unrecorded: 7 });
  });

  it("forgets a job that the table has forgotten", () => {
    const world = new World();
    world.decide({ type: "jobDiscarded", jobId, atMs: 5 }, [{ type: "jobForgotten", jobId }]);
    expect(world.history.job(jobId)).toBeUndefined();
  });
});

describe("events", () => {
  it("have ids from the log, so that a reader can go on at another replica", () => {
    const [one, other] = [new World(), new World()];
    // Only the one that leads hears of workers.
    one.history.observe({ type: "workerLost", workerId: "w9" }, 1);
    for (const world of [one, other]) {
      world.decide({ type: "reignBegan", atMs: 2, leader: "b", clusterId: "c1" });
      world.decide({ type: "jobPaused", jobId, atMs: 3 }, [
        { type: "jobStateChanged", jobId, from: "running", state: "paused" },
      ]);
    }
    const paused = (world: World) => world.told.find(({ kind }) => kind === "job paused")?.id;
    expect(paused(one)).toBe(paused(other));
    const begun = one.told.find(({ kind }) => kind === "reignBegan")?.id ?? "";
    expect(other.history.events(undefined, begun).map(({ kind }) => kind)).toEqual(["job paused"]);
  });

  it("are ordered by number, not by letter", () => {
    expect(["10.1", "9.2", "9.10"].sort(compareEventIds)).toEqual(["9.2", "9.10", "10.1"]);
  });
});
