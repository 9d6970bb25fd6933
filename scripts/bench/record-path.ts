/**
 * A job's record path by itself: the same reader, map, shuffle files, merge, reduce and writer that an executor runs,
 * one attempt after the other in this process. What the framework adds to it is the difference to `fanfold run`; and
 * unlike an executor, this process can be profiled.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRecordSource, createSinkFactory, planSplits } from "@fanfold/storage";
import { type AnyJob, bundleJob } from "fanfold";
import type * as Dataflow from "../../packages/dataflow/dist/index.js";
import { jobFile, repositoryRoot } from "./contender.js";

export interface RecordPathRequest {
  /** Name of a job in `jobs/`. */
  readonly job: string;
  readonly input: string;
  /** A folder that is made, and replaced when there is one. */
  readonly output: string;
  readonly partitions: number;
}

/** Runs a phase; a profiler sets itself around it. */
export type PhaseRunner = <T>(name: "sample" | "map" | "reduce", phase: () => Promise<T>) => Promise<T>;

type Split = Awaited<ReturnType<typeof planSplits>>[number];

interface Attempts {
  readonly dataflow: typeof Dataflow;
  readonly job: AnyJob;
  readonly ports: Dataflow.AttemptPorts;
  readonly request: RecordPathRequest;
  readonly workDir: string;
}

/** What an embedded cluster samples from. */
const sampleSplitsMax = 8;

export async function runRecordPath(request: RecordPathRequest, runPhase: PhaseRunner): Promise<void> {
  rmSync(request.output, { recursive: true, force: true });
  const workDir = `${request.output}.work`;
  rmSync(workDir, { recursive: true, force: true });
  mkdirSync(workDir, { recursive: true });
  mkdirSync(request.output);
  try {
    const job = await loadJob(request.job, workDir);
    const ports = { source: createRecordSource(job.input.reader), sinks: createSinkFactory() };
    const attempts: Attempts = { dataflow: await loadDataflow(), job, ports, request, workDir };
    const splits = await planSplits({
      inputs: [request.input],
      reader: job.input.reader,
      splitBytes: undefined,
    });
    const boundaries = await sampled(attempts, splits, runPhase);
    const segments = await runPhase("map", () => mapAll(attempts, splits, boundaries));
    await runPhase("reduce", () => reduceAll(attempts, segments));
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** `dataflow` is no dependency of the workspace's root: it is found where the worker finds it. */
async function loadDataflow(): Promise<typeof Dataflow> {
  const require = createRequire(join(repositoryRoot, "packages/worker/package.json"));
  return (await import(pathToFileURL(require.resolve("@fanfold/dataflow")).href)) as typeof Dataflow;
}

async function loadJob(name: string, dir: string): Promise<AnyJob> {
  const bundle = await bundleJob(jobFile(name));
  const path = join(dir, `${name}.mjs`);
  writeFileSync(path, bundle.code);
  return ((await import(pathToFileURL(path).href)) as { readonly default: AnyJob }).default;
}

async function sampled(
  attempts: Attempts,
  splits: readonly Split[],
  runPhase: PhaseRunner,
): Promise<readonly Uint8Array[] | undefined> {
  const { job, dataflow, request } = attempts;
  if (typeof job.partitioner !== "object") return undefined;
  const { sampleRecordsMax: recordsMax } = job.partitioner;
  const stride = Math.max(1, Math.floor(splits.length / sampleSplitsMax));
  const chosen = splits.filter((_, index) => index % stride === 0).slice(0, sampleSplitsMax);
  const sampleRecordsMax = Math.ceil(recordsMax / chosen.length);
  return runPhase("sample", async () => {
    const keys: Uint8Array[] = [];
    for (const [index, split] of chosen.entries()) {
      const options = { ...optionsFor(attempts, "sample", index), split, boundaries: undefined };
      const partitions = request.partitions;
      const sample = await dataflow.runSampleAttempt(
        { ...options, partitions, sampleRecordsMax },
        attempts.ports,
      );
      keys.push(...sample.keys);
    }
    return dataflow.boundariesFrom(keys, request.partitions);
  });
}

async function mapAll(
  attempts: Attempts,
  splits: readonly Split[],
  boundaries: readonly Uint8Array[] | undefined,
): Promise<string[]> {
  const segments: string[] = [];
  for (const [index, split] of splits.entries()) {
    const options = { ...optionsFor(attempts, "map", index), split, boundaries };
    const { partitions } = attempts.request;
    const { segment } = await attempts.dataflow.runMapAttempt({ ...options, partitions }, attempts.ports);
    if (segment === undefined) throw new Error(`map task ${index} left no segment`);
    segments.push(segment.path);
  }
  return segments;
}

async function reduceAll(attempts: Attempts, segments: readonly string[]): Promise<void> {
  const indexes = segments.map((path) => ({ path, index: attempts.dataflow.readSegmentIndex(path) }));
  for (let partition = 0; partition < attempts.request.partitions; partition += 1) {
    const slices = indexes.map(({ path, index }, order): Dataflow.SegmentSlice => {
      const range = index.partition(partition);
      return { path, start: range.offset, end: range.offset + range.bytes, order };
    });
    const options = { ...optionsFor(attempts, "reduce", partition), partition, segments: slices };
    const { outputs } = await attempts.dataflow.runReduceAttempt(options, attempts.ports);
    for (const { path } of outputs) {
      const part = basename(path).replace("part", `part-${String(partition).padStart(5, "0")}`);
      renameSync(path, join(attempts.request.output, part));
    }
  }
}

function optionsFor(
  attempts: Attempts,
  stage: "sample" | "map" | "reduce",
  taskIndex: number,
): Dataflow.AttemptOptions {
  const workDir = join(attempts.workDir, `${stage}-${taskIndex}`);
  mkdirSync(workDir);
  return {
    job: attempts.job,
    jobId: "bench",
    stage,
    taskIndex,
    attempt: 1,
    params: {},
    memoryBytes: attempts.dataflow.memoryBytesDefault,
    workDir,
    outputDir: workDir,
    collectRecords: false,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    signal: new AbortController().signal,
    onProgress: quiet,
  };
}

function quiet(): void {
  // Nobody looks on.
}
