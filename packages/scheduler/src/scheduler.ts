/**
 * Decides what runs where, and again after a loss: the leader's side of scheduling, over the replicated table.
 *
 * The table says what has happened; the scheduler says what should be going on now, and holds nothing that could not be
 * found out again from the table and the workers. A report is only a proposal: it is logged, and what the log makes of
 * it comes back as `decided`. So a leader that dies at any moment costs no finished work, and two leaders that both
 * believe in themselves cannot both be obeyed: the log orders their results, and the first of a task wins.
 * (Dean, Ghemawat, "MapReduce", OSDI 2004, section 3.3, with the master's state replicated.)
 */

import { outputsFor } from "./assignment.js";
import { AttemptBook } from "./attempt-book.js";
import { type AttemptId, isSameAttempt } from "./attempt-id.js";
import { describeJob } from "./describe-job.js";
import { Dispatcher } from "./dispatcher.js";
import type { Effect } from "./effect.js";
import { JobErrands } from "./job-errands.js";
import { type AttemptRun, JobRun, type StageRun } from "./job-run.js";
import type { JobSummary } from "./job-summary.js";
import type { JobTable } from "./job-table.js";
import { adoptionGraceMs } from "./limits.js";
import { LostOutputs } from "./lost-outputs.js";
import { Outbox } from "./outbox.js";
import { ReportBatch } from "./report-batch.js";
import { Requests } from "./requests.js";
import type { AttemptReport, RunningAttempt, SchedulerInput, WorkerJoined } from "./scheduler-input.js";
import type { TableEvent } from "./table-event.js";
import { type PoolWorker, WorkerPool } from "./worker-pool.js";

export interface SchedulerOptions {
  /**
   * The table that the log is applied to; the scheduler only reads it. All that earlier leaders may have proposed must
   * be decided and applied before: a worker that is told to drop a result must not find it winning afterwards.
   */
  readonly table: JobTable;
  /** This leader's reign, rising from leader to leader. */
  readonly epoch: number;
}

type Input<T extends SchedulerInput["type"]> = Extract<SchedulerInput, { type: T }>;

export class Scheduler {
  readonly #table: JobTable;
  readonly #runs: Map<string, JobRun> = new Map();
  readonly #pool: WorkerPool = new WorkerPool();
  readonly #outbox: Outbox = new Outbox();
  readonly #batch: ReportBatch = new ReportBatch();
  readonly #book: AttemptBook;
  readonly #dispatcher: Dispatcher;
  readonly #errands: JobErrands;
  readonly #requests: Requests;
  readonly #lostOutputs: LostOutputs;
  /** Stages with re-made outputs that attempts may be waiting for. */
  readonly #remade: Set<StageRun> = new Set();
  #nowMs = 0;
  /** Of the first tick; until then nothing inherited is touched. */
  #graceEndsMs: number | undefined = undefined;
  #isGraceOver: boolean;

  /** A leader begins: over a table that may have jobs, and with no worker yet. */
  constructor({ table, epoch }: SchedulerOptions) {
    this.#table = table;
    this.#book = new AttemptBook(epoch, this.#pool, this.#outbox);
    this.#dispatcher = new Dispatcher(this.#book, this.#pool);
    this.#errands = new JobErrands(table, this.#pool, this.#outbox);
    this.#requests = new Requests(table, this.#outbox);
    this.#lostOutputs = new LostOutputs(this.#book, this.#pool, this.#outbox);
    for (const job of table.jobs()) {
      if (!job.isFinished) this.#runs.set(job.id, new JobRun(job, job.isPlanned));
    }
    this.#isGraceOver = [...this.#runs.values()].every((run) => !run.isHeld);
    for (const run of this.#runs.values()) this.#book.review(run);
  }

  /** Takes one input and gives what is to be done, in order. */
  step(input: SchedulerInput): Effect[] {
    this.#take(input);
    this.#lostOutputs.flush(this.#nowMs);
    this.#batch.flush(this.#nowMs, this.#outbox);
    this.#dispatcher.dispatch();
    this.#sendRemade();
    return this.#outbox.drain();
  }

  /** `undefined` for a job that is not known (any more). */
  describeJob(jobId: string): JobSummary | undefined {
    const job = this.#table.job(jobId);
    return job === undefined ? undefined : describeJob(job, this.#runs.get(jobId)?.stages);
  }

  #take(input: SchedulerInput): void {
    switch (input.type) {
      case "tick":
        this.#tick(input.nowMs);
        break;
      case "workerJoined":
        this.#workerJoined(input);
        break;
      case "workerLost":
        this.#workerLost(input.workerId);
        break;
      case "workerDraining":
        this.#workerDraining(input.workerId);
        break;
      case "heartbeat":
        this.#heartbeat(input);
        break;
      case "attemptReported":
        this.#attemptReported(input);
        break;
      case "decided":
        this.#decided(input);
        break;
      case "submit":
        this.#requests.submit(input, this.#nowMs);
        break;
      case "cancel":
      case "pause":
      case "resume":
        this.#requests.control(input, this.#nowMs);
        break;
      case "inputsListed":
        this.#errands.inputsListed(input, this.#runs.get(input.jobId), this.#nowMs);
        break;
      case "outputPublished":
        this.#errands.outputPublished(input, this.#runs.get(input.jobId), this.#nowMs);
        break;
    }
  }

  #tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#graceEndsMs === undefined) {
      this.#graceEndsMs = nowMs + adoptionGraceMs;
      for (const run of this.#runs.values()) this.#errands.advance(run, nowMs);
    }
    if (!this.#isGraceOver && nowMs >= this.#graceEndsMs) this.#endGrace();
    for (const run of this.#runs.values()) {
      for (const { table, live, rates } of run.stages) {
        if (table.startedMs === null) continue;
        const records = (table.metrics.get("recordsIn") ?? 0) + live.recordsIn;
        rates.sample(nowMs, records, (table.metrics.get("bytesIn") ?? 0) + live.bytesIn);
      }
    }
  }

  /** Workers that have not come by now are gone, with the outputs they held. */
  #endGrace(): void {
    this.#isGraceOver = true;
    for (const run of this.#runs.values()) {
      run.isHeld = false;
      this.#book.review(run);
      this.#lostOutputs.sweep(run);
    }
  }

  #workerJoined({ worker: info, running, heldJobs }: WorkerJoined): void {
    const known = this.#pool.get(info.workerId);
    const worker = this.#pool.join(info);
    worker.outputsSent.clear();
    if (known !== undefined) {
      this.#loseUnreported(worker, running);
      this.#errands.workerLost(info.workerId, this.#runs.values());
    }
    for (const attempt of running) this.#adoptRunning(worker, attempt);
    for (const jobId of heldJobs) {
      const job = this.#table.job(jobId);
      if (job !== undefined && !job.isFinished) continue;
      this.#outbox.add({ type: "discardJob", workerIds: [info.workerId], jobId, out: job?.spec.out ?? null });
    }
    this.#errands.workerJoined();
  }

  /** The connection broke and came back: what the worker does not name never reached it, or died with it. */
  #loseUnreported(worker: PoolWorker, running: readonly RunningAttempt[]): void {
    for (const attempt of [...worker.running.values()]) {
      if (!running.some(({ attempt: id }) => isSameAttempt(id, attempt.id))) this.#lose(attempt);
    }
  }

  #adoptRunning(worker: PoolWorker, { attempt: id, inputsVersion }: RunningAttempt): void {
    const run = this.#runs.get(id.jobId);
    if (this.#book.current(id, run) !== undefined) return;
    if (run !== undefined && this.#isOpen(run, id) && worker.hasRoom) {
      const stage = run.stages[id.stage]!;
      if (inputsVersion === run.job.inputsVersionOf(stage.table)) {
        this.#book.adopt(run, id, worker.workerId, inputsVersion, false);
        return;
      }
    }
    const reason = run?.job.takesResults === true ? "superseded" : "jobOver";
    this.#outbox.add({ type: "stopAttempt", workerId: worker.workerId, attempt: id, reason });
  }

  /** Whether the attempt's task exists, is not done, and is nobody's. */
  #isOpen(run: JobRun, id: AttemptId): boolean {
    const stage = run.stages[id.stage];
    if (stage === undefined || !run.job.takesResults || !(id.task < stage.table.tasks)) return false;
    return !stage.isDone(id.task) && !stage.current.has(id.task);
  }

  #workerLost(workerId: string): void {
    const worker = this.#pool.get(workerId);
    if (worker === undefined) return;
    this.#pool.remove(worker);
    for (const attempt of [...worker.running.values()]) this.#lose(attempt);
    for (const run of this.#runs.values()) this.#lostOutputs.workerLost(run, workerId);
    this.#errands.workerLost(workerId, this.#runs.values());
  }

  /** Run again, and nobody's fault; the log hears of it for the statistics only. */
  #lose(attempt: AttemptRun): void {
    const { id, workerId, job, stage } = attempt;
    this.#book.forget(attempt);
    this.#book.requeue(job, stage, id.task);
    const error = { code: "CONNECTION_LOST", message: `worker ${workerId} is gone` } as const;
    this.#batch.addFailure({ attempt: id, workerId, kind: "lost", error });
  }

  #workerDraining(workerId: string): void {
    const worker = this.#pool.get(workerId);
    if (worker !== undefined) this.#pool.drain(worker);
  }

  #heartbeat({ workerId, progress }: Input<"heartbeat">): void {
    if (this.#pool.get(workerId) === undefined) return;
    for (const { attempt: id, metrics } of progress) {
      const run = this.#runs.get(id.jobId);
      const attempt = this.#book.current(id, run);
      if (attempt !== undefined) {
        this.#book.noteProgress(attempt, metrics);
      } else {
        const reason = run?.job.takesResults === true ? "superseded" : "jobOver";
        this.#outbox.add({ type: "stopAttempt", workerId, attempt: id, reason });
      }
    }
  }

  #attemptReported({ workerId, report }: Input<"attemptReported">): void {
    if (this.#pool.get(workerId) === undefined) return;
    const attempt = this.#currentOrAdopted(workerId, report);
    if (attempt === undefined) return;
    if (report.type === "stopped") {
      this.#book.forget(attempt);
      this.#book.requeue(attempt.job, attempt.stage, attempt.id.task);
      this.#settle(workerId, attempt.id, false);
      return;
    }
    this.#book.markReported(attempt);
    const { id, inputsVersion } = attempt;
    if (report.type === "finished") {
      this.#batch.addResult({ attempt: id, workerId, inputsVersion, result: report.result });
    } else if (report.type === "fetchFailed") {
      const { error, missing } = report;
      if (this.#isGraceOver) this.#lostOutputs.noteUnfetched(attempt.job, missing);
      this.#batch.addFailure({ attempt: id, workerId, kind: "fetchFailed", error, missing });
    } else {
      this.#batch.addFailure({ attempt: id, workerId, kind: report.type, error: report.error });
    }
  }

  /** The attempt that a report is to be taken for; one that counts no more is settled here. */
  #currentOrAdopted(workerId: string, report: AttemptReport): AttemptRun | undefined {
    const id = report.attempt;
    const run = this.#runs.get(id.jobId);
    const current = this.#book.current(id, run);
    // Reported before: the log's answer is on its way.
    if (current !== undefined) return current.hasReported ? undefined : current;
    if (run !== undefined && report.type !== "stopped" && this.#isOpen(run, id)) {
      // It ended between two leaders, or after it was given up; its task has not been started again.
      const stage = run.stages[id.stage]!;
      const inputsVersion =
        report.type === "finished" ? report.inputsVersion : run.job.inputsVersionOf(stage.table);
      return this.#book.adopt(run, id, workerId, inputsVersion, true);
    }
    const columns = run?.job.stages[id.stage]?.columns;
    this.#settle(workerId, id, report.type === "finished" && columns?.isWinner(id) === true);
    return undefined;
  }

  #settle(workerId: string, attempt: AttemptId, hasWon: boolean): void {
    if (this.#pool.get(workerId) === undefined) return;
    this.#outbox.add({ type: "settleAttempt", workerId, attempt, hasWon });
  }

  #decided({ command, events }: Input<"decided">): void {
    this.#batch.noteDecided(command);
    for (const event of events) this.#follow(event);
    if ("jobId" in command) this.#lostOutputs.noteDecided(command, this.#runs.get(command.jobId));
    this.#requests.noteDecided(command, events);
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
      case "outputsChanged":
        this.#outputsChanged(event.jobId, event.stage);
        break;
      case "jobForgotten":
      case "jobRefused":
        break;
    }
  }

  #jobAdded(jobId: string): void {
    const run = new JobRun(this.#table.job(jobId)!, false);
    this.#runs.set(jobId, run);
    this.#outbox.changed(jobId);
    this.#errands.advance(run, this.#nowMs);
  }

  #jobPlanned(jobId: string): void {
    const run = this.#runs.get(jobId);
    if (run === undefined) return;
    run.createStages();
    this.#stageDone(jobId);
  }

  /** Later stages may be ready now, or the job. */
  #stageDone(jobId: string): void {
    const run = this.#runs.get(jobId);
    if (run === undefined) return;
    this.#book.review(run);
    this.#outbox.changed(jobId);
    this.#errands.advance(run, this.#nowMs);
  }

  #jobStateChanged(jobId: string): void {
    const run = this.#runs.get(jobId);
    if (run === undefined) return;
    this.#outbox.changed(jobId);
    this.#book.review(run);
    if (!run.job.takesResults && run.job.isPlanned) this.#stopAll(run);
    if (run.job.isFinished) {
      this.#runs.delete(jobId);
      for (const worker of this.#pool.all()) {
        for (const stage of run.stages) worker.outputsSent.delete(stage);
      }
      for (const stage of run.stages) this.#remade.delete(stage);
      this.#errands.clearUp(run, this.#nowMs);
    } else {
      // A pause that was decided ahead of a proposed commit has made it void.
      if (run.job.state === "paused") run.isCommitProposed = false;
      this.#errands.advance(run, this.#nowMs);
    }
  }

  #stopAll(run: JobRun): void {
    for (const stage of run.stages) {
      for (const attempt of [...stage.current.values()]) this.#book.stop(attempt, "jobOver");
    }
  }

  #attemptWon({
    attempt: id,
    workerId,
    isRepeat,
    isRemade,
  }: Extract<TableEvent, { type: "attemptWon" }>): void {
    this.#settle(workerId, id, true);
    const run = this.#runs.get(id.jobId);
    const stage = run?.stages[id.stage];
    if (isRepeat || run === undefined || stage === undefined) return;
    const current = stage.current.get(id.task);
    if (current !== undefined && isSameAttempt(current.id, id)) this.#book.forget(current);
    else if (current !== undefined) this.#book.stop(current, "superseded");
    stage.pending.remove(id.task);
    stage.holders?.set(id.task, workerId);
    if (isRemade && stage.table.feedsShuffle) {
      stage.remade.push(id.task);
      this.#remade.add(stage);
    }
    if (this.#isGraceOver && this.#pool.get(workerId) === undefined)
      this.#lostOutputs.workerLost(run, workerId);
    this.#book.review(run);
    this.#outbox.changed(id.jobId);
  }

  /** The log has dealt with the attempt, and it was not a win. */
  #attemptEnded(id: AttemptId, workerId: string): void {
    const run = this.#runs.get(id.jobId);
    const current = this.#book.current(id, run);
    this.#settle(workerId, id, false);
    if (run === undefined || current === undefined) return;
    this.#book.forget(current);
    // Also when the log knew the failure already and says nothing further about the task.
    this.#book.requeue(run, current.stage, id.task);
  }

  #taskRequeued(event: Extract<TableEvent, { type: "taskRequeued" }>): void {
    const run = this.#runs.get(event.jobId);
    const stage = run?.stages[event.stage];
    if (run === undefined || stage === undefined) return;
    if (event.reason === "outputLost") stage.holders?.clear(event.task);
    this.#book.requeue(run, stage, event.task, event.avoidWorkerId);
    this.#book.review(run);
  }

  /** What attempts have read of this stage is no longer what they would read now. */
  #outputsChanged(jobId: string, stageId: number): void {
    const run = this.#runs.get(jobId);
    if (run === undefined) return;
    for (const stage of run.stages) {
      const { input } = stage.table.stage;
      if (input.type !== "shuffle" || input.from !== stageId) continue;
      for (const attempt of [...stage.current.values()]) {
        // Those that have reported carry the old version into the log, where it is refused.
        if (attempt.hasReported) continue;
        this.#book.stop(attempt, "inputsChanged");
        this.#book.requeue(run, stage, attempt.id.task);
      }
    }
  }

  /** Attempts that are reading a stage hear of outputs that were made again. */
  #sendRemade(): void {
    for (const stage of this.#remade) {
      const readers = new Map<PoolWorker, JobRun>();
      for (const run of this.#runs.values()) {
        if (!run.stages.includes(stage)) continue;
        for (const { table, current } of run.stages) {
          const { input } = table.stage;
          if (input.type !== "shuffle" || input.from !== stage.table.stage.id) continue;
          for (const attempt of current.values()) {
            const worker = attempt.hasReported ? undefined : this.#pool.get(attempt.workerId);
            if (worker !== undefined) readers.set(worker, run);
          }
        }
      }
      for (const [worker, run] of readers) {
        const outputs = outputsFor(worker, run.job, stage, this.#pool);
        if (outputs !== undefined) this.#outbox.add(outputs);
      }
    }
    this.#remade.clear();
  }
}
