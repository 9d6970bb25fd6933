/**
 * One task of a submitted job, run again in this process: the same code, bytes and parameters as on its worker. A
 * reduce task has its input made anew, by running the map tasks here first; nothing is published.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AttemptOptions,
  type AttemptPorts,
  decodeValue,
  type MapAttemptResult,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  runSampleAttempt,
  type SegmentSlice,
  type SinkFactory,
} from "@fanfold/dataflow";
import { type AnyJob, FanfoldError, type JobLog, type Split, type Stage } from "@fanfold/job";
import { boundariesOf, type JobSpec, type JobSummary } from "@fanfold/scheduler";
import { createRecordSource, createSinkFactory, planSplits } from "@fanfold/storage";
import { loadJob, resolveParams } from "@fanfold/worker";
import { type ClientOptions, CoordinatorClient, whileLeadersChange } from "./coordinator-client.js";

/** What a replay needs of a job. */
export interface ReplayedJob {
  readonly summary: JobSummary;
  readonly spec: JobSpec;
  readonly code: Uint8Array;
}

export interface ReplayOptions {
  /** `map`, `reduce`, `sample`, or the stage's number. */
  readonly stage: string;
  readonly task: number;
  /** Empty; segments and output files go here. */
  readonly dir: string;
  readonly log: JobLog;
  /** Called with the kind and number of each task that runs, the one asked for last. */
  readonly onTask?: (kind: string, task: number) => void;
  /** Called once the input is found to be as it was, before the job's code is loaded. */
  readonly beforeLoading?: () => void;
  /** Where the output of the task asked for goes; default files in `dir`. */
  readonly sinks?: SinkFactory;
}

/** How it went. */
export interface ReplayedTask {
  readonly counters: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** @throws `JOB_UNKNOWN`, `JOB_LOAD_FAILED`, and as any question to a cluster. */
export function fetchJob(jobId: string, target: ClientOptions): Promise<ReplayedJob> {
  return whileLeadersChange(async () => {
    const client = await CoordinatorClient.connect(target);
    try {
      const job = await client.request({ type: "getJob", jobId });
      const spec = await client.request({ type: "getSpec", jobId });
      if (job.type !== "job" || spec.type !== "spec") throw new FanfoldError("INTERNAL", "an odd answer");
      const bundle = await client.request({ type: "getBundle", digest: spec.spec.bundle });
      if (bundle.type !== "bundle") throw new FanfoldError("INTERNAL", "an odd answer");
      return { summary: job.job, spec: spec.spec, code: bundle.code };
    } finally {
      client.close();
    }
  });
}

/** @throws `USAGE` for a task that is none of the job's, `INPUT_CHANGED`, and whatever the task fails with. */
export async function replayTask(job: ReplayedJob, options: ReplayOptions): Promise<ReplayedTask> {
  const stage = stageOf(job, options.stage);
  const tasks = job.summary.stages[stage.id]?.tasks ?? 0;
  if (options.task >= tasks) {
    const message = `The ${stage.kind} stage of ${job.summary.id} has ${tasks} tasks: 0 to ${tasks - 1}.`;
    throw new FanfoldError("USAGE", tasks === 0 ? `The job's input was never listed.` : message);
  }
  const splits = await splitsOf(job);
  options.beforeLoading?.();
  const bundlePath = join(options.dir, `${job.spec.bundle}.mjs`);
  mkdirSync(options.dir, { recursive: true });
  writeFileSync(bundlePath, job.code);
  const replay = new Replay(job, splits, await loadJob(bundlePath, job.spec.name), options);
  return replay.run(stage, options.task);
}

function stageOf({ spec, summary }: ReplayedJob, name: string): Stage {
  const found = spec.plan.stages.find(({ id, kind }) => kind === name || String(id) === name);
  if (found !== undefined) return found;
  const names = spec.plan.stages.map(({ kind }) => kind).join(", ");
  throw new FanfoldError("USAGE", `Job ${summary.id} has no stage ${name}, only: ${names}.`);
}

/** The splits as they were planned: the cuts depend on the input alone, so the same input gives the same. */
async function splitsOf({ spec, summary }: ReplayedJob): Promise<readonly Split[]> {
  const { inputs, reader, out } = spec;
  const excludes = out === null ? [] : [out];
  const splits = await planSplits({ inputs, reader, splitBytes: spec.options.splitBytes, excludes });
  const planned = spec.plan.stages.find(({ input }) => input.type === "splits");
  const before = summary.stages[planned?.id ?? 0]?.tasks ?? 0;
  const submittedMs = summary.times.plannedMs ?? summary.times.submittedMs;
  const changed = splits.flatMap(({ ranges }) => ranges).find(({ modifiedMs }) => modifiedMs > submittedMs);
  if (splits.length === before && changed === undefined) return splits;
  const what =
    changed === undefined
      ? `it has ${splits.length} splits now, not ${before}`
      : `${changed.path} was written to`;
  throw new FanfoldError("INPUT_CHANGED", `The input is not what it was when the job ran: ${what}.`);
}

class Replay {
  readonly #job: ReplayedJob;
  readonly #splits: readonly Split[];
  readonly #definition: AnyJob;
  readonly #options: ReplayOptions;
  readonly #partitions: number;
  #boundaries: readonly Uint8Array[] | undefined;

  constructor(job: ReplayedJob, splits: readonly Split[], definition: AnyJob, options: ReplayOptions) {
    this.#job = job;
    this.#splits = splits;
    this.#definition = definition;
    this.#options = options;
    const shuffled = job.spec.plan.stages.find(({ input }) => input.type === "shuffle");
    this.#partitions = shuffled === undefined ? 0 : (job.summary.stages[shuffled.id]?.tasks ?? 0);
  }

  async run(stage: Stage, task: number): Promise<ReplayedTask> {
    if (stage.input.type === "shuffle") return this.#reduce(stage, task, stage.input.from);
    if (stage.output.type === "boundaries") {
      await this.#sample(stage, task);
      return { counters: {}, metrics: {} };
    }
    await this.#findBoundaries(stage);
    return this.#map(stage, task, true);
  }

  async #reduce(stage: Stage, partition: number, from: number): Promise<ReplayedTask> {
    const mapStage = this.#job.spec.plan.stages[from];
    const segments: SegmentSlice[] = [];
    if (mapStage !== undefined) await this.#findBoundaries(mapStage);
    for (let task = 0; mapStage !== undefined && task < this.#splits.length; task += 1) {
      const { segment } = await this.#map(mapStage, task, false);
      if (segment === undefined) continue;
      const { offset, bytes } = readSegmentIndex(segment.path).partition(partition);
      segments.push({ path: segment.path, start: offset, end: offset + bytes, order: task });
    }
    const common = await this.#attempt(stage, partition);
    const { counters, metrics } = await runReduceAttempt(
      { ...common, partition, segments },
      this.#ports(true),
    );
    return { counters, metrics: { ...metrics } };
  }

  async #map(
    stage: Stage,
    task: number,
    isAskedFor: boolean,
  ): Promise<ReplayedTask & Pick<MapAttemptResult, "segment">> {
    const common = await this.#attempt(stage, task);
    const split = this.#splits[task] ?? { ranges: [] };
    const options = { ...common, split, partitions: this.#partitions, boundaries: this.#boundaries };
    const { segment, counters, metrics } = await runMapAttempt(options, this.#ports(isAskedFor));
    return { segment, counters, metrics: { ...metrics } };
  }

  /** The ranges of a total order come from a sample, which is taken anew. */
  async #findBoundaries(mapStage: Stage): Promise<void> {
    const { stages } = this.#job.spec.plan;
    const sample = stages.find(({ output }) => output.type === "boundaries" && output.to === mapStage.id);
    if (sample === undefined) return;
    const keys: (readonly Uint8Array[])[] = [];
    const tasks = this.#job.summary.stages[sample.id]?.tasks ?? 0;
    for (let task = 0; task < tasks; task += 1) keys.push(await this.#sample(sample, task));
    this.#boundaries = boundariesOf(keys, this.#partitions);
  }

  async #sample(stage: Stage, task: number): Promise<readonly Uint8Array[]> {
    const { output } = stage;
    const tasks = this.#job.summary.stages[stage.id]?.tasks ?? 1;
    const recordsMax = output.type === "boundaries" ? output.sampleRecordsMax : 0;
    const split = this.#splits[Math.floor((task * this.#splits.length) / tasks)] ?? { ranges: [] };
    const common = await this.#attempt(stage, task);
    const sampleRecordsMax = Math.ceil(recordsMax / tasks);
    const options = { ...common, split, partitions: this.#partitions, boundaries: undefined };
    const { keys } = await runSampleAttempt({ ...options, sampleRecordsMax }, this.#ports(false));
    return keys;
  }

  #ports(isAskedFor: boolean): AttemptPorts {
    const { sinks } = this.#options;
    const source = createRecordSource(this.#definition.input.reader);
    return { source, sinks: isAskedFor && sinks !== undefined ? sinks : createSinkFactory() };
  }

  async #attempt(stage: Stage, task: number): Promise<AttemptOptions> {
    const { spec, summary } = this.#job;
    const { dir, log, onTask } = this.#options;
    onTask?.(stage.kind, task);
    const place = join(dir, `${stage.id}.${task}`);
    const [workDir, outputDir] = [join(place, "work"), join(place, "output")];
    mkdirSync(workDir, { recursive: true });
    mkdirSync(outputDir, { recursive: true });
    return {
      job: this.#definition,
      jobId: summary.id,
      stage: stage.kind,
      taskIndex: task,
      attempt: 1,
      params: await resolveParams(this.#definition, decodeValue(spec.params as Uint8Array)),
      memoryBytes: spec.options.memoryBytes,
      workDir,
      outputDir,
      collectRecords: false,
      log,
      signal: new AbortController().signal,
      onProgress: () => undefined,
    };
  }
}
