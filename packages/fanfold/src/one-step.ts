/** One step of a job by itself, in this process: for looking at what `map` or `reduce` does. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type MapAttemptOptions,
  readSegmentIndex,
  runMapAttempt,
  runReduceAttempt,
  type SegmentSlice,
  type SinkFactory,
} from "@fanfold/dataflow";
import { type AnyJob, FanfoldError, type JobLog, textLines } from "@fanfold/job";
import { createRecordSource, planSplits } from "@fanfold/storage";
import { loadJob, resolveParams } from "@fanfold/worker";
import { bundleJob } from "./bundle-job.js";

export interface StepOptions {
  readonly params: Readonly<Record<string, unknown>>;
  /** Absolute path. */
  readonly input: string;
  /** Empty, for the step alone. */
  readonly dir: string;
  readonly log: JobLog;
  /** Where the pairs go; the main output's stem ends in `part`. */
  readonly sinks: SinkFactory;
}

/** Memory for the buffers of the one step. */
const memoryBytes: number = 256 * 1024 * 1024;

/** What the attempt of a step has in common with any. */
type Common = Omit<MapAttemptOptions, "split" | "partitions" | "boundaries">;

/** The records of `input`, in the job's own format, through `map`. @throws as a run of the job. */
export async function runMapStep(jobFile: string, options: StepOptions): Promise<void> {
  const common = await prepare(jobFile, "map", options);
  await mapAll({ ...common, partitions: 0 }, options);
}

/**
 * Pairs, one a line of `input`, sorted by key, through `reduce`. `parse` makes a pair of a line and its number.
 *
 * @throws as a run of the job; `USAGE` for a job without `reduce`; what `parse` throws.
 */
export async function runReduceStep(
  jobFile: string,
  options: StepOptions,
  parse: (line: string, number: number) => readonly [key: unknown, value: unknown],
): Promise<void> {
  const common = await prepare(jobFile, "reduce", options);
  const { job } = common;
  if (job.reduce === undefined) throw new FanfoldError("USAGE", `${job.name} has no reduce.`);
  const segment = await mapAll({ ...common, job: sorterOf(job, parse), partitions: 1 }, options);
  const segments: SegmentSlice[] = [];
  if (segment !== undefined) {
    const { offset, bytes } = readSegmentIndex(segment.path).partition(0);
    segments.push({ path: segment.path, start: offset, end: offset + bytes, order: 0 });
  }
  const ports = { source: createRecordSource(textLines().reader), sinks: options.sinks };
  await runReduceAttempt({ ...common, stage: "reduce", partition: 0, segments }, ports);
}

/** A map task whose records are the lines; its segment has them in the order that reduce wants. */
function sorterOf(job: AnyJob, parse: Parameters<typeof runReduceStep>[2]): AnyJob {
  let number = 0;
  const { combine: _combine, setup: _setup, teardown: _teardown, partitioner: _own, ...rest } = job;
  return {
    ...rest,
    input: textLines(),
    map: (line: string, emit) => {
      number += 1;
      if (line === "") return;
      const [key, value] = parse(line, number);
      emit(key as never, value as never);
    },
  };
}

async function mapAll(
  common: Common & { readonly partitions: number },
  { input, sinks }: StepOptions,
): Promise<{ readonly path: string } | undefined> {
  const { reader } = common.job.input;
  const splits = await planSplits({ inputs: [input], reader, splitBytes: undefined });
  const split = { ranges: splits.flatMap(({ ranges }) => ranges) };
  const ports = { source: createRecordSource(reader), sinks };
  const { segment } = await runMapAttempt({ ...common, split, boundaries: undefined }, ports);
  return segment;
}

async function prepare(
  jobFile: string,
  stage: "map" | "reduce",
  { params, dir, log }: StepOptions,
): Promise<Common> {
  const bundle = await bundleJob(jobFile);
  const path = join(dir, `${bundle.digest}.mjs`);
  writeFileSync(path, bundle.code);
  const job = await loadJob(path, jobFile);
  const [workDir, outputDir] = [join(dir, "work"), join(dir, "output")];
  mkdirSync(workDir);
  mkdirSync(outputDir);
  return {
    job,
    jobId: "here",
    stage,
    taskIndex: 0,
    attempt: 1,
    params: await resolveParams(job, params),
    memoryBytes,
    workDir,
    outputDir,
    collectRecords: false,
    log,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  };
}
