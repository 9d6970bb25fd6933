/** Many seeds of one job: the face of this package. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import type { JobSpec } from "@fanfold/scheduler";
import { planSplits } from "@fanfold/storage";
import { bundleJob, prepareSubmission, type SubmitOptions } from "fanfold";
import { Chance } from "./chance.js";
import { allFaults, type Faults } from "./faults.js";
import { outputDifference } from "./output-difference.js";
import { runSeed, type SeedResult, type SimulatedJob } from "./run-seed.js";
import { runSequentially, type SequentialRun } from "./sequential-run.js";
import type { Impurities } from "./user-code.js";
import { UserCode } from "./user-code.js";

export interface SimulationOptions extends Omit<SubmitOptions, "out" | "force"> {
  /** Default {@link allFaults}. */
  readonly faults?: Faults;
  /** Default 3. */
  readonly coordinators?: number;
  /** Default 3. */
  readonly workers?: number;
  /** Attempts a worker runs at a time; default 2. */
  readonly slots?: number;
  /** For files of the simulated hosts; default in memory where the system has such a folder. */
  readonly tempDir?: string;
}

/** Small enough for a few tasks from a few kilobytes. */
const splitsAimedAt = 6;
const reducersDefault = 3;
const memoryBytes: number = 8 * 1024 * 1024;
/** Files in memory are an order of magnitude faster to make durable. */
const memoryDir = "/dev/shm";

/** A job made ready to live through any number of seeds. */
export class Simulation {
  /** What the job's code asks for that differs from run to run; empty for a job whose output depends on nothing else. */
  readonly impurities: ReadonlyMap<string, number>;
  /** How two undisturbed runs differ, in words; undefined when they are the same, as they should be. */
  readonly nonDeterminism: string | undefined;
  readonly splits: number;
  readonly #job: SimulatedJob;
  readonly #options: SimulationOptions;
  readonly #dir: string;

  /**
   * Bundles the job, and runs it twice from start to end, one task after the other.
   *
   * @throws as `runJob` does before any work, and what the job's code throws without any fault.
   */
  static async prepare(jobFile: string, options: SimulationOptions): Promise<Simulation> {
    const dir = mkdtempSync(join(options.tempDir ?? scratchDir(), "fanfold-sim-"));
    try {
      return await prepareIn(dir, jobFile, options);
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** Use {@link Simulation.prepare}. */
  constructor(prepared: Prepared, options: SimulationOptions) {
    this.#job = prepared.job;
    this.#dir = prepared.dir;
    this.#options = options;
    this.impurities = prepared.impurities;
    this.nonDeterminism = prepared.nonDeterminism;
    this.splits = prepared.job.expected.splits.length;
  }

  /** One life of a cluster. The same seed goes the same way each time. */
  run(seed: number, keepsTrace = false): Promise<SeedResult> {
    const { faults = allFaults, coordinators = 3, workers = 3, slots = 2 } = this.#options;
    const dir = join(this.#dir, "seed");
    return runSeed(this.#job, { seed, faults, coordinators, workers, slots, dir, keepsTrace });
  }

  /** Removes all files. */
  close(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

interface Prepared {
  readonly job: SimulatedJob;
  readonly dir: string;
  readonly impurities: Impurities;
  readonly nonDeterminism: string | undefined;
}

async function prepareIn(dir: string, jobFile: string, options: SimulationOptions): Promise<Simulation> {
  const bundle = await bundleJob(jobFile);
  const code = await UserCode.compile(bundle);
  const place = { dir: join(dir, "client"), collectRecords: false };
  const wanted = { memoryBytes, ...options, out: join(dir, "out") };
  const submission = await prepareSubmission(bundle, wanted, place);
  const spec = await withSmallTasks(submission.spec);
  const impurities: Impurities = new Map();
  const first = await sequentially(code, spec, { dir: join(dir, "first"), seed: 1, impurities });
  const second = await sequentially(code, spec, { dir: join(dir, "second"), seed: 2, impurities });
  const nonDeterminism = outputDifference(first.out, second.out, first.isRanged);
  const job = { code, spec, expected: first };
  return new Simulation({ job, dir, impurities, nonDeterminism }, options);
}

async function sequentially(
  code: UserCode,
  spec: JobSpec,
  { dir, seed, impurities }: { readonly dir: string; readonly seed: number; readonly impurities: Impurities },
): Promise<SequentialRun> {
  mkdirSync(dir, { recursive: true });
  const clock = {
    nowMs: () => seed,
    elapsedMs: () => seed,
    after: () => () => undefined,
    every: () => () => undefined,
  };
  const job = code.load({ chance: new Chance(seed), clock, impurities });
  return await runSequentially(job, spec, dir);
}

/** A handful of tasks even from a small input; as many partitions whatever number of slots there is. */
async function withSmallTasks(spec: JobSpec): Promise<JobSpec> {
  const { inputs, reader, options } = spec;
  const reducers = options.reducers ?? reducersDefault;
  if (options.splitBytes !== undefined) return { ...spec, options: { ...options, reducers } };
  const splits = await planSplits({ inputs, reader, splitBytes: undefined });
  const paths = new Set(splits.flatMap(({ ranges }) => ranges.map(({ path }) => path)));
  const bytes = [...paths].reduce((total, path) => total + statSync(path).size, 0);
  const splitBytes = Math.max(1, Math.ceil(bytes / splitsAimedAt));
  return { ...spec, options: { ...options, reducers, splitBytes } };
}

function scratchDir(): string {
  try {
    return statSync(memoryDir).isDirectory() ? memoryDir : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** @throws `USAGE` for a number of hosts that no cluster has. */
export function checkSizes({ coordinators = 3, workers = 3 }: SimulationOptions): void {
  if (![1, 3, 5].includes(coordinators)) throw new FanfoldError("USAGE", "There are 1, 3 or 5 coordinators.");
  if (workers < 1 || workers > workersMax) {
    throw new FanfoldError("USAGE", `There are 1 to ${workersMax} workers in a simulation.`);
  }
}

const workersMax = 50;
