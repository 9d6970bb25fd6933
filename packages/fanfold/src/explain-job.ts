/** How a job would run, found out without running it: nothing is written, no user code but its top level is called. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type AnyJob, FanfoldError, type Split } from "@fanfold/job";
import { partitionsPerSlot } from "@fanfold/scheduler";
import { planSplits } from "@fanfold/storage";
import { bundleJob } from "./bundle-job.js";
import { prepareSubmission, type SubmitOptions } from "./submission.js";

export interface ExplainOptions extends Omit<SubmitOptions, "out" | "force"> {
  /** Executor processes that it would run on; default one a core. */
  readonly workers?: number;
}

export interface JobExplanation {
  readonly name: string;
  /** SHA-256 of the bundle, and its size. */
  readonly code: { readonly digest: string; readonly bytes: number };
  readonly input: {
    readonly reader: string;
    readonly files: number;
    readonly bytes: number;
    readonly splits: number;
    readonly smallestSplitBytes: number;
    readonly largestSplitBytes: number;
  };
  readonly stages: readonly ExplainedStage[];
  /** Of the shuffle; 0 for a map-only job. */
  readonly partitions: number;
  /** Who said how many there are. */
  readonly partitionsFrom: "option" | "job" | "workers" | "none";
  readonly partitioner: string;
  readonly writer: string;
  readonly slots: number;
  readonly memoryBytes: number;
}

export interface ExplainedStage {
  readonly id: number;
  readonly kind: "sample" | "map" | "reduce";
  readonly tasks: number;
  /** Rounds of tasks on all slots. */
  readonly waves: number;
  readonly after: readonly number[];
  /** The steps of a task, in order. */
  readonly steps: readonly ExplainedStep[];
}

export interface ExplainedStep {
  readonly what: string;
  /** `builtIn`: the engine's own code. `user`: a function of the job. */
  readonly runs: "builtIn" | "user";
}

/** @throws as `runJob`, for what is found before any work. */
export async function explainJob(module: string, options: ExplainOptions): Promise<JobExplanation> {
  const bundle = await bundleJob(module);
  const dir = mkdtempSync(join(tmpdir(), "fanfold-explain-"));
  try {
    const { job, spec } = await prepareSubmission(bundle, options, { dir, collectRecords: false });
    const { inputs, reader } = spec;
    const splits = await planSplits({ inputs, reader, splitBytes: spec.options.splitBytes });
    const slots = options.workers ?? availableParallelism();
    const isMapOnly = job.reduce === undefined;
    const asked = spec.options.reducers;
    const partitions = isMapOnly ? 0 : (asked ?? Math.max(2, partitionsPerSlot * slots));
    const tasksOf = { sample: 0, map: splits.length, reduce: partitions };
    return {
      name: job.name,
      code: { digest: bundle.digest, bytes: bundle.code.byteLength },
      input: { reader: reader.kind, ...sizesOf(splits) },
      stages: spec.plan.stages.map(({ id, kind, after, input }) => {
        const tasks = input.type === "splitSample" ? Math.min(input.tasksMax, splits.length) : tasksOf[kind];
        return { id, kind, tasks, waves: Math.ceil(tasks / slots), after, steps: stepsOf(kind, job) };
      }),
      partitions,
      partitionsFrom: isMapOnly
        ? "none"
        : options.reducers !== undefined
          ? "option"
          : asked === undefined
            ? "workers"
            : "job",
      partitioner: partitionerText(job),
      writer: job.output?.writer.kind ?? "jsonLines",
      slots,
      memoryBytes: spec.options.memoryBytes,
    };
  } catch (error) {
    throw FanfoldError.from(error);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function sizesOf(splits: readonly Split[]): Omit<JobExplanation["input"], "reader"> {
  const sizes = splits.map(({ ranges }) => ranges.reduce((sum, { start, end }) => sum + end - start, 0));
  const files = new Set(splits.flatMap(({ ranges }) => ranges.map(({ path }) => path)));
  return {
    files: files.size,
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    splits: splits.length,
    smallestSplitBytes: sizes.reduce((least, bytes) => Math.min(least, bytes), sizes[0] ?? 0),
    largestSplitBytes: sizes.reduce((most, bytes) => Math.max(most, bytes), 0),
  };
}

function stepsOf(kind: ExplainedStage["kind"], job: AnyJob): readonly ExplainedStep[] {
  const builtIn = (what: string): ExplainedStep => ({ what, runs: "builtIn" });
  const user = (what: string): ExplainedStep => ({ what, runs: "user" });
  const read = builtIn(`read ${job.input.reader.kind}`);
  const write = builtIn(`write ${job.output?.writer.kind ?? "jsonLines"}`);
  if (kind === "sample") return [read, user("map"), builtIn("sample keys")];
  if (kind === "reduce") {
    return [builtIn("fetch segments"), builtIn("merge by key"), reduceStep(job), write];
  }
  if (job.reduce === undefined) return [read, user("map"), write];
  return [read, user("map"), ...combineSteps(job), builtIn("sort by key"), builtIn("write segment")];

  function reduceStep({ reduce }: AnyJob): ExplainedStep {
    return typeof reduce === "object" ? builtIn(`reduce by ${reduce.kind}()`) : user("reduce");
  }

  function combineSteps({ combine }: AnyJob): readonly ExplainedStep[] {
    if (combine === undefined) return [];
    if (typeof combine === "function") return [user("combine")];
    const how = foldsNumbers(combine.kind) ? " in a flat table, while values are numbers" : "";
    return [builtIn(`combine by ${combine.kind}()${how}`)];
  }
}

function foldsNumbers(kind: string): boolean {
  return kind === "sum" || kind === "min" || kind === "max";
}

function partitionerText({ partitioner, reduce }: AnyJob): string {
  if (reduce === undefined) return "none";
  if (partitioner === undefined) return "stable hash of the key";
  return typeof partitioner === "function" ? "the job's own" : "ranges of keys, from a sample";
}
