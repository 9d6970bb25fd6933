import { describe, expect, it } from "vitest";
import {
  type AttemptReport,
  formatAttemptId,
  JobTable,
  type ReduceAssignment,
  type TaskAssignment,
  type TaskResult,
} from "../src/index.js";
import { Driver, replicaOf, resultOf, spec } from "./driver.js";

/** A generator of numbers from 0 to 1 (mulberry32), so that a seed replays a run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One cluster under random faults, and what must be true of it at every moment. */
class Ordeal {
  readonly driver: Driver;
  readonly #random: () => number;
  /** Share of re-runs of a map that give other data. */
  readonly #unstable: number;
  readonly #reports: { workerId: string; epoch: number; report: AttemptReport }[] = [];
  /** What each reduce attempt could read when it began. */
  readonly #readAtStart: Map<string, (string | undefined)[]> = new Map();
  /** Digests of all segments that were ever made, by worker, job, stage, task, attempt and epoch. */
  readonly #digests: Map<string, string> = new Map();
  /** Per job: what its reduce tasks must have read for the output to be right. */
  readonly inputsAtCommit: Map<string, string> = new Map();
  jobs = 0;
  /** Times that a reduce attempt was seen to wait for outputs. */
  waits = 0;
  #workers = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
    this.#unstable = seed % 4 === 0 ? 0.3 : 0;
    this.driver = new Driver({
      isLogManual: true,
      areReportsManual: seed % 2 === 0,
      ticksAhead: () => this.#random() < 0.3,
      publish: (effect) => {
        const stages = this.driver.job(effect.jobId).stages;
        const maps = stages.findIndex(({ stage }) => stage.output.type === "shuffle");
        this.inputsAtCommit.set(effect.jobId, (stages[maps]?.columns.segmentDigest ?? []).join());
        return { manifest: { out: effect.out, files: [] } };
      },
    });
    const workers = 1 + this.#below(4);
    for (let i = 0; i < workers; i++) this.#joinNew();
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#below(items.length)];
  }

  #joinNew(): void {
    this.driver.join(`w${this.#workers++}`, 1 + this.#below(3));
  }

  submit(): void {
    const jobId = `job-${this.jobs++}`;
    const reducers = this.#below(5);
    const maps = this.#random() < 0.1 ? 0 : 1 + this.#below(14);
    const options = {
      ...(this.#random() < 0.2 ? { maxAttempts: 1 + this.#below(3) } : {}),
      ...(this.#random() < 0.4 ? { shuffleReplicas: 2 } : {}),
      ...(this.#random() < 0.7 ? { earlyFetch: true } : {}),
    };
    this.driver.submit(spec(maps, reducers, { options, isSort: this.#random() < 0.3 }), jobId);
  }

  /** One thing happens. */
  disturb(): void {
    const roll = this.#random();
    if (roll < 0.3) this.driver.decide();
    else if (roll < 0.6) this.#endSome();
    else if (roll < 0.62) this.#repeatReport();
    else if (roll < 0.64 || (roll < 0.72 && this.#random() < 0.5)) this.#deliver();
    else if (roll < 0.68) this.#loseWorker();
    else if (roll < 0.75) this.#comeBack();
    else if (roll < 0.77 && this.#workers < 30) this.#joinNew();
    else if (roll < 0.78) this.#drain();
    else if (roll < 0.8) this.#control();
    else if (roll < 0.81) this.#changeLeader();
    else if (roll < 0.83 && this.jobs < 5) this.submit();
    else if (roll < 0.9) this.driver.tick(this.#below(1500));
    else this.#heartbeat();
    this.#noteStarts();
  }

  /** Nothing bad happens any more: everything has to end. */
  heal(): void {
    for (const worker of this.driver.workers.values()) {
      if (!worker.isConnected) this.driver.join(worker.info.workerId);
    }
    this.#joinNew();
    for (let i = 0; i < this.jobs; i++) {
      this.driver.send({ type: "resume", requestId: `resume-${i}`, jobId: `job-${i}` });
    }
    for (let i = 0; i < 3_000 && !this.isOver; i++) {
      for (const workerId of this.driver.workers.keys()) this.driver.deliver(workerId);
      while (this.driver.decide()) this.#noteStarts();
      this.#noteStarts();
      const next = this.driver
        .running()
        .find((running) => this.#isConnected(running.attempt) && this.driver.canEnd(running));
      if (next === undefined) this.driver.tick(1_000);
      else this.#finish(next);
    }
  }

  get isOver(): boolean {
    return [...this.driver.table.jobs()].every((job) => job.isFinished) && this.driver.proposals.length === 0;
  }

  #isConnected(attempt: TaskAssignment["attempt"]): boolean {
    return this.driver.workers.get(this.driver.workerOf(attempt))!.isConnected;
  }

  #noteStarts(): void {
    for (const assignment of this.driver.running()) {
      if (assignment.kind !== "reduce") continue;
      const id = formatAttemptId(assignment.attempt);
      const known = this.#known(assignment);
      const before = this.#readAtStart.get(id);
      // What it was told of later, it may have read from then on.
      this.#readAtStart.set(
        id,
        known.map((digest, task) => before?.[task] ?? digest),
      );
      if (!this.driver.canEnd(assignment)) this.waits += 1;
    }
  }

  /** Digests of the map outputs that a reduce attempt would be given now. */
  #known({ attempt, mapStage, mapTasks }: ReduceAssignment): (string | undefined)[] {
    const worker = this.driver.workers.get(this.driver.workerOf(attempt))!;
    const known = worker.outputs.get(`${attempt.jobId}/${mapStage}`)!;
    return Array.from({ length: mapTasks }, (_, task) => {
      const at = known.get(task);
      if (at === undefined) return undefined;
      return this.#digests.get(`${attempt.jobId}-${mapStage}-${task}-${at.attempt}-${at.epoch}`)!;
    });
  }

  #endSome(): void {
    const assignment = this.#pick(this.driver.running());
    if (assignment === undefined) return;
    const roll = this.#random();
    if (roll < 0.84 && !this.driver.canEnd(assignment)) return;
    if (roll < 0.84) this.#finish(assignment);
    else if (roll < 0.89) this.#keep(assignment, "failed");
    else if (roll < 0.94) this.#keep(assignment, "exited");
    else if (assignment.kind === "reduce") this.#fetchFail(assignment);
  }

  #finish(assignment: TaskAssignment): void {
    const result = this.#resultOf(assignment);
    const { attempt, inputsVersion } = assignment;
    this.#report(assignment, { type: "finished", attempt, inputsVersion, result });
  }

  #resultOf(assignment: TaskAssignment): TaskResult {
    const { attempt } = assignment;
    const id = formatAttemptId(attempt);
    const result = resultOf(assignment);
    if (assignment.kind === "map" && assignment.partitions > 0) {
      const digest = this.#random() < this.#unstable ? id : `stable-${attempt.task}`;
      this.#digests.set(id, digest);
      return { ...result, segment: { path: id, bytes: 1, digest, ...replicaOf(assignment) } };
    }
    if (assignment.kind !== "reduce") return result;
    // Each input was read some time between the start and now.
    const [before, now] = [this.#readAtStart.get(id)!, this.#known(assignment)];
    const read = before.map((digest, task) => (this.#random() < 0.5 ? digest : (now[task] ?? digest)));
    return { ...result, outputs: [{ name: "part", path: id, bytes: 1, records: 1, sha256: read.join() }] };
  }

  #keep(assignment: TaskAssignment, type: "failed" | "exited"): void {
    const error = { code: "USER_CODE_FAILED", message: "boom" } as const;
    this.#report(assignment, { type, attempt: assignment.attempt, error });
  }

  #fetchFail(assignment: ReduceAssignment): void {
    const { attempt, mapStage: stage } = assignment;
    const worker = this.driver.workers.get(this.driver.workerOf(attempt))!;
    const known = [...worker.outputs.get(`${attempt.jobId}/${stage}`)!];
    const missing = known
      .filter(() => this.#random() < 0.4)
      .map(([task, at]) => ({ stage, task, attempt: at.attempt, epoch: at.epoch }));
    const error = { code: "SEGMENT_UNAVAILABLE", message: "refused" } as const;
    this.#report(assignment, { type: "fetchFailed", attempt, error, missing });
  }

  #report(assignment: TaskAssignment, report: AttemptReport): void {
    const workerId = this.driver.workerOf(assignment.attempt);
    this.#reports.push({ workerId, epoch: this.driver.epoch, report });
    this.driver.report(workerId, report);
  }

  #deliver(): void {
    const worker = this.#pick(
      [...this.driver.workers.values()].filter(({ onTheWay }) => onTheWay.length > 0),
    );
    if (worker !== undefined) this.driver.deliver(worker.info.workerId);
  }

  /** A message comes a second time, perhaps much later (but not over the connection to another leader). */
  #repeatReport(): void {
    const repeated = this.#pick(this.#reports.filter(({ epoch }) => epoch === this.driver.epoch));
    if (repeated === undefined || !this.driver.workers.get(repeated.workerId)?.isConnected) return;
    const { workerId, report } = repeated;
    this.driver.send({ type: "attemptReported", workerId, report });
  }

  #loseWorker(): void {
    const worker = this.#pick([...this.driver.workers.values()]);
    if (worker === undefined) return;
    if (this.#random() < 0.5) this.driver.kill(worker.info.workerId);
    else this.driver.disconnect(worker.info.workerId);
  }

  /** Of those that were away, or whose connection broke for a moment. */
  #comeBack(): void {
    const away = [...this.driver.workers.values()].filter((worker) => !worker.isConnected);
    const worker = this.#pick(away) ?? this.#pick([...this.driver.workers.values()]);
    if (worker !== undefined) this.driver.join(worker.info.workerId);
  }

  #drain(): void {
    const worker = this.#pick([...this.driver.workers.values()]);
    if (worker?.isConnected) this.driver.send({ type: "workerDraining", workerId: worker.info.workerId });
  }

  #control(): void {
    const type = this.#pick(["pause", "resume", "resume", "cancel"] as const)!;
    if (type === "cancel" && this.#random() < 0.7) return;
    this.driver.send({ type, requestId: "control", jobId: `job-${this.#below(this.jobs + 1)}` });
  }

  #changeLeader(): void {
    if (this.#random() < 0.5) this.driver.table = JobTable.fromSnapshot(this.driver.table.toSnapshot());
    this.driver.changeLeader(this.#below(this.driver.proposals.length + 1));
  }

  #heartbeat(): void {
    const worker = this.#pick([...this.driver.workers.values()]);
    if (!worker?.isConnected) return;
    // Now and then an attempt tells a share so small that it is worth a backup.
    this.driver.heartbeat(worker.info.workerId, () => this.#random() ** 3);
  }
}

const statedReasons = ["USER_CODE_FAILED", "JOB_FAILED", "SEGMENT_UNAVAILABLE"];

function check(ordeal: Ordeal): void {
  const { driver } = ordeal;
  expect(ordeal.isOver).toBe(true);
  for (const job of driver.table.jobs()) {
    if (job.state === "failed") expect(statedReasons).toContain(job.error?.code);
    else expect(["succeeded", "cancelled"]).toContain(job.state);
    expect(driver.scheduler.describeJob(job.id)?.stages.every((stage) => stage.running === 0)).toBe(true);
    expect(driver.running().filter(({ attempt }) => attempt.jobId === job.id)).toEqual([]);
  }
  // A task has one winner, and another only after the first one's output was lost.
  const winners = new Set<string>();
  for (const event of driver.events) {
    if (event.type === "taskRequeued" && event.reason === "outputLost") {
      expect(winners.delete(`${event.jobId}/${event.stage}/${event.task}`)).toBe(true);
    } else if (event.type === "attemptWon" && !event.isRepeat) {
      const task = `${event.attempt.jobId}/${event.attempt.stage}/${event.attempt.task}`;
      expect(winners.has(task)).toBe(false);
      winners.add(task);
    }
  }
  for (const { jobId, winners: published } of driver.publications) {
    const job = driver.job(jobId);
    if (job.state !== "succeeded") continue;
    const sink = job.stages.at(-1)!;
    const parts = published.filter(({ kind }) => kind === "reduce");
    if (sink.stage.kind === "reduce")
      expect(parts.map(({ attempt }) => attempt.task)).toEqual([...Array(sink.tasks).keys()]);
    // Whatever was re-made, every part of the output was made of the same inputs.
    for (const { outputs } of parts) expect(outputs[0]?.sha256).toBe(ordeal.inputsAtCommit.get(jobId));
  }
  const replayed = new JobTable();
  for (const command of driver.log) replayed.apply(command);
  expect(replayed.checksum()).toBe(driver.table.checksum());
  expect(JobTable.fromSnapshot(driver.table.toSnapshot()).checksum()).toBe(driver.table.checksum());
}

describe("under random faults", () => {
  it("ends every job, right or for a stated reason, whatever workers and leaders do", {
    timeout: 60_000,
  }, () => {
    const ends = new Map<string, number>();
    let backups = 0;
    let quarantines = 0;
    let waits = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const ordeal = new Ordeal(seed);
      try {
        ordeal.submit();
        for (let i = 0; i < 400; i++) ordeal.disturb();
        ordeal.heal();
        check(ordeal);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
      backups += ordeal.driver.log.flatMap((command) =>
        command.type === "tasksFinished" ? command.results.filter(({ isBackup }) => isBackup) : [],
      ).length;
      waits += ordeal.waits;
      quarantines += ordeal.driver.effectsOf("workerQuarantined").length;
      for (const job of ordeal.driver.table.jobs()) ends.set(job.state, (ends.get(job.state) ?? 0) + 1);
    }
    // The faults are neither so few that nothing is tried nor so many that nothing works.
    expect(ends.get("succeeded")).toBeGreaterThan(50);
    expect(ends.get("failed")).toBeGreaterThan(10);
    expect(ends.get("cancelled")).toBeGreaterThan(10);
    expect(backups).toBeGreaterThan(10);
    expect(quarantines).toBeGreaterThan(0);
    expect(waits).toBeGreaterThan(100);
  });
});
