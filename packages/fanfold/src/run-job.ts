/** The programmatic API: run a job on a cluster of this machine, or submit it to one that is there. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve as resolvePath } from "node:path";
import { fileURLToPath } from "node:url";
import { type AnyJob, FanfoldError } from "@fanfold/job";
import { type Bundle, bundleJob } from "./bundle-job.js";
import { type ClientOptions, CoordinatorClient, whileLeadersChange } from "./coordinator-client.js";
import { JobRun } from "./job-run.js";
import { LocalCluster, type LocalClusterOptions } from "./local-cluster.js";
import { prepareSubmission, type Submission, type SubmitOptions } from "./submission.js";

export interface RunOptions extends SubmitOptions {
  /** Executor processes; default one a core. */
  readonly workers?: number;
  /** Aborting cancels the job. */
  readonly signal?: AbortSignal;
  /** Keep the output as typed records for `run.output()`; default true. */
  readonly collectRecords?: boolean;
  /** Where spills, segments and records go while the job runs; default the system's folder for temporary files. */
  readonly tempDir?: string;
  /** All in this process, one task at a time: for a debugger. User code that exits takes this process along. */
  readonly inline?: boolean;
}

/**
 * Runs a job on a cluster of this machine that lives as long as the job. Resolves when the job is submitted; follow
 * it by `run.events()`, await it by `run.result()`, read it by `run.output()`.
 *
 * A job is named by its module, so that no closure is shipped by accident; its types come from
 * `runJob<typeof job>(new URL("./job.ts", import.meta.url), …)`.
 *
 * @throws what is found before any work: `JOB_NOT_FOUND`, `JOB_BUNDLE_FAILED`, `JOB_INVALID`, `PARAMS_INVALID`, `USAGE` …
 */
export async function runJob<J extends AnyJob = AnyJob>(
  module: URL | string,
  options: RunOptions,
): Promise<JobRun<J>> {
  options.signal?.throwIfAborted();
  const jobFile = pathOf(module);
  // Executors start while the job is being bundled.
  const starting = LocalCluster.start(clusterOptions(options));
  const bundling = bundleJob(jobFile);
  const [cluster, bundle] = await settleBoth(starting, bundling);
  try {
    return await runOn<J>(cluster, bundle, options);
  } catch (error) {
    await cluster.close();
    cluster.removeFiles();
    throw error;
  }
}

function clusterOptions(options: RunOptions): LocalClusterOptions {
  const { workers, tempDir, inline } = options;
  if (workers !== undefined && !(Number.isSafeInteger(workers) && workers >= 1 && workers <= workersMax)) {
    throw new FanfoldError(
      "USAGE",
      `workers must be a whole number from 1 to ${workersMax}, not ${String(workers)}.`,
    );
  }
  return {
    ...(workers === undefined ? {} : { workers }),
    ...(tempDir === undefined ? {} : { tempDir }),
    ...(inline === undefined ? {} : { isInline: inline }),
  };
}

/** More executor processes than this on one machine is a slip of the finger. */
const workersMax = 1_024;

async function settleBoth(
  starting: Promise<LocalCluster>,
  bundling: Promise<Bundle>,
): Promise<[LocalCluster, Bundle]> {
  const [cluster, bundle] = await Promise.allSettled([starting, bundling]);
  if (cluster.status === "rejected") throw cluster.reason;
  if (bundle.status === "rejected") {
    await cluster.value.close();
    cluster.value.removeFiles();
    throw bundle.reason;
  }
  return [cluster.value, bundle.value];
}

async function runOn<J extends AnyJob>(
  cluster: LocalCluster,
  bundle: Bundle,
  options: RunOptions,
): Promise<JobRun<J>> {
  const collectRecords = options.collectRecords ?? true;
  cluster.preload(bundle, "job");
  const dir = join(cluster.dataDir, "client");
  // Without an output folder, the job publishes into the cluster's own, which goes with it.
  const out = options.out ?? join(cluster.dataDir, "output");
  const submission = await prepareSubmission(bundle, { ...options, out }, { dir, collectRecords });
  const target = { coordinators: [cluster.url], token: cluster.token };
  const jobId = await submit(submission, target);
  const abandon = (): void => cluster.abandonJob(jobId, resolvePath(out));
  abandonAtExit(abandon);
  const cancel = (): void => void run.cancel().catch(() => undefined);
  const run: JobRun<J> = new JobRun<J>({
    ...target,
    jobId,
    hidesOutput: options.out === undefined,
    onEnd: async () => {
      await cluster.endJob(jobId, resolvePath(out));
      options.signal?.removeEventListener("abort", cancel);
      await cluster.close();
      if (collectRecords) return;
      cluster.removeFiles();
      unfinished.delete(abandon);
    },
    onClose: () => {
      unfinished.delete(abandon);
      cluster.removeFiles();
    },
  });
  try {
    await run.follow();
    // From here on: listing a large input takes its time too.
    if (options.signal?.aborted === true) cancel();
    else options.signal?.addEventListener("abort", cancel, { once: true });
    // What the planning of the job finds is found before any work.
    if (!(await run.planned())) await run.result();
  } catch (error) {
    unfinished.delete(abandon);
    throw error;
  }
  return run;
}

export interface RemoteOptions extends SubmitOptions {
  /** URLs of the coordinators. */
  readonly coordinators: readonly string[];
  readonly token: string;
  /** Encrypted ones, for a cluster with TLS: `securedBy({ ca }, systemSurroundings)`. */
  readonly surroundings?: ClientOptions["surroundings"];
  /** Chosen by the caller: submitting again with the same key gives the same job. */
  readonly key?: string;
}

/**
 * Submits a job to a running cluster. Its inputs and output must be paths that the workers see. Resolves when the
 * coordinator has accepted it; the job goes on whether or not this process does.
 *
 * @throws as `runJob`; `NO_COORDINATOR`, `UNAUTHORIZED`.
 */
export async function submitJob<J extends AnyJob = AnyJob>(
  module: URL | string,
  options: RemoteOptions,
): Promise<JobRun<J>> {
  const bundle = await bundleJob(pathOf(module));
  const dir = mkdtempSync(join(tmpdir(), "fanfold-submit-"));
  try {
    const submission = await prepareSubmission(bundle, options, { dir, collectRecords: false });
    const { coordinators, token, surroundings } = options;
    const target = { coordinators, token, ...(surroundings === undefined ? {} : { surroundings }) };
    const jobId = await submit(submission, target, options.key);
    const run = new JobRun<J>({ ...target, jobId });
    await run.follow();
    return run;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Submits until a leader has accepted. With a key, however often that takes, it is one job. */
function submit(submission: Submission, target: ClientOptions, key: string = randomUUID()): Promise<string> {
  return whileLeadersChange(() => submitOnce(submission, target, key));
}

async function submitOnce({ bundle, spec }: Submission, target: ClientOptions, key: string): Promise<string> {
  const client = await CoordinatorClient.connect(target);
  try {
    await client.request({ type: "putBundle", digest: bundle.digest, code: bundle.code });
    const result = await client.request({ type: "submit", spec, key });
    if (result.type !== "accepted")
      throw new FanfoldError("INTERNAL", `A submit was answered by ${result.type}.`);
    return result.jobId;
  } finally {
    client.close();
  }
}

function pathOf(module: URL | string): string {
  const text = String(module);
  if (!(module instanceof URL) && !text.startsWith("file:")) return text;
  if (text.startsWith("file:")) return fileURLToPath(module);
  throw new FanfoldError("JOB_NOT_FOUND", `A job is a file on this machine, not ${text}.`);
}

/** Jobs whose files this process still has to remove: one that ends in the middle of them leaves nothing behind. */
const unfinished = new Set<() => void>();
let isAtExit = false;

function abandonAtExit(abandon: () => void): void {
  unfinished.add(abandon);
  if (isAtExit) return;
  isAtExit = true;
  process.once("exit", () => {
    for (const each of unfinished) each();
  });
}
