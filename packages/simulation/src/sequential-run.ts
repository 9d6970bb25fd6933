/**
 * The answer to compare with: the job's tasks one after the other in this process, each once. Without coordinators,
 * workers, scheduling or a shuffle over the network: what they may get wrong is not in here.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  type AttemptOptions,
  decodeValue,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  type SegmentSlice,
} from "@fanfold/dataflow";
import type { AnyJob, JobLog, Split } from "@fanfold/job";
import type { JobSpec } from "@fanfold/scheduler";
import {
  createRecordSource,
  createSinkFactory,
  planSplits,
  publish,
  type WinningTask,
} from "@fanfold/storage";
import { resolveParams } from "@fanfold/worker";

export interface SequentialRun {
  /** Folder with the output, named and written as the cluster's. */
  readonly out: string;
  readonly splits: readonly Split[];
  readonly counters: Readonly<Record<string, number>>;
  /** Input records of all maps, and output records of all sinks. */
  readonly recordsIn: number;
  /** The parts together are one sorted file: where they are cut is chosen by a sample. */
  readonly isRanged: boolean;
}

const jobId = "sequential";
const silent: JobLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** @throws what the job's own code throws, and what reading its input does. */
export async function runSequentially(job: AnyJob, spec: JobSpec, dir: string): Promise<SequentialRun> {
  const { inputs, reader, options } = spec;
  const splits = await planSplits({ inputs, reader, splitBytes: options.splitBytes, excludes: [] });
  const run = new Run(job, spec, dir, await resolveParams(job, decodeValue(spec.params as Uint8Array)));
  return await run.all(splits);
}

class Run {
  readonly #job: AnyJob;
  readonly #spec: JobSpec;
  readonly #dir: string;
  readonly #params: unknown;
  readonly #isRanged: boolean;
  readonly #tasks: WinningTask[] = [];
  readonly #counters: Record<string, number> = {};
  #recordsIn = 0;
  #attempts = 0;

  constructor(job: AnyJob, spec: JobSpec, dir: string, params: unknown) {
    this.#job = job;
    this.#spec = spec;
    this.#dir = dir;
    this.#params = params;
    this.#isRanged = typeof job.partitioner === "object";
  }

  async all(splits: readonly Split[]): Promise<SequentialRun> {
    const partitions = this.#partitions();
    const segments: string[] = [];
    for (const [index, split] of splits.entries()) segments.push(await this.#map(index, split, partitions));
    for (let partition = 0; partition < partitions; partition += 1) await this.#reduce(partition, segments);
    const out = join(this.#dir, "expected");
    await publish({
      out,
      jobId,
      jobName: this.#job.name,
      force: false,
      tasks: this.#tasks,
      counters: this.#counters,
      totals: {},
      fanfoldVersion: "",
      createdAt: "",
    });
    const counters = this.#counters;
    return { out, splits, counters, recordsIn: this.#recordsIn, isRanged: this.#isRanged };
  }

  #partitions(): number {
    if (this.#job.reduce === undefined) return 0;
    return this.#isRanged ? 1 : (this.#spec.options.reducers ?? 1);
  }

  async #map(index: number, split: Split, partitions: number): Promise<string> {
    const source = createRecordSource(this.#spec.reader);
    const options = { ...this.#options("map", index), split, partitions, boundaries: undefined };
    const result = await runMapAttempt(options, { source, sinks: createSinkFactory() });
    this.#count(result.counters);
    this.#recordsIn += result.metrics.recordsIn;
    this.#tasks.push({ stage: "map", index, attempt: 0, outputs: result.outputs });
    return result.segment?.path ?? "";
  }

  async #reduce(partition: number, paths: readonly string[]): Promise<void> {
    const segments = paths.map((path, order): SegmentSlice => {
      const { offset, bytes } = readSegmentIndex(path).partition(partition);
      return { path, start: offset, end: offset + bytes, order };
    });
    const source = createRecordSource(this.#spec.reader);
    const options = { ...this.#options("reduce", partition), partition, segments };
    const result = await runReduceAttempt(options, { source, sinks: createSinkFactory() });
    this.#count(result.counters);
    this.#tasks.push({ stage: "reduce", index: partition, attempt: 0, outputs: result.outputs });
  }

  #count(counters: Readonly<Record<string, number>>): void {
    for (const [name, n] of Object.entries(counters)) this.#counters[name] = (this.#counters[name] ?? 0) + n;
  }

  #options(stage: "map" | "reduce", taskIndex: number): AttemptOptions {
    this.#attempts += 1;
    const workDir = join(this.#dir, "sequential-work", String(this.#attempts));
    const outputDir = join(this.#dir, `.expected.fanfold-${jobId}`, "attempts", String(this.#attempts));
    mkdirSync(workDir, { recursive: true });
    mkdirSync(outputDir, { recursive: true });
    return {
      job: this.#job,
      jobId,
      stage,
      taskIndex,
      attempt: 0,
      params: this.#params,
      memoryBytes: this.#spec.options.memoryBytes,
      workDir,
      outputDir,
      collectRecords: false,
      log: silent,
      signal: new AbortController().signal,
      onProgress: nothing,
    };
  }
}

function nothing(): void {
  // Nobody watches.
}
