/**
 * Takes in what workers say. None of it is a fact before the log has it: a report is proposed, and what it comes to is
 * seen in `LogEvents`. What workers run that nobody wants is stopped, and what they report of it is dropped.
 */
import { type AttemptId, formatAttemptId, isSameAttempt } from "./attempt-id.js";
import type { AttemptRun, JobRun } from "./job-run.js";
import type { LeaderState } from "./leader-state.js";
import type { AttemptReport, RunningAttempt, SchedulerInput, WorkerJoined } from "./scheduler-input.js";
import type { PoolWorker } from "./worker-pool.js";

type Input<T extends SchedulerInput["type"]> = Extract<SchedulerInput, { type: T }>;

export class WorkerEvents {
  readonly #leader: LeaderState;

  constructor(leader: LeaderState) {
    this.#leader = leader;
  }

  joined({ worker: info, running, heldJobs }: WorkerJoined): void {
    const known = this.#leader.pool.get(info.workerId);
    const worker = this.#leader.pool.join(info);
    worker.outputsSent.clear();
    worker.boundariesSent.clear();
    if (known !== undefined) {
      this.#loseUnreported(worker, running);
      this.#leader.errands.workerLost(info.workerId, this.#leader.runs.values(), this.#leader.nowMs);
    }
    for (const attempt of running) this.#adoptRunning(worker, attempt);
    for (const jobId of heldJobs) {
      const job = this.#leader.table.job(jobId);
      if (job !== undefined && !job.isFinished) continue;
      this.#leader.outbox.add({
        type: "discardJob",
        workerIds: [info.workerId],
        jobId,
        out: job?.spec.out ?? null,
      });
    }
    this.#leader.errands.workerJoined(this.#leader.nowMs);
    this.#leader.fleet.changed();
  }

  /** The connection broke and came back: what the worker does not name never reached it, or died with it. */
  #loseUnreported(worker: PoolWorker, running: readonly RunningAttempt[]): void {
    for (const attempt of [...worker.running.values()]) {
      if (!running.some(({ attempt: id }) => isSameAttempt(id, attempt.id))) this.#lose(attempt);
    }
  }

  #adoptRunning(worker: PoolWorker, { attempt: id, inputsVersion, isWaiting }: RunningAttempt): void {
    const run = this.#leader.runs.get(id.jobId);
    const known = this.#leader.book.current(id, run);
    // What it was told of new outputs may have been lost with the connection.
    if (known !== undefined && isWaiting === true) this.#leader.book.markEarly(known);
    if (known !== undefined) return;
    if (run !== undefined && this.#isOpen(run, id) && worker.hasRoom) {
      const stage = run.stages[id.stage]!;
      if (inputsVersion === run.job.inputsVersionOf(stage.table)) {
        const state = { hasReported: false, isEarly: isWaiting === true };
        this.#leader.book.adopt(run, id, worker.workerId, inputsVersion, state);
        return;
      }
    }
    const reason = run?.job.takesResults === true ? "superseded" : "jobOver";
    this.#leader.book.stopStray(run, id, worker.workerId, reason);
  }

  /** Whether the attempt may still become its task's: that is not done, and nobody's, and the files are there. */
  #isOpen(run: JobRun, id: AttemptId): boolean {
    const stage = run.stages[id.stage];
    if (stage === undefined || !run.job.takesResults || !stage.table.hasTask(id.task)) return false;
    if (stage.isDone(id.task) || run.dropped.has(formatAttemptId(id))) return false;
    if (!stage.current.has(id.task)) return true;
    // The leader before had backed it up; later on, a second attempt is one that was given up.
    return !this.#leader.isGraceOver && run.isHeld && !stage.backups.has(id.task);
  }

  lost(workerId: string): void {
    const worker = this.#leader.pool.get(workerId);
    if (worker === undefined) return;
    this.#leader.pool.remove(worker);
    this.#leader.fleet.changed();
    for (const attempt of [...worker.running.values()]) this.#lose(attempt);
    for (const run of this.#leader.runs.values()) this.#leader.lostOutputs.workerLost(run, workerId);
    this.#leader.errands.workerLost(workerId, this.#leader.runs.values(), this.#leader.nowMs);
    this.#leader.health.workerLost(workerId);
    this.#leader.peerReach.workerLost(workerId, this.#leader.nowMs);
  }

  /** Run again, and nobody's fault; the log hears of it for the statistics only. */
  #lose(attempt: AttemptRun): void {
    const { id, workerId, job, stage } = attempt;
    this.#leader.book.forget(attempt);
    this.#leader.book.requeue(job, stage, id.task);
    const error = { code: "CONNECTION_LOST", message: `worker ${workerId} is gone` } as const;
    this.#leader.batch.addFailure({ attempt: id, workerId, kind: "lost", error });
  }

  draining(workerId: string): void {
    const worker = this.#leader.pool.get(workerId);
    if (worker === undefined) return;
    this.#leader.pool.drain(worker);
    // It is to end what it runs, and these could not end soon.
    for (const attempt of [...worker.running.values()]) {
      if (attempt.isEarly) this.#leader.book.giveWay(attempt);
    }
  }

  heartbeat({ workerId, progress }: Input<"heartbeat">): void {
    if (this.#leader.pool.get(workerId) === undefined) return;
    for (const { attempt: id, metrics } of progress) {
      const run = this.#leader.runs.get(id.jobId);
      const attempt = this.#leader.book.current(id, run);
      if (attempt !== undefined) {
        this.#leader.book.noteProgress(attempt, metrics);
      } else {
        const reason = run?.job.takesResults === true ? "superseded" : "jobOver";
        this.#leader.book.stopStray(run, id, workerId, reason);
      }
    }
  }

  reported({ workerId, report }: Input<"attemptReported">): void {
    if (this.#leader.pool.get(workerId) === undefined) return;
    const attempt = this.#currentOrAdopted(workerId, report);
    if (attempt === undefined) return;
    if (report.type === "stopped") {
      this.#leader.book.forget(attempt);
      this.#leader.book.requeue(attempt.job, attempt.stage, attempt.id.task);
      this.#leader.settle(workerId, attempt.id, false);
      return;
    }
    this.#leader.book.markReported(attempt);
    const { id, inputsVersion } = attempt;
    if (report.type === "finished") {
      const isBackup = attempt.stage.backups.get(id.task) === attempt ? { isBackup: true as const } : {};
      this.#leader.batch.addResult({
        attempt: id,
        workerId,
        inputsVersion,
        ...isBackup,
        result: report.result,
      });
    } else if (report.type === "fetchFailed") {
      const { error, missing } = report;
      if (this.#leader.isGraceOver) this.#leader.lostOutputs.noteUnfetched(attempt.job, missing);
      const counted = this.#leader.peerReach.noteUnfetched(
        workerId,
        attempt.job,
        missing,
        this.#leader.nowMs,
      );
      this.#leader.batch.addFailure({ attempt: id, workerId, kind: "fetchFailed", error, missing: counted });
    } else {
      this.#leader.batch.addFailure({ attempt: id, workerId, kind: report.type, error: report.error });
    }
  }

  /** The attempt that a report is to be taken for; one that counts no more is settled here. */
  #currentOrAdopted(workerId: string, report: AttemptReport): AttemptRun | undefined {
    const id = report.attempt;
    const run = this.#leader.runs.get(id.jobId);
    const current = this.#leader.book.current(id, run);
    // Nobody speaks for an attempt that runs elsewhere.
    if (current !== undefined && current.workerId !== workerId) return undefined;
    // Reported before: the log's answer is on its way.
    if (current !== undefined) return current.hasReported ? undefined : current;
    if (run !== undefined && report.type !== "stopped" && this.#isOpen(run, id)) {
      // It ended between two leaders, or after it was given up; its task has not been started again.
      const stage = run.stages[id.stage]!;
      const inputsVersion =
        report.type === "finished" ? report.inputsVersion : run.job.inputsVersionOf(stage.table);
      const state = { hasReported: true, isEarly: false };
      return this.#leader.book.adopt(run, id, workerId, inputsVersion, state);
    }
    const columns = run?.job.stages[id.stage]?.columns;
    this.#leader.settle(workerId, id, report.type === "finished" && columns?.isWinner(id) === true);
    return undefined;
  }
}
