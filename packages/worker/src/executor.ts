/** Runs one attempt at a time, in a process of its own; tells the daemon how it went. */
import {
  type AttemptOptions,
  type AttemptPorts,
  type AttemptResult,
  type SegmentSummary as DataflowSegment,
  decodeValue,
  heavyKeyOf,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  runSampleAttempt,
} from "@fanfold/dataflow";
import { type AnyJob, type ErrorReport, FanfoldError, type JobLog } from "@fanfold/job";
import type { DaemonToExecutor, ExecutorToDaemon } from "@fanfold/protocol";
import {
  type AttemptId,
  encodePartitionSizes,
  heavyKeyMetric,
  heavyPartitionMetric,
  isSameAttempt,
  type OutputFile,
  type ReduceAssignment,
  type SegmentSummary,
  type TaskResult,
} from "@fanfold/scheduler";
import { createRecordSource, createSinkFactory } from "@fanfold/storage";
import { type Clock, type Link, type Network, systemSurroundings } from "@fanfold/transport";
import { FetchSnapshot } from "./fetch-snapshot.js";
import { KnownSegments } from "./known-segments.js";
import { loadJob, resolveParams } from "./load-job.js";
import { traced } from "./record-trace.js";
import { asFetchFailure, FetchFailure, fetchSegments } from "./shuffle-fetch.js";
import { userStack } from "./user-stack.js";

type Run = Extract<DaemonToExecutor, { type: "run" }>;

interface Running {
  readonly attempt: AttemptId;
  readonly abort: AbortController;
  /** Of a reduce attempt, until it has fetched. */
  readonly snapshot: FetchSnapshot | undefined;
  /** Of a reduce attempt. */
  readonly known: KnownSegments | undefined;
  /** Measures what it costs. */
  elapsed: (() => Readonly<Record<string, number>>) | undefined;
  fail(error: FanfoldError): void;
}

/** What an executor runs attempts with. */
export interface ExecutorMeans {
  readonly network: Network;
  readonly clock?: Clock;
  loadJob(bundlePath: string, jobName: string): Promise<AnyJob>;
  readonly runMap: typeof runMapAttempt;
  readonly runReduce: typeof runReduceAttempt;
  readonly runSample: typeof runSampleAttempt;
  /** Resolves after all promises of this turn are through, when their unhandled rejections have been told. */
  endOfTurn(): Promise<void>;
  /** Measures how long an attempt takes, for its metrics. */
  startWatch?(): () => Readonly<Record<string, number>>;
  /** How a segment's bytes are spread over its partitions, roughly. */
  partitionSizes?(segment: DataflowSegment): PartitionSizes;
  /** The key that makes a partition of a segment too large, if there is one; see `skewMetrics`. */
  skewMetrics?(path: string): Readonly<Record<string, number>>;
}

type PartitionSizes = Required<Pick<SegmentSummary, "partitions" | "partitionSizes">>;

export const ownMeans: ExecutorMeans = {
  network: systemSurroundings.network,
  loadJob,
  runMap: runMapAttempt,
  runReduce: runReduceAttempt,
  runSample: runSampleAttempt,
  endOfTurn: () => new Promise((resolve) => setImmediate(resolve)),
  startWatch,
  partitionSizes: partitionSizesOf,
  skewMetrics,
};

function strayError(thrown: unknown, { task, attempt }: AttemptId): FanfoldError {
  const what = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  const message = `user code failed where nothing awaited it (a promise not returned, or a timer): ${what} (task ${task}, attempt ${attempt})`;
  return new FanfoldError("USER_CODE_FAILED", message, { cause: thrown });
}

/** A log line is cut here; the rest says nothing to anybody. */
const logCharsMax = 16 * 1024;

export class Executor {
  readonly #link: Link<ExecutorToDaemon>;
  readonly #onSpoilt: () => void;
  readonly #means: ExecutorMeans;
  #running: Running | undefined;

  /** `onSpoilt` is called when stray code of an attempt may still be running, and the process should be replaced. */
  constructor(link: Link<ExecutorToDaemon>, onSpoilt: () => void, means: ExecutorMeans = ownMeans) {
    this.#link = link;
    this.#onSpoilt = onSpoilt;
    this.#means = means;
  }

  /**
   * User code has failed where nobody awaits it: a promise that was not returned, a timer. The attempt at hand fails,
   * since what that code was to do is missing from its result.
   */
  blame(thrown: unknown): void {
    if (this.#running === undefined) {
      console.error("User code failed after its task had ended:", thrown);
      this.#onSpoilt();
      return;
    }
    this.#running.fail(strayError(thrown, this.#running.attempt));
  }

  take(message: DaemonToExecutor): void {
    switch (message.type) {
      case "preload":
        // An error will be told by the task that needs the code.
        this.#means.loadJob(message.bundlePath, message.jobName).catch(() => undefined);
        return;
      case "run":
        void this.#run(message);
        return;
      case "sources":
        if (this.#running !== undefined && isSameAttempt(this.#running.attempt, message.attempt))
          this.#running.known?.add(message.sources);
        return;
      case "snapshotSignal":
        if (this.#running !== undefined && isSameAttempt(this.#running.attempt, message.attempt))
          this.#running.snapshot?.signal(message.signal);
        return;
      case "stop":
        if (this.#running !== undefined && isSameAttempt(this.#running.attempt, message.attempt)) {
          this.#running.abort.abort(new FanfoldError("JOB_CANCELLED", "The attempt was stopped."));
        }
        return;
    }
  }

  async #run(run: Run): Promise<void> {
    const attempt = run.assignment.attempt;
    const abort = new AbortController();
    const snapshot =
      run.node === undefined
        ? undefined
        : new FetchSnapshot(run.node, attempt, (message) => this.#link.send(message));
    let isStray = false;
    let running: Running | undefined;
    const stray = new Promise<never>((_resolve, reject) => {
      const fail = (error: FanfoldError): void => {
        isStray = true;
        reject(error);
      };
      const { assignment, sources } = run;
      const known =
        assignment.kind === "reduce" ? new KnownSegments(assignment.mapTasks, sources) : undefined;
      running = { attempt, abort, snapshot, known, elapsed: undefined, fail };
      this.#running = running;
    });
    try {
      if (running !== undefined) running.elapsed = this.#means.startWatch?.();
      const executed = await Promise.race([this.#execute(run, abort.signal), stray]);
      const result = { ...executed, metrics: { ...executed.metrics, ...running?.elapsed?.() } };
      await Promise.race([this.#means.endOfTurn(), stray]);
      this.#link.send({ type: "finished", attempt, result });
    } catch (error) {
      snapshot?.end();
      if (error instanceof FetchFailure) {
        this.#link.send({ type: "fetchFailed", attempt, error: error.report, missing: error.missing });
      } else {
        this.#link.send({ type: "failed", attempt, error: reportOf(error) });
      }
    } finally {
      this.#running = undefined;
      if (isStray) this.#onSpoilt();
    }
  }

  async #execute(run: Run, signal: AbortSignal): Promise<TaskResult> {
    const { assignment } = run;
    const loaded = await this.#means.loadJob(run.bundlePath, assignment.jobName);
    const job = assignment.tracesRecords === true ? traced(loaded, run.workDir) : loaded;
    const given = decodeValue(assignment.params as Uint8Array);
    const options: AttemptOptions = {
      ...this.#baseOptions(run, job, signal),
      params: await resolveParams(job, given),
    };
    const keepsGoing = (assignment.skipBadRecords ?? 0) > 0;
    const source = createRecordSource(job.input.reader, { keepsGoing });
    const ports: AttemptPorts = { source, sinks: createSinkFactory() };
    switch (assignment.kind) {
      case "sample": {
        const { split, partitions, sampleRecordsMax } = assignment;
        const extra = { split, partitions, boundaries: undefined, sampleRecordsMax };
        const { keys } = await this.#means.runSample({ ...options, ...extra }, ports);
        return { keys, outputs: [], counters: {}, metrics: {} };
      }
      case "map": {
        const { split, partitions } = assignment;
        const { boundaries } = run;
        const compression = run.isLocal === true ? "none" : "auto";
        const extra = { split, partitions, boundaries, compression } as const;
        const result = await this.#means.runMap({ ...options, ...extra }, ports);
        const plain = plainResult(result);
        if (result.segment === undefined) return plain;
        const { path, bytes, digest } = result.segment;
        const sizes = this.#means.partitionSizes?.(result.segment);
        const metrics = { ...plain.metrics, ...this.#means.skewMetrics?.(path) };
        return { ...plain, metrics, segment: { path, bytes, digest, ...sizes } };
      }
      case "reduce": {
        const known = this.#running?.known ?? new KnownSegments(assignment.mapTasks);
        const segments = await this.#fetch(run, assignment, { known, signal });
        this.#running?.snapshot?.end();
        // What it waited for maps is no work of its own.
        if (known.hasWaited && this.#running !== undefined)
          this.#running.elapsed = this.#means.startWatch?.();
        const { partition } = assignment;
        try {
          return plainResult(await this.#means.runReduce({ ...options, partition, segments }, ports));
        } catch (error) {
          throw asFetchFailure(error, segments, { assignment, known }) ?? error;
        }
      }
    }
  }

  #fetch(
    run: Run,
    assignment: ReduceAssignment,
    { known, signal }: { readonly known: KnownSegments; readonly signal: AbortSignal },
  ): ReturnType<typeof fetchSegments> {
    const snapshot = this.#running?.snapshot;
    if (snapshot === undefined) throw new FanfoldError("INTERNAL", "A reduce attempt came without its node.");
    return fetchSegments({
      jobId: assignment.attempt.jobId,
      mapStage: assignment.mapStage,
      partition: assignment.partition,
      known,
      workDir: run.workDir,
      signal,
      network: this.#means.network,
      clock: this.#means.clock,
      snapshot,
      stallTimeoutMs: assignment.stallTimeoutMs,
      // A sign of life: it has read nothing so far.
      onProgress: () => this.#link.send({ type: "progress", attempt: assignment.attempt, metrics: {} }),
    });
  }

  #baseOptions(run: Run, job: AnyJob, signal: AbortSignal): Omit<AttemptOptions, "params"> {
    const { assignment } = run;
    const { attempt } = assignment;
    return {
      job,
      jobId: attempt.jobId,
      stage: assignment.kind,
      taskIndex: attempt.task,
      attempt: attempt.attempt,
      memoryBytes: assignment.memoryBytes,
      workDir: run.workDir,
      outputDir: run.outputDir,
      collectRecords: assignment.collectRecords,
      skipBadRecords: assignment.skipBadRecords,
      userStack,
      log: this.#logOf(attempt),
      signal,
      onProgress: (metrics) => this.#link.send({ type: "progress", attempt, metrics: { ...metrics } }),
    };
  }

  #logOf(attempt: AttemptId): JobLog {
    const write =
      (level: "debug" | "info" | "warn" | "error") =>
      (message: string, fields?: Readonly<Record<string, unknown>>): void => {
        const line = { type: "log" as const, attempt, level, message: String(message).slice(0, logCharsMax) };
        const text = fields === undefined ? undefined : fieldsText(fields);
        this.#link.send(text === undefined ? line : { ...line, fields: text });
      };
    return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  }
}

/** What the log keeps of a result. */
function plainResult({ outputs, counters, metrics, skipped }: AttemptResult): TaskResult {
  const plain = { outputs: outputFiles(outputs), counters, metrics: { ...metrics } };
  return skipped === undefined || skipped.count === 0 ? plain : { ...plain, skipped };
}

/** Summed over the tasks of a stage, these are its task time and its processor time. */
function startWatch(): () => Readonly<Record<string, number>> {
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(startCpu);
    return { wallMs: Math.round(performance.now() - startMs), cpuMs: Math.round((user + system) / 1000) };
  };
}

function partitionSizesOf({ path, partitions }: DataflowSegment): PartitionSizes {
  const index = readSegmentIndex(path);
  return {
    partitions,
    partitionSizes: encodePartitionSizes(partitions, (partition) => index.partition(partition).bytes),
  };
}

/** As metrics, which are added up by name over the tasks of a stage: so the counts of one key come together. */
function skewMetrics(path: string): Readonly<Record<string, number>> {
  const heavy = heavyKeyOf(path);
  if (heavy === undefined) return {};
  const { partition, key, records, partitionRecords } = heavy;
  return { [heavyKeyMetric(partition, key)]: records, [heavyPartitionMetric(partition)]: partitionRecords };
}

/** Just what the log keeps of a file. */
function outputFiles(files: readonly OutputFile[]): OutputFile[] {
  return files.map(({ name, path, bytes, records, sha256 }) => ({ name, path, bytes, records, sha256 }));
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(fields, (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    ).slice(0, logCharsMax);
  } catch {
    return '"fields that JSON cannot carry"';
  }
}

/** A message on the wire has at most 64 K characters a text. */
const errorCharsMax = 16_000;

/** An error as it is told to the daemon: with the user's own lines of its stack, and not without end. */
export function reportOf(error: unknown): ErrorReport {
  const report = FanfoldError.from(error).toReport();
  const stack = report.stack === undefined ? undefined : userStack(report.stack).slice(0, errorCharsMax);
  const { stack: _dropped, ...rest } = report;
  const message = report.message.slice(0, errorCharsMax);
  return stack === undefined ? { ...rest, message } : { ...rest, message, stack };
}
