/** What the parts of the scheduler have in common: all that one leader knows and has to say. */
import { AttemptBook } from "./attempt-book.js";
import { type AttemptId, formatAttemptId } from "./attempt-id.js";
import { EarlyReaders } from "./early-readers.js";
import { Fleet } from "./fleet.js";
import { JobErrands } from "./job-errands.js";
import { JobRun } from "./job-run.js";
import type { JobTable } from "./job-table.js";
import { LostOutputs } from "./lost-outputs.js";
import { Outbox } from "./outbox.js";
import { PeerReach } from "./peer-reach.js";
import { ReportBatch } from "./report-batch.js";
import { Requests } from "./requests.js";
import { WorkerHealth } from "./worker-health.js";
import { WorkerPool } from "./worker-pool.js";

export class LeaderState {
  readonly table: JobTable;
  /** Jobs that are not over. */
  readonly runs: Map<string, JobRun> = new Map();
  readonly pool: WorkerPool = new WorkerPool();
  readonly outbox: Outbox = new Outbox();
  readonly batch: ReportBatch = new ReportBatch();
  readonly book: AttemptBook;
  readonly errands: JobErrands;
  readonly requests: Requests;
  readonly lostOutputs: LostOutputs;
  readonly health: WorkerHealth;
  readonly peerReach: PeerReach;
  readonly earlyReaders: EarlyReaders;
  readonly fleet: Fleet;
  nowMs = 0;
  /** Whether workers that are not here are gone, and no longer only on their way to this leader. */
  isGraceOver: boolean;

  constructor(table: JobTable, epoch: number) {
    this.table = table;
    this.book = new AttemptBook(epoch, this, this.pool, this.outbox);
    this.errands = new JobErrands(table, this.pool, this.outbox);
    this.requests = new Requests(table, this.outbox);
    this.lostOutputs = new LostOutputs(this.book, this.pool, this.outbox);
    this.health = new WorkerHealth(this.pool, this.outbox);
    this.peerReach = new PeerReach(this);
    this.earlyReaders = new EarlyReaders(this.book, this.pool, this.outbox);
    this.fleet = new Fleet(table, this.pool, this.outbox);
    for (const job of table.jobs()) {
      if (!job.isFinished) this.runs.set(job.id, new JobRun(job, job.isPlanned));
    }
    this.isGraceOver = [...this.runs.values()].every((run) => !run.isHeld);
  }

  /** Tells a worker, if it is here, that a report needs no repetition. */
  settle(workerId: string, attempt: AttemptId, hasWon: boolean): void {
    if (!hasWon) this.runs.get(attempt.jobId)?.dropped.add(formatAttemptId(attempt));
    if (this.pool.get(workerId) === undefined) return;
    this.outbox.add({ type: "settleAttempt", workerId, attempt, hasWon });
  }
}
