/**
 * The working process of a host: keeps a link to the leading coordinator, runs the attempts it is told to in its
 * executors, serves their segments to other workers, and reports every end until it is settled.
 *
 * It decides nothing about jobs. What it knows, it forgets without harm, except segments and unsettled reports.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import {
  frameBytesMax,
  protocolVersion,
  type WorkerOrder,
  type WorkerToCoordinator,
} from "@fanfold/protocol";
import {
  type AttemptId,
  type AttemptReport,
  formatAttemptId,
  type RunningAttempt,
  type TaskAssignment,
  type TaskResult,
  type WorkerInfo,
} from "@fanfold/scheduler";
import { stagingDirOf } from "@fanfold/storage";
import { type FolderLock, type Listener, type Surroundings, systemSurroundings } from "@fanfold/transport";
import { BundleCache } from "./bundle-cache.js";
import { CoordinatorLink } from "./coordinator-link.js";
import { ExecutorPool, type PoolDependencies } from "./executor-pool.js";
import { ExecutorProcess } from "./executor-process.js";
import { currentHostId } from "./host-id.js";
import { everyFewBeats } from "./host-load.js";
import { JobFolders } from "./job-folders.js";
import { JobLogBook } from "./job-log-book.js";
import { MapOutputs } from "./map-outputs.js";
import { type OutputService, outputService } from "./output-service.js";
import type { NodeLog } from "./ports.js";
import { ReplicaStore } from "./replica-store.js";
import { SegmentReplicator } from "./segment-replicator.js";
import { createShuffleRoute } from "./shuffle-holder.js";
import type { WorkerDependencies, WorkerOptions } from "./worker-options.js";

interface LiveAttempt {
  readonly assignment: TaskAssignment;
  metrics: Readonly<Record<string, number>>;
}

const inProcess: PoolDependencies["startExecutor"] = (options, handlers) =>
  new ExecutorProcess(options, handlers);

export class WorkerDaemon {
  readonly #options: WorkerOptions;
  readonly #log: NodeLog;
  readonly #folders: JobFolders;
  readonly #bundles: BundleCache;
  readonly #mapOutputs = new MapOutputs();
  readonly #replicas: ReplicaStore;
  readonly #replicator: SegmentReplicator;
  /** Attempts that have ended, and whose segment is being copied to another worker. */
  readonly #copying = new Set<string>();
  readonly #pool: ExecutorPool;
  readonly #link: CoordinatorLink;
  readonly #workerId: string;
  readonly #hostId: string;
  readonly #surroundings: Surroundings;
  readonly #outputs: OutputService;
  readonly #hostLoad: ReturnType<typeof everyFewBeats>;
  /** Assigned and not ended. */
  readonly #live = new Map<string, LiveAttempt>();
  /** Ended and not settled. */
  readonly #unsettled = new Map<string, { readonly report: AttemptReport; readonly inputsVersion: number }>();
  /** Jobs that are over, whose files go when their last attempt here has ended. */
  readonly #discarding = new Map<string, string | null>();
  readonly #onDiscarded = new Map<string, () => void>();
  readonly #lines: JobLogBook;
  #listener: Listener | undefined;
  #lock: FolderLock | undefined;
  #isDraining = false;
  #onIdle: (() => void) | undefined;

  constructor(options: WorkerOptions, dependencies: WorkerDependencies) {
    this.#options = options;
    this.#log = dependencies.log;
    this.#hostLoad = everyFewBeats(dependencies.hostLoad);
    const { surroundings = systemSurroundings, startExecutor = inProcess } = dependencies;
    this.#surroundings = surroundings;
    this.#outputs = dependencies.outputs ?? outputService;
    this.#hostId = options.hostId ?? currentHostId();
    this.#workerId = `${options.name}-${surroundings.randomBytes(4).toString("hex")}`;
    this.#folders = new JobFolders(options.dataDir);
    this.#lines = new JobLogBook({
      clock: surroundings.clock,
      workerId: this.#workerId,
      isUp: () => this.#link.isUp,
      send: (entries) => this.#link.send({ type: "jobLog", entries }),
    });
    this.#replicas = new ReplicaStore({ dataDir: options.dataDir }, this.#folders);
    this.#replicator = new SegmentReplicator(options.token, surroundings, this.#log);
    this.#bundles = new BundleCache(`${options.dataDir}/bundles`, (digest) =>
      this.#link.send({ type: "getBundle", digest }),
    );
    this.#pool = new ExecutorPool(
      {
        slots: options.slots,
        cwd: options.cwd ?? process.cwd(),
        env: options.env ?? process.env,
        nodeFlags: options.nodeFlags ?? [],
      },
      {
        onMessage: (message) => this.#heard(message),
        onDeath: (attempt, how, printed, wasStopped) => this.#died(attempt, how, printed, wasStopped),
        onStopped: (attempt) => this.#stopped(attempt),
        onPrinted: (attempt, stream, line) => this.#printed(attempt, stream, line),
      },
      { clock: surroundings.clock, startExecutor },
    );
    this.#link = new CoordinatorLink(
      { coordinators: options.coordinators, token: options.token, frameBytesMax, surroundings },
      {
        hello: () => this.#hello(),
        heartbeat: () => this.#heartbeat(),
        onWelcome: (isNewReign) => this.#welcomed(isNewReign),
        onOtherCluster: () => this.#startAfresh(),
        onOrder: (order) => this.#obey(order),
        onLeaseLost: () => this.#stopAll("the lease ran out"),
      },
      this.#log,
    );
  }

  /** Starts listening, the executors, and the link; resolves when it listens. */
  async start(): Promise<void> {
    this.#lock = await this.#surroundings.lockFolder(this.#options.dataDir);
    const { host, port, token } = this.#options;
    const address = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
    const routes = [this.#pool.route(), createShuffleRoute(token, this.#folders, this.#replicas)];
    this.#listener = await this.#surroundings.network.listen({ ...address, frameBytesMax }, routes);
    this.#pool.start(this.#listener.url);
    this.#link.start();
  }

  get workerId(): string {
    return this.#workerId;
  }

  get executorPids(): number[] {
    return this.#pool.pids;
  }

  get recordsDir(): (jobId: string) => string {
    return (jobId) => this.#folders.recordsDir(jobId);
  }

  /** Lets executors load code that is on this disk already. */
  preload(digest: string, code: Uint8Array, jobName: string): void {
    this.#bundles.store(digest, code);
    void this.#bundles.pathOf(digest).then((path) => this.#pool.preload(path, jobName));
  }

  /** Finishes what runs, takes nothing new, and resolves when all is settled. */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#link.send({ type: "draining" });
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  /** Kills the executors and starts no others. */
  killExecutors(): void {
    this.#pool.close();
  }

  /** Ends at once: executors are killed, links are cut. */
  async close(): Promise<void> {
    this.#lines.close();
    this.#link.close();
    this.#pool.close();
    await this.#listener?.close();
    await this.#lock?.release();
  }

  #hello(): WorkerToCoordinator {
    const { name, slots } = this.#options;
    const worker: WorkerInfo = {
      workerId: this.#workerId,
      name,
      slots,
      hostId: this.#hostId,
      shuffleUrl: this.#listener?.url ?? "",
    };
    const live = [...this.#live.values()].map(
      ({ assignment }): RunningAttempt => ({
        attempt: assignment.attempt,
        inputsVersion: assignment.inputsVersion,
      }),
    );
    const ended = [...this.#unsettled.values()].map(
      ({ report, inputsVersion }): RunningAttempt => ({ attempt: report.attempt, inputsVersion }),
    );
    return {
      type: "workerHello",
      protocolVersion,
      worker,
      running: [...live, ...ended],
      heldJobs: this.#folders.heldJobs(),
    };
  }

  #heartbeat(): WorkerToCoordinator {
    const running = [...this.#live.values()].map(({ assignment, metrics }) => ({
      attempt: assignment.attempt,
      metrics,
    }));
    return { type: "heartbeat", progress: running, ...this.#hostLoad(this.#pool.pids) };
  }

  #welcomed(isNewReign: boolean): void {
    if (isNewReign) this.#lines.tellAgain();
    for (const { report } of this.#unsettled.values()) this.#link.send({ type: "attemptReported", report });
    this.#bundles.requestAgain();
    if (this.#isDraining) this.#link.send({ type: "draining" });
  }

  #obey(order: WorkerOrder): void {
    switch (order.type) {
      case "heartbeat":
        return;
      case "assignTask":
        this.#assign(order.assignment);
        return;
      case "stopAttempt":
        this.#stop(order.attempt);
        return;
      case "settleAttempt":
        this.#settle(order.attempt, order.hasWon);
        return;
      case "sendMapOutputs":
        this.#mapOutputs.apply(order);
        return;
      case "listInputs":
        void this.#outputs.listInputs(order).then((answer) => this.#link.send(answer));
        return;
      case "publishOutput":
        void this.#outputs
          .publishOutput(order, this.#folders.recordsDir(order.jobId))
          .then((answer) => this.#link.send(answer));
        return;
      case "discardJob":
        this.#discard(order.jobId, order.out);
        return;
      case "bundle":
        if (order.code === undefined) this.#bundles.refuse(order.digest, "is not stored at the coordinator");
        else this.#bundles.store(order.digest, order.code);
        return;
    }
  }

  #assign(assignment: TaskAssignment): void {
    const { attempt } = assignment;
    const key = formatAttemptId(attempt);
    if (this.#live.has(key) || this.#unsettled.has(key)) return;
    this.#live.set(key, { assignment, metrics: {} });
    this.#bundles.pathOf(assignment.bundle).then(
      (bundlePath) => this.#launch(key, assignment, bundlePath),
      (error: unknown) => this.#failed(attempt, FanfoldError.from(error).toReport()),
    );
  }

  #launch(key: string, assignment: TaskAssignment, bundlePath: string): void {
    if (!this.#live.has(key)) return;
    const { attempt } = assignment;
    const outputDir = this.#outputDirOf(assignment);
    let workDir: string;
    try {
      workDir = this.#folders.createWorkDir(attempt);
      // Staging was made when the job was planned. Where it is gone the job is over, and must not come back to life.
      mkdirSync(outputDir, { recursive: assignment.out === null });
    } catch (error) {
      this.#failed(attempt, FanfoldError.from(error, "OUTPUT_UNWRITABLE").toReport());
      return;
    }
    const order = { type: "run" as const, assignment, bundlePath, workDir, outputDir };
    if (assignment.kind !== "reduce") {
      this.#pool.run(order);
      return;
    }
    const isLocal = (holder: { readonly hostId: string | undefined }): boolean =>
      this.#options.readsLocalSegments !== false && holder.hostId === this.#hostId;
    const sources = this.#mapOutputs.sourcesOf(
      attempt.jobId,
      assignment.mapStage,
      this.#options.token,
      isLocal,
    );
    this.#pool.run({ ...order, sources });
  }

  #outputDirOf(assignment: TaskAssignment): string {
    const { attempt, out } = assignment;
    if (out === null) return this.#folders.outputDir(attempt);
    return join(stagingDirOf(out, attempt.jobId), "attempts", formatAttemptId(attempt));
  }

  #heard(message: Parameters<ConstructorParameters<typeof ExecutorPool>[1]["onMessage"]>[0]): void {
    const key = formatAttemptId(message.attempt);
    const live = this.#live.get(key);
    if (live === undefined) return;
    const { attempt } = message;
    switch (message.type) {
      case "progress":
        live.metrics = message.metrics;
        return;
      case "log":
        this.#lines.add({
          attempt,
          atMs: this.#surroundings.clock.nowMs(),
          level: message.level,
          source: "log",
          message: message.message,
          ...(message.fields === undefined ? {} : { fields: message.fields }),
        });
        return;
      case "finished": {
        void this.#finished(key, live, message.result);
        return;
      }
      case "failed":
        this.#failed(attempt, message.error);
        return;
      case "fetchFailed":
        this.#folders.removeWorkDir(attempt);
        this.#lines.addFailure(attempt, message.error);
        this.#report({ type: "fetchFailed", attempt, error: message.error, missing: message.missing });
        return;
    }
  }

  /** Reports a result; that of a map which is to be held twice, once its copy is held. */
  async #finished(key: string, live: LiveAttempt, result: TaskResult): Promise<void> {
    const { attempt, inputsVersion } = live.assignment;
    const { segment } = result;
    const target = live.assignment.kind === "map" ? live.assignment.replica : undefined;
    if (segment === undefined || target === undefined) {
      this.#report({ type: "finished", attempt, inputsVersion, result });
      return;
    }
    this.#copying.add(key);
    const replica = await this.#replicator.copy({ attempt, path: segment.path, target });
    this.#copying.delete(key);
    // It may have been stopped meanwhile.
    if (this.#live.get(key) !== live) return;
    const held = replica === undefined ? segment : { ...segment, replica };
    this.#report({ type: "finished", attempt, inputsVersion, result: { ...result, segment: held } });
  }

  #failed(attempt: AttemptId, error: ErrorReport): void {
    this.#lines.addFailure(attempt, error);
    this.#folders.removeWorkDir(attempt);
    this.#report({ type: "failed", attempt, error });
  }

  #died(attempt: AttemptId, how: string, printed: string, wasStopped: boolean): void {
    if (wasStopped) {
      this.#stopped(attempt);
      return;
    }
    this.#folders.removeWorkDir(attempt);
    const live = this.#live.get(formatAttemptId(attempt));
    const what = live === undefined ? "an attempt" : `${live.assignment.kind} task ${attempt.task}`;
    const tail = printed === "" ? "" : `\nIts last words on standard error:\n${printed}`;
    const message = `The executor process ${how} while it ran ${what} (attempt ${attempt.attempt}).${tail}`;
    const error: ErrorReport = { code: "EXECUTOR_EXITED", message };
    this.#lines.addFailure(attempt, error);
    this.#report({ type: "exited", attempt, error });
  }

  #report(report: AttemptReport): void {
    const key = formatAttemptId(report.attempt);
    const inputsVersion = this.#live.get(key)?.assignment.inputsVersion ?? 0;
    this.#live.delete(key);
    this.#unsettled.set(key, { report, inputsVersion });
    this.#lines.flush();
    this.#link.send({ type: "attemptReported", report });
    this.#finishDiscards();
    this.#checkIdle();
  }

  #stop(attempt: AttemptId): void {
    const key = formatAttemptId(attempt);
    this.#unsettled.delete(key);
    if (this.#copying.delete(key)) {
      this.#stopped(attempt);
      return;
    }
    if (!this.#live.has(key) || !this.#pool.stop(attempt)) {
      this.#live.delete(key);
      this.#folders.removeWorkDir(attempt);
      this.#finishDiscards();
      this.#checkIdle();
    }
  }

  #stopped(attempt: AttemptId): void {
    this.#live.delete(formatAttemptId(attempt));
    this.#folders.removeWorkDir(attempt);
    this.#link.send({ type: "attemptReported", report: { type: "stopped", attempt } });
    this.#finishDiscards();
    this.#checkIdle();
  }

  #stopAll(why: string): void {
    if (this.#live.size > 0) this.#log.warn({ attempts: this.#live.size }, `stopping all attempts: ${why}`);
    for (const { assignment } of [...this.#live.values()]) this.#stop(assignment.attempt);
  }

  #settle(attempt: AttemptId, hasWon: boolean): void {
    const key = formatAttemptId(attempt);
    const ended = this.#unsettled.get(key);
    this.#unsettled.delete(key);
    const hasSegment = ended?.report.type === "finished" && ended.report.result.segment !== undefined;
    if (!hasWon || (ended !== undefined && !hasSegment)) this.#folders.removeWorkDir(attempt);
    this.#checkIdle();
  }

  /** Stops what runs of a job and removes its files, staging included; resolves when that is done. */
  discardJob(jobId: string, out: string | null): Promise<void> {
    return new Promise((resolve) => {
      this.#onDiscarded.set(jobId, resolve);
      this.#discard(jobId, out);
    });
  }

  /** An attempt that is being stopped may still be writing, so its job's files go after it. */
  #discard(jobId: string, out: string | null): void {
    this.#discarding.set(jobId, out);
    for (const { assignment } of [...this.#live.values()]) {
      if (assignment.attempt.jobId === jobId) this.#stop(assignment.attempt);
    }
    this.#finishDiscards();
  }

  #finishDiscards(): void {
    if (this.#discarding.size === 0) return;
    const busy = new Set([...this.#live.values()].map(({ assignment }) => assignment.attempt.jobId));
    for (const [jobId, out] of this.#discarding) {
      if (busy.has(jobId)) continue;
      this.#discarding.delete(jobId);
      this.#mapOutputs.forget(jobId);
      this.#replicas.forget(jobId);
      try {
        this.#folders.removeJob(jobId);
        if (out !== null) this.#outputs.discardOutput(out, jobId);
      } catch (error) {
        this.#log.error({ job: jobId }, `files of the job could not be removed: ${(error as Error).message}`);
      }
      this.#onDiscarded.get(jobId)?.();
      this.#onDiscarded.delete(jobId);
    }
    this.#checkIdle();
  }

  #printed(attempt: AttemptId | undefined, stream: "stdout" | "stderr", line: string): void {
    if (attempt === undefined) {
      this.#log.warn({ stream }, `an idle executor printed: ${line}`);
      return;
    }
    const level = stream === "stdout" ? "info" : "warn";
    this.#lines.add({
      attempt,
      atMs: this.#surroundings.clock.nowMs(),
      level,
      source: stream,
      message: line,
    });
  }

  /** Forgets everything of a cluster that is no more: what runs, what waits to be settled, and the files. */
  #startAfresh(): void {
    const outs = new Map(
      [...this.#live.values()].map(({ assignment }) => [assignment.attempt.jobId, assignment.out]),
    );
    this.#unsettled.clear();
    this.#lines.forget();
    this.#stopAll("their cluster is no more");
    for (const jobId of new Set([...this.#folders.heldJobs(), ...outs.keys()]))
      this.#discard(jobId, outs.get(jobId) ?? null);
  }

  #checkIdle(): void {
    const isIdle = this.#live.size === 0 && this.#unsettled.size === 0 && this.#discarding.size === 0;
    if (this.#isDraining && isIdle) this.#onIdle?.();
  }
}
