/** A submitted job as its submitter sees it: events, result, cancelling, and its output read back. */
import { type AnyJob, FanfoldError, type OutputPair } from "@fanfold/job";
import { type JobLogEntry, JobLogRing } from "@fanfold/protocol";
import { isFinalState, type JobSummary, type PublishedFile } from "@fanfold/scheduler";
import { readRecords } from "@fanfold/storage";
import {
  type ClientOptions,
  CoordinatorClient,
  isPassing,
  whileLeadersChange,
} from "./coordinator-client.js";

export type JobEvent =
  /** The job has entered a state; also for the one it was found in. */
  | { readonly type: "stateChanged"; readonly state: JobSummary["state"]; readonly job: JobSummary }
  /** Something about its tasks has changed; only the latest is kept for those who come late. */
  | { readonly type: "progressed"; readonly job: JobSummary }
  /** User code logged or printed a line. */
  | { readonly type: "logged"; readonly entry: JobLogEntry }
  /** The link to the coordinator is gone, and is being made again. The job goes on. */
  | { readonly type: "linkLost"; readonly reason: string };

/** How a job that succeeded went. */
export interface JobResult {
  readonly jobId: string;
  readonly name: string;
  /** The output folder, or null when nothing was published. */
  readonly out: string | null;
  /** Published files, relative to `out`. */
  readonly files: readonly PublishedFile[];
  readonly counters: Readonly<Record<string, number>>;
  /** Bad records that were skipped; they are in `_skipped` of the output. */
  readonly skippedRecords: number;
  readonly stages: JobSummary["stages"];
  readonly times: JobSummary["times"];
}

/** How often, and how long, a lost coordinator is looked for. */
const reconnectPauseMs = 500;
const reconnectTimeoutMs = 60_000;
/** Log events kept for those who come late. */
const eventsMax = 10_000;

export interface JobRunOptions extends ClientOptions {
  readonly jobId: string;
  /** The output folder is nobody's business. */
  readonly hidesOutput?: boolean;
  /** Called once when the job has ended, before the result is told. */
  readonly onEnd?: () => Promise<void>;
  /** Called by `close`. */
  readonly onClose?: () => void;
}

/** `J` is the job's definition, so that `output()` has its types. */
export class JobRun<J extends AnyJob = AnyJob> {
  readonly id: string;
  readonly #options: JobRunOptions;
  readonly #events: JobEvent[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #ended: Promise<JobSummary>;
  #settle: { resolve: (job: JobSummary) => void; reject: (error: Error) => void } | undefined;
  #client: CoordinatorClient | undefined;
  #job: JobSummary | undefined;
  #clusterId: string | null = null;
  readonly #lines = new JobLogRing();
  #isOver = false;

  constructor(options: JobRunOptions) {
    this.id = options.jobId;
    this.#options = options;
    this.#ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever wants to know asks `result()`; until then a failure is not an unhandled rejection.
    this.#ended.catch(() => undefined);
  }

  /** Starts to watch the job; resolves when its state is known. */
  follow(): Promise<void> {
    return whileLeadersChange(() => this.#followOnce());
  }

  async #followOnce(): Promise<void> {
    // Until the job is watched, a lost link is this call's failure and nobody else's.
    let isWatching = false;
    const client = await CoordinatorClient.connect(this.#options, {
      onJobChanged: (job) => this.#changed(job),
      onJobLog: (entries) => {
        // A new leader tells again what the last one had told.
        const news = this.#lines.add(entries).get(this.id) ?? [];
        for (const entry of news) this.#push({ type: "logged", entry });
      },
      onLost: (reason) => {
        if (isWatching) void this.#followAgain(reason);
      },
    });
    this.#client = client;
    try {
      this.#checkCluster(client.clusterId);
      const result = await client.request({ type: "watchJob", jobId: this.id });
      isWatching = true;
      if (result.type === "job") this.#changed(result.job);
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Resolves when the job's input has been listed, or the job is over: false where it ended before. */
  async planned(): Promise<boolean> {
    for (;;) {
      if (this.#job !== undefined && this.#job.times.plannedMs !== null) return true;
      if (this.#isOver) return false;
      await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  /** The job's last known state. */
  get job(): JobSummary | undefined {
    return this.#job;
  }

  /**
   * Resolves when the job has succeeded.
   *
   * @throws the error that the job failed with; `JOB_CANCELLED`; `NO_COORDINATOR` when the cluster stays away.
   */
  async result(): Promise<JobResult> {
    const job = await this.#ended;
    if (job.state === "succeeded") {
      const { id, name, counters, skippedRecords, stages, times, outputs } = job;
      const out = this.#options.hidesOutput ? null : job.out;
      const files = outputs.filter((file) => !isRecordsFile(file));
      return { jobId: id, name, out, counters, skippedRecords, stages, times, files };
    }
    if (job.error !== null) throw FanfoldError.fromReport(job.error);
    if (job.state === "cancelled") throw new FanfoldError("JOB_CANCELLED", `Job ${job.id} was cancelled.`);
    throw new FanfoldError("JOB_FAILED", `Job ${job.id} failed.`);
  }

  /** All events from the job's start on, ending with the job. Any number of readers. */
  async *events(): AsyncGenerator<JobEvent, void, undefined> {
    let next = 0;
    let shown: JobSummary | undefined;
    for (;;) {
      for (let event = this.#events[next]; event !== undefined; event = this.#events[next]) {
        next += 1;
        yield event;
      }
      if (this.#job !== undefined && this.#job !== shown) {
        shown = this.#job;
        yield { type: "progressed", job: shown };
        continue;
      }
      if (this.#isOver) return;
      await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  /** Ends the job; nothing of its output appears. Resolves when that is decided. A job that is over stays as it is. */
  async cancel(): Promise<void> {
    const deadline = performance.now() + reconnectTimeoutMs;
    while (!this.#isOver) {
      try {
        await this.#client?.request({ type: "cancel", jobId: this.id });
        return;
      } catch (error) {
        if (!isPassing(error) || performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, reconnectPauseMs));
      }
    }
  }

  /**
   * The job's main output as typed pairs, in the order of the output files; waits for the job to succeed.
   *
   * @throws as `result()`; `USAGE` for a job that was submitted without keeping records.
   */
  async *output(): AsyncGenerator<OutputPair<J>, void, undefined> {
    const job = await this.result().then(() => this.#job);
    const records = (job?.outputs ?? []).filter(isRecordsFile);
    if (records.length === 0 && job?.stages.some((stage) => stage.tasks > 0 && stage.kind !== "sample")) {
      throw new FanfoldError(
        "USAGE",
        "This job kept no records to read back: read its output files instead.",
      );
    }
    for (const file of records) {
      for (const pair of readRecords(file.name)) yield pair as OutputPair<J>;
    }
  }

  /** Gives up the records that `output()` reads. Done by itself when the process exits. */
  close(): void {
    this.#options.onClose?.();
  }

  /** A coordinator whose data folder was replaced knows nothing of this job, and that is why. */
  #checkCluster(found: string | null): void {
    const before = this.#clusterId;
    this.#clusterId = found ?? before;
    if (before === null || found === null || found === before) return;
    const message = `Job ${this.id} is of cluster ${before}, and its coordinators are gone: those that answer are of cluster ${found}. Was a data folder replaced?`;
    throw new FanfoldError("JOB_UNKNOWN", message, { details: { cluster: found, jobCluster: before } });
  }

  #changed(job: JobSummary): void {
    if (this.#isOver) return;
    const before = this.#job?.state;
    this.#job = job;
    if (job.state !== before) this.#push({ type: "stateChanged", state: job.state, job });
    this.#wake();
    if (isFinalState(job.state)) void this.#end(() => this.#settle?.resolve(job));
  }

  async #end(tell: () => void): Promise<void> {
    this.#isOver = true;
    this.#client?.close();
    await this.#options.onEnd?.();
    tell();
    this.#wake();
  }

  async #followAgain(reason: string): Promise<void> {
    if (this.#isOver) return;
    this.#push({ type: "linkLost", reason });
    const deadline = performance.now() + reconnectTimeoutMs;
    for (;;) {
      try {
        await this.follow();
        return;
      } catch (error) {
        if (!isPassing(error) || performance.now() > deadline) {
          await this.#end(() => this.#settle?.reject(FanfoldError.from(error)));
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, reconnectPauseMs));
      }
    }
  }

  #push(event: JobEvent): void {
    if (this.#events.length < eventsMax || event.type !== "logged") this.#events.push(event);
    this.#wake();
  }

  #wake(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }
}

function isRecordsFile(file: PublishedFile): boolean {
  return file.name.endsWith(".records");
}
