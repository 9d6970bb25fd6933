/**
 * One life of a cluster: starts it, submits the job, lets the seed's faults come, heals everything, and judges what
 * has become of the job.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import { isFinalState, type JobSpec, type JobSummary } from "@fanfold/scheduler";
import { readManifest } from "@fanfold/storage";
import { pause } from "@fanfold/transport";
import { CoordinatorClient, isPassing } from "fanfold";
import { Cluster, clusterToken } from "./cluster.js";
import { type FaultPlan, type Faults, planFaults } from "./faults.js";
import { Nemesis } from "./nemesis.js";
import { Onlooker } from "./onlooker.js";
import { outputDifference } from "./output-difference.js";
import type { SequentialRun } from "./sequential-run.js";
import { Trace } from "./trace.js";
import type { UserCode } from "./user-code.js";
import { World } from "./world.js";

/** A job that has not ended so long after everything was healed never will: twice what the slowest seed took. */
const hangMs = 180_000;
/** By then workers have heard that the job is over, and have removed its files. */
const cleanUpMs = 30_000;
const stepMs = 100;
/** Node's default. Errors' stacks are logged: where a test runner asks for more of them, the course is the same. */
const stackFrames = 10;
const pollMs = 100;

export interface SeedOptions {
  readonly seed: number;
  readonly faults: Faults;
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
  /** Empty or missing; removed afterwards. */
  readonly dir: string;
  readonly keepsTrace: boolean;
}

export interface SimulatedJob {
  readonly code: UserCode;
  readonly spec: JobSpec;
  readonly expected: SequentialRun;
}

export interface SeedResult {
  readonly seed: number;
  /** How the job ended; undefined when it did not. */
  readonly state: JobSummary["state"] | undefined;
  /** What is wrong, in words; undefined when nothing is. */
  readonly failure: string | undefined;
  /** Why the job failed, where it did for a good reason. */
  readonly error: ErrorReport | undefined;
  /** SHA-256 over all events: two runs with the same one went the same way. */
  readonly traceHash: string;
  readonly events: number;
  readonly trace: readonly string[];
  readonly virtualMs: number;
  /** Consistent pictures that were taken of the cluster; what they show must add up. */
  readonly pictures: number;
  /** What the job's code asked for that differs from run to run. */
  readonly impurities: ReadonlyMap<string, number>;
}

export async function runSeed(job: SimulatedJob, options: SeedOptions): Promise<SeedResult> {
  const trace = new Trace(options.keepsTrace);
  const world = new World(options.seed, trace);
  const plan = planFaults(options.faults, world.chance("plan"));
  const cluster = new Cluster(world, { ...options, ...plan, inputs: job.spec.inputs }, job.code);
  const onStray = (thrown: unknown): void => world.stray(thrown);
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = stackFrames;
  process.on("unhandledRejection", onStray);
  mkdirSync(join(options.dir, "out"), { recursive: true });
  let summary: JobSummary | undefined;
  let failure: string | undefined;
  let pictures = 0;
  try {
    const life = new Life(job, cluster, plan, options.dir);
    ({ summary, failure } = await life.run());
    pictures = life.pictures;
  } catch (error) {
    failure = `the cluster broke: ${FanfoldError.from(error).message}`;
  } finally {
    for (const host of cluster.hosts) host.process?.end();
    process.off("unhandledRejection", onStray);
    Error.stackTraceLimit = stackTraceLimit;
    rmSync(options.dir, { recursive: true, force: true });
  }
  return {
    seed: options.seed,
    state: summary?.state,
    failure,
    error: summary?.error ?? undefined,
    traceHash: trace.digest(),
    events: trace.count,
    trace: trace.lines,
    virtualMs: world.nowMs,
    pictures,
    impurities: cluster.impurities,
  };
}

class Life {
  readonly #job: SimulatedJob;
  readonly #cluster: Cluster;
  readonly #out: string;
  readonly #nemesis: Nemesis;
  readonly #shuffleReplicas: number;
  #summary: JobSummary | undefined;
  /** Of the running cluster, that were taken and checked. */
  pictures = 0;

  constructor(job: SimulatedJob, cluster: Cluster, plan: FaultPlan, dir: string) {
    const { spec } = job;
    this.#job = job;
    this.#cluster = cluster;
    this.#out = join(dir, "out", "result");
    this.#nemesis = new Nemesis(cluster, plan);
    this.#shuffleReplicas = spec.options.shuffleReplicas ?? plan.shuffleReplicas;
  }

  async run(): Promise<{ summary: JobSummary | undefined; failure: string | undefined }> {
    const { world } = this.#cluster;
    this.#cluster.start();
    this.#follow().catch((error: unknown) => world.fail(error as Error));
    const onlooker = new Onlooker(this.#cluster);
    onlooker.watch(() => this.#summary !== undefined).catch((error: unknown) => world.fail(error as Error));
    this.#nemesis.begin();
    const isOver = (): boolean => this.#summary !== undefined;
    await world.run(() => isOver() || this.#nemesis.isOver, Number.POSITIVE_INFINITY);
    this.#nemesis.heal();
    const ended = await world.run(isOver, world.nowMs + hangMs);
    if (!ended) return { summary: undefined, failure: "the job did not end, long after all was healed" };
    const leftovers = await this.#cleanedUp();
    this.pictures = onlooker.pictures;
    return { summary: this.#summary, failure: this.#judge() ?? leftovers ?? onlooker.violation };
  }

  /** Submits the job and asks for it until it is over, as a user would who loses the connection now and then. */
  async #follow(): Promise<void> {
    const { surroundings } = this.#cluster.process("client");
    const target = { coordinators: this.#cluster.urls, token: clusterToken, surroundings };
    for (;;) {
      try {
        const client = await CoordinatorClient.connect(target);
        this.#summary = await this.#followBy(client, () => pause(surroundings.clock, pollMs));
        client.close();
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await pause(surroundings.clock, pollMs);
      }
    }
  }

  async #followBy(client: CoordinatorClient, rest: () => Promise<void>): Promise<JobSummary> {
    const { code, spec } = this.#job;
    await client.request({ type: "putBundle", digest: code.digest, code: code.token });
    const options = { ...spec.options, shuffleReplicas: this.#shuffleReplicas };
    const submitted = { ...spec, bundle: code.digest, out: this.#out, options };
    const answer = await client.request({ type: "submit", key: "simulated", spec: submitted });
    if (answer.type !== "accepted")
      throw new FanfoldError("INTERNAL", `A submit was answered by ${answer.type}.`);
    for (;;) {
      const found = await client.request({ type: "getJob", jobId: answer.jobId });
      if (found.type === "job" && isFinalState(found.job.state)) return found.job;
      await rest();
    }
  }

  #judge(): string | undefined {
    const { expected } = this.#job;
    const summary = this.#summary;
    if (summary === undefined) return "the job did not end";
    const isThere = existsSync(this.#out);
    if (summary.state !== "succeeded") {
      if (isThere) return `the job ${summary.state}, and yet its output is there`;
      return isLegitimate(summary.error)
        ? undefined
        : `the job ${summary.state}: ${summary.error?.message ?? ""}`;
    }
    if (!isThere) return "the job succeeded, but there is no output";
    const difference = outputDifference(expected.out, this.#out, expected.isRanged);
    if (difference !== undefined) return `the output is wrong: ${difference}`;
    return this.#publishedOnce(summary) ?? this.#countedTwice(summary);
  }

  /** Prepared once, after the last task and before the decision that is in the log. */
  #publishedOnce({ id, times, stages }: JobSummary): string | undefined {
    const { jobId, createdAt } = readManifest(this.#out);
    if (jobId !== id) return `the output is that of job ${jobId}, not ${id}`;
    const madeMs = Date.parse(createdAt);
    const doneMs = Math.max(...stages.map(({ finishedMs }) => finishedMs ?? 0));
    const decidedMs = times.committedMs ?? 0;
    if (doneMs <= madeMs && madeMs <= decidedMs) return undefined;
    const decided = new Date(decidedMs).toISOString();
    return `published by a preparation of ${createdAt}, and not of before the decision of ${decided}`;
  }

  /** Counters and records come from one attempt a task, whatever number ran. */
  #countedTwice(summary: JobSummary): string | undefined {
    const { counters, recordsIn } = this.#job.expected;
    const names = new Set([...Object.keys(counters), ...Object.keys(summary.counters)]);
    for (const name of names) {
      const found = summary.counters[name] ?? 0;
      const wanted = counters[name] ?? 0;
      if (found !== wanted) return `the counter ${name} is ${found}, not ${wanted}`;
    }
    const map = summary.stages.find(({ kind }) => kind === "map");
    const mapped = map?.metrics["recordsIn"] ?? 0;
    return mapped === recordsIn ? undefined : `${mapped} records were mapped, not ${recordsIn}`;
  }

  /** What is still there of the job some time after its end. */
  async #cleanedUp(): Promise<string | undefined> {
    const { world } = this.#cluster;
    const untilMs = world.nowMs + cleanUpMs;
    for (;;) {
      const left = this.#leftovers();
      if (left.length === 0) return undefined;
      if (world.nowMs >= untilMs) return `files are left: ${left.join(", ")}`;
      await world.run(() => false, world.nowMs + stepMs);
    }
  }

  #leftovers(): string[] {
    const name = this.#out.slice(dirname(this.#out).length + 1);
    const beside = readdirSync(dirname(this.#out)).filter((entry) => entry !== name);
    const held = this.#cluster.workers.flatMap((worker) => {
      const jobs = join(this.#cluster.dataDirOf(worker), "jobs");
      return existsSync(jobs) ? readdirSync(jobs).map((job) => `${worker.name}/jobs/${job}`) : [];
    });
    return [...beside, ...held];
  }
}

/** What may end a job on a cluster as bad as this one; anything else is a bug, here or in the job. */
const legitimate: ReadonlySet<string> = new Set(["EXECUTOR_EXITED"]);

function isLegitimate(error: ErrorReport | null): boolean {
  return error !== null && legitimate.has(error.code);
}
