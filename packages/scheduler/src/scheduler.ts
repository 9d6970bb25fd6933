/**
 * Decides what runs where, and again after a loss: the leader's side of scheduling, over the replicated table.
 *
 * The table says what has happened; the scheduler says what should be going on now, and holds nothing that could not be
 * found out again from the table and the workers. A report is only a proposal: it is logged, and what the log makes of
 * it comes back as `decided`. So a leader that dies at any moment costs no finished work, and two leaders that both
 * believe in themselves cannot both be obeyed: the log orders their results, and the first of a task wins.
 * (Dean, Ghemawat, "MapReduce", OSDI 2004, section 3.3, with the master's state replicated.)
 */
import { Backups } from "./backups.js";
import { Departures } from "./departures.js";
import { describeJob } from "./describe-job.js";
import { Dispatcher } from "./dispatcher.js";
import type { Effect } from "./effect.js";
import type { AttemptRun } from "./job-run.js";
import type { JobSummary } from "./job-summary.js";
import type { JobTable } from "./job-table.js";
import { LeaderState } from "./leader-state.js";
import { adoptionGraceMs } from "./limits.js";
import { LogEvents } from "./log-events.js";
import type { SchedulerInput } from "./scheduler-input.js";
import { WorkerEvents } from "./worker-events.js";
import { describeWorker, type WorkerSummary } from "./worker-summary.js";

export interface SchedulerOptions {
  /**
   * The table that the log is applied to; the scheduler only reads it. All that earlier leaders may have proposed must
   * be decided and applied before: a worker that is told to drop a result must not find it winning afterwards.
   */
  readonly table: JobTable;
  /** This leader's reign, rising from leader to leader. */
  readonly epoch: number;
}

export class Scheduler {
  readonly #leader: LeaderState;
  readonly #workers: WorkerEvents;
  readonly #log: LogEvents;
  readonly #dispatcher: Dispatcher;
  readonly #backups: Backups;
  readonly #departures: Departures;
  /** Known from the first tick on; until then nothing that was inherited is touched. */
  #graceEndsMs: number | undefined = undefined;

  /** A leader begins: over a table that may have jobs, and with no worker yet. */
  constructor({ table, epoch }: SchedulerOptions) {
    this.#leader = new LeaderState(table, epoch);
    this.#workers = new WorkerEvents(this.#leader);
    this.#log = new LogEvents(this.#leader);
    this.#dispatcher = new Dispatcher(this.#leader.book, this.#leader.pool, this.#leader.earlyReaders);
    this.#backups = new Backups(this.#leader.book, this.#leader.pool);
    this.#departures = new Departures(this.#leader);
  }

  /** Takes one input and gives what is to be done, in order. */
  step(input: SchedulerInput): Effect[] {
    const { lostOutputs, batch, outbox } = this.#leader;
    this.#take(input);
    if (input.type === "tick" || input.type === "workerJoined") this.#endGraceInTime();
    if (this.#leader.isGraceOver) this.#leader.fleet.flush(this.#leader.nowMs);
    lostOutputs.flush(this.#leader.nowMs);
    batch.flush(this.#leader.nowMs, outbox);
    if (input.type === "tick") this.#leader.health.release(this.#leader.nowMs);
    this.#leader.earlyReaders.tell(input.type === "tick");
    this.#dispatcher.dispatch();
    if (input.type === "tick") this.#backups.start(this.#leader.runs.values(), this.#leader.nowMs);
    this.#log.sendRemade();
    this.#departures.flush();
    return outbox.drain();
  }

  /** All attempts that this leader takes for running, or whose report waits for the log. */
  attempts(): readonly Pick<AttemptRun, "id" | "workerId" | "hasReported">[] {
    return [...this.#leader.runs.values()].flatMap(({ stages }) =>
      stages.flatMap((stage) => stage.allAttempts()),
    );
  }

  /** `undefined` for a job that is not known (any more). */
  describeJob(jobId: string): JobSummary | undefined {
    const job = this.#leader.table.job(jobId);
    return job === undefined ? undefined : describeJob(job, this.#leader.runs.get(jobId)?.stages);
  }

  /** The workers that are connected, and what the leader thinks of them. */
  describeWorkers(): WorkerSummary[] {
    const { pool, health } = this.#leader;
    return [...pool.all()].map((worker) => describeWorker(worker, health));
  }

  #take(input: SchedulerInput): void {
    const { requests, errands, runs, nowMs } = this.#leader;
    switch (input.type) {
      case "tick":
        this.#tick(input.nowMs);
        break;
      case "workerJoined":
        this.#workers.joined(input);
        break;
      case "workerLost":
        this.#workers.lost(input.workerId);
        break;
      case "workerDraining":
        this.#workers.draining(input.workerId);
        break;
      case "heartbeat":
        this.#workers.heartbeat(input);
        break;
      case "attemptReported":
        this.#workers.reported(input);
        break;
      case "decided":
        this.#log.decided(input);
        break;
      case "submit":
        requests.submit(input, nowMs);
        break;
      case "cancel":
      case "pause":
      case "resume":
        requests.control(input, nowMs);
        break;
      case "inputsListed":
        errands.inputsListed(input, runs.get(input.jobId), nowMs);
        break;
      case "outputPublished":
        errands.outputPublished(input, runs.get(input.jobId), nowMs);
        break;
    }
  }

  #tick(nowMs: number): void {
    const { runs, errands } = this.#leader;
    this.#leader.nowMs = nowMs;
    if (this.#graceEndsMs === undefined) {
      this.#graceEndsMs = nowMs + adoptionGraceMs;
      for (const run of runs.values()) errands.advance(run, nowMs);
      for (const job of this.#leader.table.jobs()) errands.oweAborts(job, nowMs);
    }
    errands.tick(nowMs);
    for (const run of runs.values()) run.sampleRates(nowMs);
  }

  /** When all workers of the leader before are here, or have had time enough to come. */
  #endGraceInTime(): void {
    if (this.#leader.isGraceOver || this.#graceEndsMs === undefined) return;
    if (this.#leader.nowMs >= this.#graceEndsMs || this.#leader.fleet.isComplete) this.#endGrace();
  }

  /** Workers that have not come by now are gone, with the outputs they held. */
  #endGrace(): void {
    this.#leader.isGraceOver = true;
    for (const run of this.#leader.runs.values()) {
      run.isHeld = false;
      this.#leader.book.review(run);
      this.#leader.lostOutputs.sweep(run);
    }
  }
}
