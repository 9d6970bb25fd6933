/** From a job file and the caller's wishes to what is submitted: everything that can be refused early is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve as resolvePath, sep } from "node:path";
import { encodeValue } from "@fanfold/dataflow";
import { type AnyJob, compilePlan, FanfoldError, isOutputName, reducersMax } from "@fanfold/job";
import type { JobSpec } from "@fanfold/scheduler";
import { loadJob, resolveParams } from "@fanfold/worker";
import type { Bundle } from "./bundle-job.js";

export interface SubmitOptions {
  /** Files, folders and globs; relative ones from the working directory. */
  readonly inputs: string | readonly string[];
  /** Output folder; must not exist unless `force`. Without it nothing is published, and `run.output()` has the result. */
  readonly out?: string;
  /** Replace an existing output folder, at the moment of publication. */
  readonly force?: boolean;
  /** Partitions of the shuffle; goes before the job's own `reducers`. */
  readonly reducers?: number;
  /** Target size of a split in bytes. */
  readonly splitBytes?: number;
  /** Memory for the buffers of one executor, in bytes; default 256 MiB. */
  readonly memoryBytes?: number;
  /** Tries of one task; default 4 for code that throws, 10 for executors that die. */
  readonly maxAttempts?: number;
  /** `false`: slow tasks get no second attempt. Default true. */
  readonly backups?: boolean;
  /** `false`: reduce tasks begin when all maps are done; else some, in free slots, fetch what is there before. Default true. */
  readonly earlyFetch?: boolean;
  /** An attempt that shows no progress for so many milliseconds is ended, and counts as failed; default 600,000. */
  readonly stallTimeoutMs?: number;
  /**
   * Bad records that the whole job may skip: records that cannot be parsed or that `map` throws at, keys that `reduce`
   * throws at. They are counted, and saved in `_skipped` of the output; one more fails the job. Default 0.
   */
  readonly skipBadRecords?: number;
  /**
   * Workers that hold each map output: 1, or 2 so that the death of a worker has nothing run again, at the price of a
   * second copy on the network and the disk. Default 1.
   */
  readonly shuffleReplicas?: number;
  /**
   * Named outputs that go to folders of their own, by the output's name. They appear together with `out`, or not at
   * all.
   */
  readonly folders?: Readonly<Record<string, string>>;
  /** Parameters of the job, as its schema takes them; any plain values. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface Submission {
  readonly bundle: Bundle;
  readonly job: AnyJob;
  readonly spec: JobSpec;
}

/** More bad records than this are not bad records but another format. */
const skipBadRecordsMax = 1_000_000;
const defaultMemoryBytes: number = 256 * 1024 * 1024;
/** The engine's buffers do not work with less. */
export const memoryBytesMin: number = 8 * 1024 * 1024;

/**
 * @param place.dir a folder for the bundle, to load the job's definition from.
 * @throws `JOB_LOAD_FAILED`, `JOB_NO_DEFAULT_EXPORT`, `JOB_INVALID`, `PARAMS_INVALID`, `USAGE`.
 */
export async function prepareSubmission(
  bundle: Bundle,
  options: SubmitOptions,
  place: { readonly dir: string; readonly collectRecords: boolean },
): Promise<Submission> {
  const job = await loadDefinition(bundle, place.dir);
  const params = options.params ?? {};
  await resolveParams(job, params);
  const inputs = inputList(options.inputs).map((input) => resolvePath(input));
  checkOutput(options, bundle);
  if (inputs.length === 0) throw new FanfoldError("USAGE", "A job needs an input: files, folders or globs.");
  const reducers = options.reducers ?? job.reducers;
  checkWhole("reducers", reducers, 1, reducersMax);
  checkWhole("maxAttempts", options.maxAttempts, 1, 1_000);
  checkWhole("stallTimeoutMs", options.stallTimeoutMs, 1, Number.MAX_SAFE_INTEGER);
  checkWhole("skipBadRecords", options.skipBadRecords, 0, skipBadRecordsMax);
  checkWhole("shuffleReplicas", options.shuffleReplicas, 1, 2);
  checkWhole("splitBytes", options.splitBytes, 1, Number.MAX_SAFE_INTEGER);
  checkWhole("memoryBytes", options.memoryBytes, memoryBytesMin, Number.MAX_SAFE_INTEGER);
  const spec: JobSpec = {
    name: job.name,
    bundle: bundle.digest,
    plan: compilePlan(job),
    inputs,
    reader: job.input.reader,
    out: options.out === undefined ? null : resolvePath(options.out),
    ...participantsOf(job, options),
    options: {
      memoryBytes: options.memoryBytes ?? defaultMemoryBytes,
      force: options.force ?? false,
      collectRecords: place.collectRecords,
      ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
      ...(options.backups === undefined ? {} : { backups: options.backups }),
      ...(options.earlyFetch === undefined ? {} : { earlyFetch: options.earlyFetch }),
      ...(options.stallTimeoutMs === undefined ? {} : { stallTimeoutMs: options.stallTimeoutMs }),
      ...(options.splitBytes === undefined ? {} : { splitBytes: options.splitBytes }),
      ...(options.skipBadRecords === undefined ? {} : { skipBadRecords: options.skipBadRecords }),
      ...(options.shuffleReplicas === undefined ? {} : { shuffleReplicas: options.shuffleReplicas }),
      ...(reducers === undefined ? {} : { reducers }),
    },
    params: encodeValue(params),
  };
  return { bundle, job, spec };
}

/** Where named outputs go that do not lie in the output folder. @throws `USAGE` */
function participantsOf(job: AnyJob, options: SubmitOptions): Pick<JobSpec, "folders" | "sinks"> {
  const sinks = Object.keys(job.sinks ?? {});
  const folders = Object.entries(options.folders ?? {}).map(([output, folder]) => {
    if (!isOutputName(output))
      throw new FanfoldError(
        "OUTPUT_NAME_INVALID",
        `${JSON.stringify(output)} cannot be the name of an output`,
      );
    if (sinks.includes(output))
      throw new FanfoldError(
        "USAGE",
        `The output ${output} goes to the job's own sink, and not to a folder.`,
      );
    checkDeclared(output, job);
    return { output, out: resolvePath(folder) };
  });
  if (options.out === undefined && folders.length + sinks.length > 0)
    throw new FanfoldError("USAGE", "Folders and sinks of named outputs need an output folder as well.");
  const outs = [...folders.map(({ out }) => out), resolvePath(options.out ?? "")];
  const nested = outs.find((out) => outs.some((other) => out !== other && out.startsWith(`${other}${sep}`)));
  if (new Set(outs).size < outs.length || nested !== undefined)
    throw new FanfoldError("USAGE", "Output folders must be different, and none inside another.");
  return { ...(folders.length === 0 ? {} : { folders }), ...(sinks.length === 0 ? {} : { sinks }) };
}

/** A folder for an output that cannot be written would stay empty, and nobody would know why. */
function checkDeclared(output: string, { outputs }: AnyJob): void {
  if (outputs === undefined || Object.hasOwn(outputs, output)) return;
  const declared = Object.keys(outputs).join(", ");
  throw new FanfoldError(
    "OUTPUT_NAME_INVALID",
    `The job has no output ${output} that could have a folder of its own; its outputs: ${declared}.`,
  );
}

async function loadDefinition(bundle: Bundle, dir: string): Promise<AnyJob> {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${bundle.digest}.mjs`);
  writeFileSync(path, bundle.code);
  // What the module throws names the author's lines. A program that maps its own stacks keeps doing so.
  const before = (process as { sourceMapsEnabled?: boolean }).sourceMapsEnabled ?? false;
  process.setSourceMapsEnabled(true);
  try {
    return await loadJob(path, bundle.jobFile);
  } finally {
    process.setSourceMapsEnabled(before);
  }
}

/** What `--force` would destroy without anybody having meant it. */
function checkOutput({ out, force }: SubmitOptions, bundle: Bundle): void {
  if (out === undefined) return;
  if (typeof out !== "string" || out === "") {
    throw new FanfoldError("USAGE", "The output is a folder: it needs a name.");
  }
  if (force === true && bundle.jobFile.startsWith(`${resolvePath(out)}${sep}`)) {
    throw new FanfoldError(
      "USAGE",
      `The job file ${bundle.jobFile} is in the output folder, and would be replaced.`,
    );
  }
}

function inputList(inputs: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(inputs) ? inputs : [inputs];
  const remote = list.find((input) => typeof input === "string" && /^[a-z][a-z0-9+.-]*:\/\//i.test(input));
  if (remote !== undefined)
    throw new FanfoldError("USAGE", `${String(remote)} cannot be read: inputs are files.`);
  if (list.every((input) => typeof input === "string" && input !== "")) return list as string[];
  throw new FanfoldError("USAGE", "Inputs are names of files and folders, or globs.");
}

function checkWhole(name: string, value: number | undefined, low: number, high: number): void {
  if (value === undefined) return;
  if (Number.isSafeInteger(value) && value >= low && value <= high) return;
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
  throw new FanfoldError("USAGE", `${name} must be a whole number ${range}, not ${String(value)}.`);
}
