/**
 * Keeps the book of attempts: which task is whose, and which slot is taken. Everything that starts, adopts or ends an
 * attempt goes through here, so that three things always hold: no worker has more attempts than slots, a task has at
 * most one current attempt and one backup of it, and a task that is neither done nor current waits.
 */

import { assignmentOf, boundariesFor, outputsFor } from "./assignment.js";
import { type AttemptId, formatAttemptId, isSameAttempt } from "./attempt-id.js";
import type { StopReason } from "./effect.js";
import { type AttemptRun, type JobRun, type StageRun, taskHash } from "./job-run.js";
import type { Outbox } from "./outbox.js";
import { addProgress, emptyProgress, fractionOf, progressOf } from "./stage-rates.js";
import type { ReplicaTarget } from "./task-assignment.js";
import type { PoolWorker, WorkerPool } from "./worker-pool.js";

export class AttemptBook {
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  readonly #epoch: number;
  readonly #clock: { readonly nowMs: number };
  /** Slots that backups hold. */
  backupsRunning = 0;
  /** Jobs with tasks that could start now. */
  readonly hungry: Set<JobRun> = new Set();
  /** Jobs with tasks that could begin to fetch, though not all that they read is made. */
  readonly patient: Set<JobRun> = new Set();
  /** Attempts that do so, oldest first. */
  readonly early: Set<AttemptRun> = new Set();

  constructor(epoch: number, clock: { readonly nowMs: number }, pool: WorkerPool, outbox: Outbox) {
    this.#epoch = epoch;
    this.#clock = clock;
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** To be called when a job's state, or the readiness of its stages, has changed. */
  review(run: JobRun): void {
    if (run.isHungry) this.hungry.add(run);
    else this.hungry.delete(run);
    if (run.isPatient) this.patient.add(run);
    else this.patient.delete(run);
  }

  current(id: AttemptId, run: JobRun | undefined): AttemptRun | undefined {
    const stage = run?.stages[id.stage];
    const [first, backup] = [stage?.current.get(id.task), stage?.backups.get(id.task)];
    if (first !== undefined && isSameAttempt(first.id, id)) return first;
    return backup !== undefined && isSameAttempt(backup.id, id) ? backup : undefined;
  }

  /** Starts a task that has just been taken from those pending, or a second attempt at one whose first is slow. */
  start(run: JobRun, stage: StageRun, task: number, worker: PoolWorker): void {
    stage.noteAttempt(task, stage.attempts[task]! + 1);
    const id: AttemptId = {
      jobId: run.job.id,
      stage: stage.table.stage.id,
      task,
      attempt: stage.attempts[task]!,
      epoch: this.#epoch,
    };
    const assignment = assignmentOf(run.job, stage.table, id, this.#replicaOf(run, stage, task, worker));
    const { workerId } = worker;
    const { input } = stage.table.stage;
    const isEarly = input.type === "shuffle" && !run.stages[input.from]!.areOutputsKnown;
    this.#register(run, stage, {
      id,
      workerId,
      inputsVersion: assignment.inputsVersion,
      isAdopted: false,
      isEarly,
      hasReported: false,
    });
    const outputs =
      input.type === "shuffle" ? outputsFor(worker, run.job, run.stages[input.from]!, this.#pool) : undefined;
    if (outputs !== undefined) this.#outbox.add(outputs);
    const boundaries = boundariesFor(worker, run.job, stage);
    if (boundaries !== undefined) this.#outbox.add(boundaries);
    this.#outbox.add({ type: "assignTask", workerId: worker.workerId, assignment });
    this.#outbox.changed(run.job.id);
  }

  /** Of a job that keeps its map outputs twice: who gets the second copy. */
  #replicaOf(run: JobRun, stage: StageRun, task: number, worker: PoolWorker): ReplicaTarget | undefined {
    const isKeptTwice = (run.job.spec.options.shuffleReplicas ?? 1) > 1 && stage.table.feedsShuffle;
    const info = isKeptTwice
      ? this.#pool.replicaFor(taskHash(run.job, stage.table, task), worker)
      : undefined;
    return info === undefined ? undefined : { workerId: info.workerId, shuffleUrl: info.shuffleUrl };
  }

  /** Takes over an attempt that another leader started, or one that has ended in the meantime. */
  adopt(
    run: JobRun,
    id: AttemptId,
    workerId: string,
    inputsVersion: number,
    { hasReported, isEarly }: Pick<AttemptRun, "hasReported" | "isEarly">,
  ): AttemptRun {
    const stage = run.stages[id.stage]!;
    stage.pending.remove(id.task);
    stage.noteAttempt(id.task, id.attempt);
    this.#outbox.changed(run.job.id);
    const known = { id, workerId, inputsVersion, isAdopted: true, hasReported, isEarly };
    return this.#register(run, stage, known);
  }

  /** The attempt waits to be told of outputs. */
  markEarly(attempt: AttemptRun): void {
    if (attempt.hasReported) return;
    attempt.isEarly = true;
    this.early.add(attempt);
  }

  /** It has been told of all outputs: from here on it is an attempt like others. */
  markComplete(attempt: AttemptRun): void {
    this.early.delete(attempt);
    attempt.isEarly = false;
    attempt.sinceMs = this.#clock.nowMs;
  }

  /** Takes the slot from an attempt that can as well wait without one. */
  giveWay(attempt: AttemptRun): void {
    this.stop(attempt, "preempted");
    this.requeue(attempt.job, attempt.stage, attempt.id.task);
  }

  /** The attempt no longer runs, but is still its task's: the log is to say what its report means. */
  markReported(attempt: AttemptRun): void {
    this.#freeSlot(attempt);
    attempt.hasReported = true;
  }

  /** The attempt is nobody's any more; a backup takes its place. Without one, its task does not wait yet: see `requeue`. */
  forget(attempt: AttemptRun): void {
    this.#freeSlot(attempt);
    const { current, backups } = attempt.stage;
    const { task } = attempt.id;
    const backup = backups.get(task);
    backups.delete(task);
    if (backup === attempt) return;
    current.delete(task);
    if (backup === undefined) return;
    if (!backup.hasReported) this.backupsRunning -= 1;
    current.set(task, backup);
  }

  /** Ends an attempt that is its task's. */
  stop(attempt: AttemptRun, reason: StopReason): void {
    const isRunning = !attempt.hasReported;
    this.forget(attempt);
    if (isRunning) this.stopStray(attempt.job, attempt.id, attempt.workerId, reason);
  }

  /**
   * Ends an attempt that is nobody's. A worker may still name one that has won, as long as it has not heard so: that
   * one's files are to be kept.
   */
  stopStray(run: JobRun | undefined, id: AttemptId, workerId: string, reason: StopReason): void {
    if (run?.job.stages[id.stage]?.columns.isWinner(id) === true) {
      this.#outbox.add({ type: "settleAttempt", workerId, attempt: id, hasWon: true });
      return;
    }
    run?.dropped.add(formatAttemptId(id));
    this.#outbox.add({ type: "stopAttempt", workerId, attempt: id, reason });
  }

  /** Lets a task wait for a slot, unless it is done, somebody's, or waiting. */
  requeue(run: JobRun, stage: StageRun, task: number, avoidWorkerId?: string): void {
    if (!run.job.takesResults || stage.isDone(task)) return;
    if (avoidWorkerId !== undefined) stage.pending.avoid(task, avoidWorkerId);
    if (stage.current.has(task)) return;
    stage.pending.requeue(task);
    this.review(run);
    this.#outbox.changed(run.job.id);
  }

  noteProgress(attempt: AttemptRun, metrics: Readonly<Record<string, number>>): void {
    if (attempt.hasReported) return;
    addProgress(attempt.stage.live, attempt.progress, -1);
    attempt.progress = progressOf(metrics);
    addProgress(attempt.stage.live, attempt.progress, 1);
    const fraction = fractionOf(metrics);
    if (attempt.isAdopted && attempt.fraction === 0) attempt.fractionThen = fraction;
    attempt.fraction = Math.max(attempt.fraction, fraction);
  }

  #register(
    job: JobRun,
    stage: StageRun,
    known: Pick<AttemptRun, "id" | "workerId" | "inputsVersion" | "isAdopted" | "isEarly" | "hasReported">,
  ): AttemptRun {
    const attempt: AttemptRun = {
      ...known,
      job,
      stage,
      sinceMs: this.#clock.nowMs,
      fractionThen: 0,
      fraction: 0,
      progress: emptyProgress(),
    };
    const { task } = known.id;
    const isBackup = stage.current.has(task);
    (isBackup ? stage.backups : stage.current).set(task, attempt);
    if (!known.hasReported) {
      if (isBackup) this.backupsRunning += 1;
      this.#pool.occupy(attempt);
      stage.running += 1;
      job.running += 1;
      if (attempt.isEarly) this.early.add(attempt);
    }
    this.review(job);
    return attempt;
  }

  #freeSlot(attempt: AttemptRun): void {
    if (attempt.hasReported) return;
    addProgress(attempt.stage.live, attempt.progress, -1);
    attempt.progress = emptyProgress();
    this.#pool.release(attempt);
    this.early.delete(attempt);
    if (attempt.stage.backups.get(attempt.id.task) === attempt) this.backupsRunning -= 1;
    attempt.stage.running -= 1;
    attempt.job.running -= 1;
    // From here on it holds no slot, whatever becomes of it.
    attempt.hasReported = true;
  }
}
