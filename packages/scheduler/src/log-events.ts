/**
 * Follows the log: makes what the leader does agree with what the table has become. Only here is an attempt finally
 * its task's winner, failed, or of no account.
 */
import { outputsFor } from "./assignment.js";
import { type AttemptId, isSameAttempt } from "./attempt-id.js";
import { JobRun, type StageRun } from "./job-run.js";
import type { LeaderState } from "./leader-state.js";
import type { SchedulerInput } from "./scheduler-input.js";
import type { TableEvent } from "./table-event.js";
import type { PoolWorker } from "./worker-pool.js";

type Decided = Extract<SchedulerInput, { type: "decided" }>;

export class LogEvents {
  readonly #leader: LeaderState;
  /** Stages with outputs that were made again, or have moved, in this step. */
  readonly #remade: Map<StageRun, JobRun> = new Map();

  constructor(leader: LeaderState) {
    this.#leader = leader;
  }

  decided({ command, events }: Decided): void {
    this.#leader.batch.noteDecided(command);
    this.#leader.fleet.noteDecided(command);
    for (const event of events) this.#follow(event);
    if ("jobId" in command)
      this.#leader.lostOutputs.noteDecided(command, this.#leader.runs.get(command.jobId));
    this.#leader.requests.noteDecided(command, events);
  }

  #follow(event: TableEvent): void {
    switch (event.type) {
      case "jobAccepted":
        if (event.isNew) this.#jobAdded(event.jobId);
        break;
      case "jobStateChanged":
        this.#jobStateChanged(event.jobId);
        break;
      case "jobPlanned":
        this.#jobPlanned(event.jobId);
        break;
      case "attemptWon":
        this.#attemptWon(event);
        break;
      case "attemptRefused":
        this.#attemptEnded(event.attempt, event.workerId);
        break;
      case "failureRecorded":
        this.#attemptEnded(event.attempt, event.workerId);
        break;
      case "taskRequeued":
        this.#taskRequeued(event);
        break;
      case "stageDone":
        this.#stageDone(event.jobId);
        break;
      case "outputMoved":
        this.#outputMoved(event);
        break;
      case "participantChanged":
        this.#participantChanged(event.jobId);
        break;
      case "outputsChanged":
        this.#outputsChanged(event.jobId, event.stage);
        break;
      case "jobForgotten":
      case "jobRefused":
        break;
    }
  }

  #jobAdded(jobId: string): void {
    const run = new JobRun(this.#leader.table.job(jobId)!, false);
    this.#leader.runs.set(jobId, run);
    this.#leader.outbox.changed(jobId);
    this.#leader.errands.advance(run, this.#leader.nowMs);
  }

  #jobPlanned(jobId: string): void {
    const run = this.#leader.runs.get(jobId);
    if (run === undefined) return;
    run.createStages();
    this.#stageDone(jobId);
  }

  /** Later stages may be ready now, or the job. */
  #stageDone(jobId: string): void {
    const run = this.#leader.runs.get(jobId);
    if (run === undefined) return;
    this.#leader.book.review(run);
    this.#leader.earlyReaders.hasNews = true;
    this.#leader.outbox.changed(jobId);
    this.#leader.errands.advance(run, this.#leader.nowMs);
  }

  #jobStateChanged(jobId: string): void {
    const run = this.#leader.runs.get(jobId);
    if (run === undefined) return;
    this.#leader.outbox.changed(jobId);
    this.#leader.book.review(run);
    if (!run.job.takesResults && run.job.isPlanned) this.#stopAll(run);
    if (run.job.isFinished) {
      this.#leader.runs.delete(jobId);
      for (const worker of this.#leader.pool.all()) {
        for (const stage of run.stages) {
          worker.outputsSent.delete(stage);
          worker.boundariesSent.delete(stage);
        }
      }
      for (const stage of run.stages) this.#remade.delete(stage);
      this.#leader.errands.clearUp(run, this.#leader.nowMs);
    } else {
      // A pause that was decided ahead of a proposed commit has made it void.
      if (run.job.state === "paused") run.isCommitProposed = false;
      this.#leader.errands.advance(run, this.#leader.nowMs);
    }
  }

  #stopAll(run: JobRun): void {
    for (const stage of run.stages) {
      for (const attempt of stage.allAttempts()) this.#leader.book.stop(attempt, "jobOver");
    }
  }

  #attemptWon({
    attempt: id,
    workerId,
    isRepeat,
    isRemade,
    partitionSizes,
  }: Extract<TableEvent, { type: "attemptWon" }>): void {
    this.#leader.settle(workerId, id, true);
    const run = this.#leader.runs.get(id.jobId);
    const stage = run?.stages[id.stage];
    if (isRepeat || run === undefined || stage === undefined) return;
    this.#endAttempts(stage, id);
    this.#leader.health.noteWin(workerId, this.#leader.nowMs);
    stage.pending.remove(id.task);
    stage.doneHeard += 1;
    if (partitionSizes !== undefined) stage.partitionSizes.add(partitionSizes);
    this.#outputMade(run, stage, id.task, isRemade);
    this.#leader.book.review(run);
    this.#leader.outbox.changed(id.jobId);
  }

  #participantChanged(jobId: string): void {
    const run = this.#leader.runs.get(jobId);
    if (run === undefined) return;
    this.#leader.outbox.changed(jobId);
    this.#leader.errands.advance(run, this.#leader.nowMs);
  }

  #outputMade(run: JobRun, stage: StageRun, task: number, isElsewhere: boolean): void {
    stage.noteHolders(run.job, task);
    if (stage.table.feedsShuffle) {
      stage.made.push(task);
      if (isElsewhere) this.#remade.set(stage, run);
    }
    if (this.#leader.isGraceOver) this.#leader.lostOutputs.outputMade(run, stage, task);
  }

  #outputMoved({ jobId, stage: id, task }: Extract<TableEvent, { type: "outputMoved" }>): void {
    const run = this.#leader.runs.get(jobId);
    const stage = run?.stages[id];
    if (run !== undefined && stage !== undefined) this.#outputMade(run, stage, task, true);
  }

  /** The task has its winner; whoever else is at it may stop. */
  #endAttempts(stage: StageRun, winner: AttemptId): void {
    for (const attempt of stage.attemptsOf(winner.task)) {
      if (!isSameAttempt(attempt.id, winner)) {
        this.#leader.book.stop(attempt, "superseded");
        continue;
      }
      if (!attempt.isAdopted) stage.pace.noteFinished(attempt.workerId, this.#leader.nowMs - attempt.sinceMs);
      this.#leader.book.forget(attempt);
    }
  }

  /** The log has dealt with the attempt, and it was not a win. */
  #attemptEnded(id: AttemptId, workerId: string): void {
    const run = this.#leader.runs.get(id.jobId);
    const current = this.#leader.book.current(id, run);
    this.#leader.settle(workerId, id, false);
    if (run === undefined || current === undefined) return;
    this.#leader.book.forget(current);
    // Also when the log knew the failure already and says nothing further about the task.
    this.#leader.book.requeue(run, current.stage, id.task);
  }

  #taskRequeued(event: Extract<TableEvent, { type: "taskRequeued" }>): void {
    const run = this.#leader.runs.get(event.jobId);
    const stage = run?.stages[event.stage];
    if (run === undefined || stage === undefined) return;
    if (event.reason === "outputLost") {
      stage.doneHeard -= 1;
      stage.holders?.clear(event.task);
      stage.replicas?.clear(event.task);
    }
    if (event.avoidWorkerId !== undefined && (event.reason === "failed" || event.reason === "exited")) {
      this.#leader.health.noteFailure(event.avoidWorkerId, event, this.#leader.nowMs);
    }
    this.#leader.book.requeue(run, stage, event.task, event.avoidWorkerId);
    this.#leader.book.review(run);
  }

  /** What attempts have read of this stage is no longer what they would read now. */
  #outputsChanged(jobId: string, stageId: number): void {
    const run = this.#leader.runs.get(jobId);
    if (run === undefined) return;
    for (const stage of run.stages) {
      const { input } = stage.table.stage;
      if (input.type !== "shuffle" || input.from !== stageId) continue;
      for (const attempt of stage.allAttempts()) {
        // Those that have reported carry the old version into the log, where it is refused.
        if (attempt.hasReported) continue;
        this.#leader.book.stop(attempt, "inputsChanged");
        this.#leader.book.requeue(run, stage, attempt.id.task);
      }
    }
  }

  /** Attempts that are reading a stage hear of outputs that were made again. */
  sendRemade(): void {
    for (const [stage, run] of this.#remade) {
      const readers = new Set<PoolWorker>();
      for (const reader of run.stages) {
        const { input } = reader.table.stage;
        if (input.type !== "shuffle" || input.from !== stage.table.stage.id) continue;
        for (const attempt of reader.allAttempts()) {
          const worker = attempt.hasReported ? undefined : this.#leader.pool.get(attempt.workerId);
          if (worker !== undefined) readers.add(worker);
        }
      }
      for (const worker of readers) {
        const outputs = outputsFor(worker, run.job, stage, this.#leader.pool);
        if (outputs !== undefined) this.#leader.outbox.add(outputs);
      }
    }
    this.#remade.clear();
  }
}
