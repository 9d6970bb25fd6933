/**
 * The working process of a host: keeps a link to the leading coordinator, runs the attempts it is told to in its
 * executors, serves their segments to other workers, and reports every end until it is settled.
 *
 * It decides nothing about jobs. What it knows, it forgets without harm, except segments and unsettled reports.
 */
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
  type TaskAssignment,
  type TaskResult,
  type WorkerInfo,
} from "@fanfold/scheduler";
import { type Cancel, type FolderLock, type Surroundings, systemSurroundings } from "@fanfold/transport";
import { AttemptFiles } from "./attempt-files.js";
import { AttemptInputs } from "./attempt-inputs.js";
import { attemptStates, type EndedAttempt, type LiveAttempt, runningAttempts } from "./attempts-at-hand.js";
import { BundleCache } from "./bundle-cache.js";
import { CoordinatorLink, type Welcome } from "./coordinator-link.js";
import { Drain, drainTimeoutMsDefault } from "./drain.js";
import { executorEndReport } from "./executor-end.js";
import { ExecutorPool, type PoolDependencies } from "./executor-pool.js";
import { ExecutorProcess } from "./executor-process.js";
import { currentHostId } from "./host-id.js";
import { everyFewBeats } from "./host-load.js";
import { JobDiscards } from "./job-discards.js";
import { JobFolders } from "./job-folders.js";
import { JobLogBook } from "./job-log-book.js";
import { type OutputService, outputService } from "./output-service.js";
import type { NodeLog } from "./ports.js";
import { readRecordTrace } from "./record-trace.js";
import { ReplicaStore } from "./replica-store.js";
import { SegmentReplicator } from "./segment-replicator.js";
import { createShuffleRoute } from "./shuffle-holder.js";
import { type PublishOrder, SinkSteps } from "./sink-step.js";
import { StallWatch, stallCheckMs } from "./stall-watch.js";
import { WorkerDoor } from "./worker-door.js";
import { poolOptionsOf, type WorkerDependencies, type WorkerOptions } from "./worker-options.js";
import { WorkerSnapshot } from "./worker-snapshot.js";

const inProcess: PoolDependencies["startExecutor"] = (...how) => new ExecutorProcess(...how);

export class WorkerDaemon {
  readonly #options: WorkerOptions;
  readonly #log: NodeLog;
  readonly #door: WorkerDoor;
  readonly #folders: JobFolders;
  readonly #bundles: BundleCache;
  readonly #replicas: ReplicaStore;
  readonly #replicator: SegmentReplicator;
  /** Attempts that have ended, and whose segment is being copied to another worker. */
  readonly #copying = new Set<string>();
  readonly #files: AttemptFiles;
  readonly #inputs: AttemptInputs;
  readonly #stalls = new StallWatch();
  readonly #pool: ExecutorPool;
  readonly #link: CoordinatorLink;
  readonly #workerId: string;
  readonly #hostId: string;
  readonly #surroundings: Surroundings;
  readonly #outputs: OutputService;
  readonly #sinkSteps: SinkSteps;
  readonly #hostLoad: ReturnType<typeof everyFewBeats>;
  /** Assigned and not ended. */
  readonly #live = new Map<string, LiveAttempt>();
  /** Ended and not settled. */
  readonly #unsettled = new Map<string, EndedAttempt>();
  readonly #discards = new JobDiscards((jobId, out) => this.#removeJob(jobId, out));
  #stopStallTimer: Cancel | undefined;
  readonly #lines: JobLogBook;
  readonly #snapshot: WorkerSnapshot;
  #lock: FolderLock | undefined;
  readonly #drain = new Drain();

  constructor(options: WorkerOptions, dependencies: WorkerDependencies) {
    this.#options = options;
    this.#log = dependencies.log;
    this.#hostLoad = everyFewBeats(dependencies.hostLoad);
    const { surroundings = systemSurroundings, startExecutor = inProcess } = dependencies;
    this.#surroundings = surroundings;
    this.#outputs = dependencies.outputs ?? outputService;
    this.#sinkSteps = new SinkSteps({ ...options, clock: surroundings.clock });
    this.#door = new WorkerDoor(options, surroundings);
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
    this.#snapshot = new WorkerSnapshot(this.#workerId, {
      epoch: () => this.#link.epoch,
      attempts: () => attemptStates(this.#live, this.#unsettled),
      send: (message) => this.#link.send(message),
    });
    this.#replicator = new SegmentReplicator(this.#door.token, surroundings, this.#log, this.#snapshot);
    this.#files = new AttemptFiles(this.#folders);
    const { readsLocalSegments = true, isAlone = false } = options;
    this.#inputs = new AttemptInputs({ hostId: this.#hostId, readsLocalSegments, isAlone });
    this.#bundles = new BundleCache(`${options.dataDir}/bundles`, (digest) =>
      this.#link.send({ type: "getBundle", digest }),
    );
    this.#pool = new ExecutorPool(
      poolOptionsOf(options),
      {
        onBegun: (assignment) => this.#mustGetOn(assignment),
        onMessage: (message) => this.#heard(message),
        onDeath: (attempt, how, printed, wasStopped) => this.#died(attempt, how, printed, wasStopped),
        onStopped: (attempt) => this.#stopped(attempt),
        onPrinted: (attempt, stream, line) => this.#printed(attempt, stream, line),
        fetchNode: (attempt, send) => this.#snapshot.fetchBegins(attempt, send),
      },
      { clock: surroundings.clock, startExecutor },
    );
    this.#link = new CoordinatorLink(
      { coordinators: options.coordinators, token: options.token, frameBytesMax, surroundings },
      {
        hello: () => this.#hello(),
        heartbeat: () => this.#heartbeat(),
        onWelcome: (isNewReign, welcome) => this.#welcomed(isNewReign, welcome),
        onOtherCluster: () => this.#startAfresh(),
        onOrder: (order) => this.#obey(order),
        onSignal: (signal) => this.#snapshot.signal(signal),
        onLost: (reason) => this.#snapshot.coordinatorLost(reason),
        onLeaseLost: () => this.#stopAll("the lease ran out"),
      },
      this.#log,
    );
  }

  /** Starts listening, the executors, and the link; resolves when it listens. */
  async start(): Promise<void> {
    this.#lock = await this.#surroundings.lockFolder(this.#options.dataDir);
    const shuffle = createShuffleRoute(this.#options.token, this.#folders, this.#replicas, this.#snapshot);
    this.#pool.start(await this.#door.open([this.#pool.route(), shuffle]));
    this.#link.start();
    this.#stopStallTimer = this.#surroundings.clock.every(stallCheckMs, () => this.#endStalled(), true);
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

  /**
   * Takes nothing new, finishes what runs, and serves map outputs until their last reader has ended; resolves then, or
   * when the time is over. What is not done by then is done elsewhere.
   */
  drain(timeoutMs: number = drainTimeoutMsDefault): Promise<void> {
    const drained = this.#drain.begin(this.#surroundings.clock, timeoutMs, () =>
      this.#log.warn({ attempts: this.#live.size }, "the time to drain is over"),
    );
    this.#link.send({ type: "draining" });
    this.#checkDrained();
    return drained;
  }

  /** Kills the executors and starts no others. */
  killExecutors(): void {
    this.#pool.close();
  }

  /** Ends at once: executors are killed, links are cut. */
  async close(): Promise<void> {
    this.#lines.close();
    this.#stopStallTimer?.();
    this.#drain.close();
    if (this.#drain.hasBegun) this.#link.send({ type: "leaving" });
    this.#link.close();
    this.#sinkSteps.close();
    this.#pool.close();
    await this.#door.close();
    if (this.#drain.hasBegun) this.#folders.removeAll();
    await this.#lock?.release();
  }

  #hello(): WorkerToCoordinator {
    const { name, slots } = this.#options;
    const shuffleUrl = this.#door.url;
    const worker: WorkerInfo = { workerId: this.#workerId, name, slots, hostId: this.#hostId, shuffleUrl };
    const running = runningAttempts(this.#live, this.#unsettled, (name) => this.#inputs.isWaiting(name));
    return { type: "workerHello", protocolVersion, worker, running, heldJobs: this.#folders.heldJobs() };
  }

  #heartbeat(): WorkerToCoordinator {
    this.#snapshot.tick();
    const live = [...this.#live.values()];
    const progress = live.map(({ assignment: { attempt }, metrics }) => ({ attempt, metrics }));
    return { type: "heartbeat", progress, ...this.#hostLoad(this.#pool.pids) };
  }

  #welcomed(isNewReign: boolean, welcome: Welcome): void {
    this.#snapshot.welcomed(welcome);
    if (isNewReign) this.#lines.tellAgain();
    for (const { report } of this.#unsettled.values()) this.#link.send({ type: "attemptReported", report });
    this.#bundles.requestAgain();
    if (this.#drain.hasBegun) this.#link.send({ type: "draining" });
  }

  #obey(order: WorkerOrder): void {
    this.#snapshot.heard(order);
    switch (order.type) {
      case "heartbeat":
        return;
      case "credentials":
        this.#door.take(order);
        return;
      case "assignTask":
        this.#assign(order.assignment, order.segmentsToken);
        return;
      case "stopAttempt":
        this.#stop(order.attempt);
        return;
      case "settleAttempt":
        this.#settle(order.attempt, order.hasWon);
        return;
      case "sendMapOutputs":
        this.#learn(order);
        return;
      case "sendBoundaries":
        this.#inputs.boundaries.apply(order);
        return;
      case "drain":
        this.#options.onDrainOrdered?.();
        return;
      case "releaseWorker":
        this.#drain.isReleased = true;
        this.#checkDrained();
        return;
      case "listInputs":
        this.#snapshot.errand(`listInputs ${order.jobId}`, this.#outputs.listInputs(order));
        return;
      case "publishOutput":
        this.#snapshot.errand(`publishOutput ${order.jobId}`, this.#publish(order));
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

  #publish(order: PublishOrder): Promise<WorkerToCoordinator> {
    const { kind, jobId, bundle } = order;
    if (kind === "folder") return this.#outputs.publishOutput(order, this.#folders.recordsDir(jobId));
    return this.#sinkSteps.run(order, this.#bundles.pathOf(bundle));
  }

  #assign(assignment: TaskAssignment, segmentsToken = ""): void {
    const { attempt } = assignment;
    const key = formatAttemptId(attempt);
    if (this.#live.has(key) || this.#unsettled.has(key)) return;
    const live = { assignment, segmentsToken, isStopping: false, metrics: {} };
    this.#live.set(key, live);
    this.#inputs.expect(live);
    this.#bundles.pathOf(assignment.bundle).then(
      (bundlePath) => this.#launch(key, assignment, bundlePath),
      (error: unknown) => this.#failed(attempt, FanfoldError.from(error).toReport()),
    );
  }

  /** Reduce attempts that wait for the last maps are told of new outputs; from the last one on they must get on. */
  #learn(order: Parameters<AttemptInputs["learn"]>[0]): void {
    for (const { assignment, sources, isLast } of this.#inputs.learn(order, this.#live)) {
      const isRunning = this.#pool.tell({ type: "sources", attempt: assignment.attempt, sources });
      if (isLast && isRunning) this.#mustGetOn(assignment);
    }
  }

  #mustGetOn(assignment: TaskAssignment): void {
    if (this.#inputs.isWaiting(formatAttemptId(assignment.attempt))) return;
    this.#stalls.begin(assignment, this.#surroundings.clock.elapsedMs());
  }

  #launch(key: string, assignment: TaskAssignment, bundlePath: string): void {
    const live = this.#live.get(key);
    if (live === undefined) return;
    try {
      const files = this.#files.create(assignment);
      this.#pool.run({ type: "run", assignment, bundlePath, ...files, ...this.#inputs.of(live) });
    } catch (error) {
      this.#failed(assignment.attempt, FanfoldError.from(error, "OUTPUT_UNWRITABLE").toReport());
    }
  }

  #heard(message: Parameters<ConstructorParameters<typeof ExecutorPool>[1]["onMessage"]>[0]): void {
    const key = formatAttemptId(message.attempt);
    const live = this.#live.get(key);
    if (live === undefined) return;
    this.#stalls.heard(key, this.#surroundings.clock.elapsedMs());
    switch (message.type) {
      case "snapshotSignal":
      case "snapshotPart":
      case "fetched":
        this.#snapshot.heardFetch(message);
        return;
      case "progress":
        live.metrics = message.metrics;
        return;
      case "log":
        this.#lines.addLogged(message);
        return;
      case "finished":
        void this.#finished(key, live, message.result);
        return;
      case "failed":
        this.#failed(message.attempt, message.error);
        return;
      case "fetchFailed":
        this.#lines.addFailure(message.attempt, message.error);
        this.#files.remove(live.assignment);
        this.#report(live.assignment, message);
        return;
    }
  }

  /** Reports a result; that of a map which is to be held twice, once its copy is held. */
  async #finished(key: string, live: LiveAttempt, result: TaskResult): Promise<void> {
    const { assignment } = live;
    if (result.segment !== undefined) this.#snapshot.holds(key);
    const copying = this.#replicator.copyOf(assignment, result);
    if (copying !== undefined) {
      this.#stalls.end(key);
      this.#copying.add(key);
    }
    const held = copying === undefined ? result : await copying;
    this.#copying.delete(key);
    // It may have been stopped meanwhile.
    if (this.#live.get(key) !== live) return;
    const { attempt, inputsVersion } = assignment;
    this.#report(assignment, { type: "finished", attempt, inputsVersion, result: held });
  }

  #failed(attempt: AttemptId, error: ErrorReport): void {
    const live = this.#live.get(formatAttemptId(attempt));
    if (live === undefined) return;
    this.#lines.addFailure(attempt, error);
    this.#files.remove(live.assignment);
    this.#report(live.assignment, { type: "failed", attempt, error });
  }

  /** User code that hangs cannot be told to stop: its process is killed, and `#died` reports it. */
  #endStalled(): void {
    for (const key of this.#stalls.takeStalled(this.#surroundings.clock.elapsedMs())) {
      const live = this.#live.get(key);
      if (live === undefined) continue;
      this.#log.warn({ attempt: key }, "the attempt shows no progress: its executor is killed");
      this.#pool.kill(live.assignment.attempt);
    }
  }

  #died(attempt: AttemptId, how: string, printed: string, wasStopped: boolean): void {
    this.#snapshot.fetchBroke(attempt, how);
    if (wasStopped) this.#stopped(attempt);
    const key = formatAttemptId(attempt);
    const live = this.#live.get(key);
    if (live === undefined) return;
    const { assignment } = live;
    const details = readRecordTrace(this.#folders.workDir(attempt));
    const end = { how, printed, details, silentMs: this.#stalls.timeoutOf(key) };
    const error = executorEndReport(assignment, end);
    this.#lines.addFailure(attempt, error);
    this.#files.remove(assignment);
    // To hang is the code's fault, as to throw is; a process that dies may be the machine's.
    const type = error.code === "TASK_STALLED" ? "failed" : "exited";
    this.#report(assignment, { type, attempt, error });
  }

  #report(assignment: TaskAssignment, report: AttemptReport): void {
    const key = formatAttemptId(report.attempt);
    this.#live.delete(key);
    this.#stalls.end(key);
    this.#unsettled.set(key, { report, assignment });
    this.#lines.flush();
    this.#link.send({ type: "attemptReported", report });
    this.#tidyUp();
  }

  #stop(attempt: AttemptId): void {
    const key = formatAttemptId(attempt);
    const live = this.#live.get(key);
    if (live !== undefined) live.isStopping = true;
    if (this.#copying.delete(key)) this.#stopped(attempt);
    else if (!this.#live.has(key) || !this.#pool.stop(attempt)) this.#forget(attempt);
  }

  /** Whatever is left of an attempt that counts no more. */
  #forget(attempt: AttemptId): void {
    const key = formatAttemptId(attempt);
    const known = this.#live.get(key) ?? this.#unsettled.get(key);
    this.#snapshot.drops(key);
    this.#live.delete(key);
    this.#unsettled.delete(key);
    this.#stalls.end(key);
    if (known === undefined) this.#folders.removeWorkDir(attempt);
    else this.#files.remove(known.assignment);
    this.#tidyUp();
  }

  #stopped(attempt: AttemptId): void {
    this.#forget(attempt);
    this.#link.send({ type: "attemptReported", report: { type: "stopped", attempt } });
  }

  #stopAll(why: string): void {
    if (this.#live.size > 0) this.#log.warn({ attempts: this.#live.size }, `stopping all attempts: ${why}`);
    for (const { assignment } of [...this.#live.values()]) this.#stop(assignment.attempt);
  }

  #settle(attempt: AttemptId, hasWon: boolean): void {
    const key = formatAttemptId(attempt);
    if (!hasWon) this.#forget(attempt);
    const ended = this.#unsettled.get(key);
    this.#unsettled.delete(key);
    const hasSegment = ended?.report.type === "finished" && ended.report.result.segment !== undefined;
    if (ended !== undefined && !hasSegment) this.#folders.removeWorkDir(attempt);
    this.#checkDrained();
  }

  /** Stops what runs of a job and removes its files, staging included; resolves when that is done. */
  discardJob(jobId: string, out: string | null): Promise<void> {
    return new Promise((resolve) => this.#discard(jobId, out, resolve));
  }

  #discard(jobId: string, out: string | null, onDone?: () => void): void {
    this.#discards.add(jobId, out, onDone);
    for (const { assignment } of [...this.#live.values()]) {
      if (assignment.attempt.jobId === jobId) this.#stop(assignment.attempt);
    }
    this.#tidyUp();
  }

  #removeJob(jobId: string, out: string | null): void {
    this.#inputs.forget(jobId);
    this.#replicas.forget(jobId);
    this.#snapshot.forgetJob(jobId);
    try {
      this.#folders.removeJob(jobId);
      if (out !== null) this.#outputs.discardOutput(out, jobId);
    } catch (error) {
      this.#log.error({ job: jobId }, `files of the job could not be removed: ${(error as Error).message}`);
    }
  }

  /** To be called when an attempt has ended or a job is over: others may have waited for it. */
  #tidyUp(): void {
    const busy = new Set([...this.#live.values()].map(({ assignment }) => assignment.attempt.jobId));
    if (this.#discards.size > 0) this.#discards.finish(busy);
    this.#checkDrained();
  }

  #printed(attempt: AttemptId | undefined, stream: "stdout" | "stderr", line: string): void {
    if (attempt === undefined) this.#log.warn({ stream }, `an idle executor printed: ${line}`);
    else this.#lines.addPrinted(attempt, stream, line);
  }

  /** Forgets everything of a cluster that is no more: what runs, what waits to be settled, and the files. */
  #startAfresh(): void {
    const outs = new Map([...this.#live.values()].map(({ assignment: a }) => [a.attempt.jobId, a.out]));
    this.#unsettled.clear();
    this.#lines.forget();
    this.#stopAll("their cluster is no more");
    for (const jobId of new Set([...this.#folders.heldJobs(), ...outs.keys()]))
      this.#discard(jobId, outs.get(jobId) ?? null);
  }

  /** Somebody may still read what it holds, until the coordinator says otherwise; without a job here, nobody. */
  #checkDrained(): void {
    if (!this.#drain.hasBegun) return;
    if (this.#live.size + this.#unsettled.size + this.#discards.size > 0) return;
    if (this.#drain.isReleased || this.#folders.heldJobs().length === 0) this.#drain.finish();
  }
}
