/**
 * Decides when a slow attempt gets a second one, and where. Slots that nothing else needs are what backups are made
 * of: they start when no task of any job waits, hold at most a tenth of all slots, and go to workers that are not slow
 * themselves. Which of the two counts is not decided here: the first result in the log wins, and the other is stopped.
 * (Dean, Ghemawat, OSDI 2004, section 3.6; which attempt to back up: see `StagePace`.)
 */
import type { AttemptBook } from "./attempt-book.js";
import type { AttemptRun, JobRun, StageRun } from "./job-run.js";
import { backupCheckMs, backupSlotShare } from "./limits.js";
import type { StageSurvey } from "./stage-pace.js";
import type { PoolWorker, WorkerPool } from "./worker-pool.js";

export class Backups {
  readonly #book: AttemptBook;
  readonly #pool: WorkerPool;

  constructor(book: AttemptBook, pool: WorkerPool) {
    this.#book = book;
    this.#pool = pool;
  }

  /** To be called with the clock, after slots were given to all that wait. */
  start(runs: Iterable<JobRun>, nowMs: number): void {
    for (const run of runs) {
      if (run.job.state !== "running" || run.isHeld || run.job.spec.options.backups === false) continue;
      for (const stage of run.stages) {
        if (!this.#hasRoom) return;
        this.#backUp(run, stage, nowMs);
      }
    }
  }

  get #hasRoom(): boolean {
    if (this.#pool.isFull && this.#book.early.size === 0) return false;
    if (this.#book.hungry.size > 0) return false;
    return this.#book.backupsRunning < Math.max(1, Math.floor(this.#pool.slots * backupSlotShare));
  }

  #backUp(run: JobRun, stage: StageRun, nowMs: number): void {
    if (stage.running === 0 || stage.pending.size > 0 || nowMs - stage.surveyedMs < backupCheckMs) return;
    stage.surveyedMs = nowMs;
    if (!run.areInputsThere(stage)) return;
    const running = stage.allAttempts().filter((attempt) => !attempt.hasReported);
    const survey = stage.pace.survey(running, nowMs);
    for (const attempt of latest(stage, running, survey, nowMs)) {
      const worker = this.#workerFor(attempt, survey) ?? this.#clearedFor(attempt, survey);
      if (worker === undefined) continue;
      this.#book.start(run, stage, attempt.id.task, worker);
      if (!this.#hasRoom) return;
    }
  }

  /** One that would do but for an attempt that only fetches ahead, which gives way. */
  #clearedFor(attempt: AttemptRun, survey: StageSurvey): PoolWorker | undefined {
    for (const early of [...this.#book.early]) {
      const worker = this.#pool.get(early.workerId);
      if (worker === undefined || worker.isDraining || worker.isQuarantined) continue;
      if (!this.#canTake(attempt, worker, survey)) continue;
      this.#book.giveWay(early);
      return worker;
    }
    return undefined;
  }

  #canTake(attempt: AttemptRun, { workerId }: PoolWorker, survey: StageSurvey): boolean {
    if (workerId === attempt.workerId || survey.isSlow(workerId)) return false;
    return !attempt.stage.pending.isAvoided(attempt.id.task, workerId);
  }

  /** Another than the one that is slow with it: on another host if possible, and not slow itself. */
  #workerFor(attempt: AttemptRun, survey: StageSurvey): PoolWorker | undefined {
    const hostId = this.#pool.get(attempt.workerId)?.info.hostId;
    let sameHost: PoolWorker | undefined;
    for (const worker of this.#pool.withRoom()) {
      if (!this.#canTake(attempt, worker, survey)) continue;
      const { info } = worker;
      if (info.hostId !== hostId) return worker;
      sameHost ??= worker;
    }
    return sameHost;
  }
}

/** Attempts that deserve a backup and have none, the one that will end last first. */
function latest(
  stage: StageRun,
  running: readonly AttemptRun[],
  survey: StageSurvey,
  nowMs: number,
): AttemptRun[] {
  const late: { readonly attempt: AttemptRun; readonly leftMs: number }[] = [];
  for (const attempt of running) {
    const { task } = attempt.id;
    if (stage.backups.has(task) || stage.isDone(task)) continue;
    const leftMs = survey.lateness(attempt, nowMs);
    if (leftMs !== undefined) late.push({ attempt, leftMs });
  }
  late.sort((a, b) => (a.leftMs === b.leftMs ? 0 : b.leftMs - a.leftMs));
  return late.map(({ attempt }) => attempt);
}
