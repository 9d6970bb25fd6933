/**
 * A cluster on this machine, for as long as one command or program needs it: the same coordinator and worker daemon
 * as on a fleet, in this process, and as many executor processes as there are workers.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Coordinator, type NodeLog } from "@fanfold/coordinator";
import { discardStaging } from "@fanfold/storage";
import { createToken } from "@fanfold/transport";
import { loadInlineExecutor, WorkerDaemon } from "@fanfold/worker";
import type { Bundle } from "./bundle-job.js";

export interface LocalClusterOptions {
  /** Executor processes; default one a core. */
  readonly workers?: number;
  /** Where spills and segments go; default the system's folder for temporary files. */
  readonly tempDir?: string;
  readonly log?: NodeLog;
  /** One executor, in this process: for a debugger. */
  readonly isInline?: boolean;
}

/** A process that stands at a breakpoint is silent for as long as somebody looks at it. */
const inlineLeaseMs: number = 24 * 3_600_000;

const silent: NodeLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function nothing(): void {
  // An embedded cluster is quiet: what matters comes with the job's result.
}

export class LocalCluster {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  readonly #coordinator: Coordinator;
  readonly #worker: WorkerDaemon;

  static async start(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const tempDir = options.tempDir ?? tmpdir();
    mkdirSync(tempDir, { recursive: true });
    const dataDir = mkdtempSync(join(tempDir, "fanfold-"));
    const token = createToken();
    const log = options.log ?? silent;
    const isInline = options.isInline ?? false;
    const lease = isInline ? { leaseMs: inlineLeaseMs } : {};
    const coordinator = await Coordinator.start({ token, ...lease }, { log, onFatal: () => undefined });
    const inline = isInline ? { startExecutor: await loadInlineExecutor() } : {};
    const worker = new WorkerDaemon(
      {
        name: "local",
        slots: isInline ? 1 : (options.workers ?? availableParallelism()),
        coordinators: [coordinator.url],
        token,
        dataDir,
        isAlone: true,
      },
      { log, ...inline },
    );
    await worker.start();
    return new LocalCluster(coordinator, worker, { dataDir, token });
  }

  private constructor(
    coordinator: Coordinator,
    worker: WorkerDaemon,
    place: { readonly dataDir: string; readonly token: string },
  ) {
    this.#coordinator = coordinator;
    this.#worker = worker;
    this.url = coordinator.url;
    this.token = place.token;
    this.dataDir = place.dataDir;
  }

  /** Executors load the job's code while the job is still being submitted. */
  preload(bundle: Bundle, jobName: string): void {
    this.#worker.preload(bundle.digest, bundle.code, jobName);
  }

  get executorPids(): readonly number[] {
    return this.#worker.executorPids;
  }

  /**
   * Removes what a job that is over has left: what its sinks and further folders had prepared, if it came to nothing;
   * segments, and staging beside its output.
   */
  async endJob(jobId: string, out: string): Promise<void> {
    await this.#coordinator.settled(jobId);
    await this.#worker.discardJob(jobId, out);
  }

  /** The last thing a process does, with no time to wait: kills the executors and removes their files. */
  abandonJob(jobId: string, out: string): void {
    this.#worker.killExecutors();
    this.removeFiles();
    discardStaging(out, jobId);
  }

  /** Ends all processes. Typed results stay until `removeFiles`. */
  async close(): Promise<void> {
    await this.#worker.close();
    await this.#coordinator.close();
  }

  removeFiles(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
