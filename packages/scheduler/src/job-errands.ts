/**
 * The steps of a job that are no tasks: listing its input before, deciding the commit and publishing after, and
 * clearing up. Each is asked of one worker, and of another if that one goes; all may be done twice.
 */
import type { Split } from "@fanfold/job";
import type { JobRecord } from "./job-record.js";
import type { JobRun } from "./job-run.js";
import type { JobTable } from "./job-table.js";
import { splitsPerCommandMax } from "./limits.js";
import type { Outbox } from "./outbox.js";
import { foldersOf } from "./participants.js";
import { partitionsFor } from "./plan-rules.js";
import { Publications } from "./publications.js";
import type { SchedulerInput } from "./scheduler-input.js";
import type { WorkerPool } from "./worker-pool.js";

type InputsListed = Extract<SchedulerInput, { type: "inputsListed" }>;
type OutputPublished = Extract<SchedulerInput, { type: "outputPublished" }>;

export class JobErrands {
  readonly #table: JobTable;
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  readonly #publications: Publications;
  /** Jobs that wait for a worker to run an errand. */
  readonly #waiting: Set<JobRun> = new Set();

  constructor(table: JobTable, pool: WorkerPool, outbox: Outbox) {
    this.#table = table;
    this.#pool = pool;
    this.#outbox = outbox;
    this.#publications = new Publications(pool, outbox);
  }

  /** Takes the next step if it is due; to be called whenever the job's state or its stages have changed. */
  advance(run: JobRun, nowMs: number): void {
    const { job } = run;
    if (job.state === "pending" && !run.isPlanProposed) this.#ask(run);
    if (job.state === "running" && job.areSinksDone && !run.isCommitProposed) {
      run.isCommitProposed = true;
      this.#outbox.propose({ type: "jobPrepareBegan", jobId: job.id, atMs: nowMs });
    }
    this.#publications.advance(run, nowMs);
  }

  /** A worker has come: errands that wait for one can be run. */
  workerJoined(nowMs: number): void {
    for (const run of this.#waiting) this.#ask(run);
    this.#publications.resume(nowMs);
  }

  workerLost(workerId: string, runs: Iterable<JobRun>, nowMs: number): void {
    for (const run of runs) {
      if (run.helper !== workerId) continue;
      run.helper = undefined;
      this.#ask(run);
    }
    this.#publications.workerLost(workerId, nowMs);
  }

  /** Steps that failed are tried again after a while. */
  tick(nowMs: number): void {
    this.#publications.resume(nowMs);
  }

  inputsListed({ jobId, workerId, outcome }: InputsListed, run: JobRun | undefined, nowMs: number): void {
    if (run === undefined || run.helper !== workerId || run.job.isPlanned || run.isPlanProposed) return;
    run.helper = undefined;
    if ("error" in outcome) {
      this.#outbox.propose({ type: "jobFailed", jobId, atMs: nowMs, error: outcome.error });
    } else {
      this.#proposePlan(run, outcome.splits, nowMs);
    }
    run.isPlanProposed = true;
  }

  outputPublished(answer: OutputPublished, run: JobRun | undefined, nowMs: number): void {
    this.#publications.answered(answer, run, nowMs);
  }

  /** What participants still have to be told of jobs that came to nothing, also under earlier leaders. */
  oweAborts(job: JobRecord, nowMs: number): void {
    this.#publications.abort(job, nowMs);
  }

  /** The job is over, and its attempts are stopped. */
  clearUp(run: JobRun, nowMs: number): void {
    const { id: jobId, spec } = run.job;
    this.#waiting.delete(run);
    this.#publications.forget(jobId);
    this.#publications.abort(run.job, nowMs);
    this.#outbox.add({ type: "discardJob", workerIds: this.#pool.ids(), jobId, out: spec.out });
    for (const old of this.#table.jobsToDiscard()) {
      this.#outbox.propose({ type: "jobDiscarded", jobId: old, atMs: nowMs });
    }
  }

  #proposePlan(run: JobRun, splits: readonly Split[], nowMs: number): void {
    const { id: jobId, spec } = run.job;
    const partitions = partitionsFor(spec.plan, spec.options.reducers, this.#pool.slots);
    let from = 0;
    do {
      const some = splits.slice(from, from + splitsPerCommandMax);
      const isLast = from + some.length === splits.length;
      this.#outbox.propose({
        type: "jobPlanned",
        jobId,
        atMs: nowMs,
        from,
        splits: some,
        isLast,
        partitions,
      });
      from += some.length;
    } while (from < splits.length);
  }

  #ask(run: JobRun): void {
    if (run.helper !== undefined) return;
    const { job } = run;
    if (job.state !== "pending") {
      this.#waiting.delete(run);
      return;
    }
    const worker = this.#pool.forErrand();
    if (worker === undefined) {
      this.#waiting.add(run);
      return;
    }
    this.#waiting.delete(run);
    run.helper = worker.workerId;
    const { inputs, reader, out, options } = job.spec;
    const { splitBytes, force } = options;
    const { workerId } = worker;
    const folders = foldersOf(job.spec).filter((folder) => folder !== out);
    this.#outbox.add({
      type: "listInputs",
      workerId,
      jobId: job.id,
      inputs,
      reader,
      splitBytes,
      out,
      folders,
      force,
    });
  }
}
