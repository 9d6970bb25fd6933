/** A coordinator: one replica of the job table, and while it leads, the scheduler with a real clock and sockets. */
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import {
  type ClusterPicture,
  type ClusterSummary,
  type ClusterWorker,
  type CoordinatorState,
  frameBytesMax,
  type JobLogEntry,
  type ReplicaMessage,
} from "@fanfold/protocol";
import {
  type Command,
  describeJob,
  type SchedulerInput,
  shownState,
  type TableEvent,
} from "@fanfold/scheduler";
import {
  type Cancel,
  type FolderLock,
  Gate,
  hostNameOf,
  type Listener,
  type Route,
  type Surroundings,
  strangerText,
  systemSurroundings,
} from "@fanfold/transport";
import { BundleReplicas } from "./bundle-replicas.js";
import { BundleStore } from "./bundle-store.js";
import { ClientService } from "./client-service.js";
import { newClusterId } from "./cluster-id.js";
import { ClusterSnapshot } from "./cluster-snapshot.js";
import { clusterView, leaderText } from "./cluster-view.js";
import { Engine, type OutwardEffect } from "./engine.js";
import { EventBook } from "./event-book.js";
import type { LogFiles } from "./log-files.js";
import { MemoryLog } from "./memory-log.js";
import { openPaxosLog, type ReplicatedLog } from "./open-paxos-log.js";
import type { CommandLog, CommandLogEvents, NodeLog } from "./ports.js";
import type { ReplicaNetwork } from "./replica-network.js";
import type { CoordinatorInside, CoordinatorWatcher } from "./watcher.js";
import { WorkerService } from "./worker-service.js";

export interface CoordinatorOptions {
  /** Default loopback and any free port. */
  readonly host?: string;
  readonly port?: number;
  /** The cluster's secret; tokens for one role are made of it. */
  readonly token: string;
  /** Names it goes by, besides loopback's, bare addresses, and its own among the replicas. */
  readonly hostNames?: readonly string[];
  /** The replicas. Without them, the job table lives in memory, in this process alone. */
  readonly replica?: ReplicaPlace;
  readonly heartbeatIntervalMs?: number;
  readonly leaseMs?: number;
  readonly reconnectGraceMs?: number;
}

export interface ReplicaPlace {
  readonly id: string;
  /** Where each replica can be reached, this one included; the same at all of them. */
  readonly peers: ReadonlyMap<string, string>;
  /** Log and bundles; of this replica alone. */
  readonly dataDir: string;
}

export interface CoordinatorDependencies {
  readonly log: NodeLog;
  /** Default those of this machine. */
  readonly surroundings?: Surroundings;
  /** Opens the folder of the replica's log; default on this machine's disk. */
  openFiles?(dir: string): Promise<LogFiles>;
  /** Makes the page, metrics and traces. */
  readonly watcher?: CoordinatorWatcher;
  /** The log can no longer be written: the process must end. */
  onFatal(error: Error): void;
}

const defaultHeartbeatIntervalMs = 500;
/** Ten heartbeats: a machine under full load may miss several. */
const defaultLeaseMs = 5_000;
const defaultReconnectGraceMs = 1_000;

export class Coordinator implements CommandLogEvents {
  readonly #options: CoordinatorOptions;
  readonly #dependencies: CoordinatorDependencies;
  readonly #surroundings: Surroundings;
  readonly #log: CommandLog;
  readonly #network: ReplicaNetwork | undefined;
  readonly #bundles: BundleReplicas;
  readonly #snapshot: ClusterSnapshot;
  readonly #workers: WorkerService;
  readonly #clients: ClientService;
  readonly #events = new EventBook();
  readonly #gate: Gate;
  #listener: Listener | undefined;
  #lock: FolderLock | undefined;
  #engine: Engine | undefined;
  #stopTimer: Cancel | undefined;
  /** Called when the next command is decided. */
  #wakers: (() => void)[] = [];

  /** Reads the log and listens. @throws `LOG_CORRUPT`; `FOLDER_MISMATCH`; `USAGE` when the address is taken. */
  static async start(
    options: CoordinatorOptions,
    dependencies: CoordinatorDependencies,
  ): Promise<Coordinator> {
    const { replica, host, port } = options;
    const surroundings = dependencies.surroundings ?? systemSurroundings;
    let replicated: ReplicatedLog | undefined;
    let lock: FolderLock | undefined;
    if (replica !== undefined) {
      lock = await surroundings.lockFolder(replica.dataDir);
      replicated = await openPaxosLog(
        { ...replica, token: options.token },
        { ...dependencies, surroundings },
        {
          snapshot: {
            peerReached: (id, send) => coordinator.#snapshot.peerReached(id, send),
            peerGone: (id, reason) => coordinator.#snapshot.peerGone(id, reason),
            peerCame: (id) => coordinator.#snapshot.peerCame(id),
            peerLeft: (link, reason) => coordinator.#snapshot.peerLeft(link, reason),
            heardPeer: (link, message) => coordinator.#snapshot.heardPeer(link, message),
          },
          onBundle: (from, message) => coordinator.#bundles.receive(from, message),
          onJobLog: (entries) => coordinator.#takeLog(entries),
          onSynced: (elapsedMs) => dependencies.watcher?.notice({ type: "synced", elapsedMs }),
        },
      );
    }
    const coordinator = new Coordinator(options, dependencies, replicated);
    const { watcher } = dependencies;
    watcher?.start(coordinator.#inside());
    coordinator.#listener = await surroundings.network.listen(
      {
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port }),
        ...(watcher === undefined ? {} : { serve: (request, response) => watcher.serve(request, response) }),
        frameBytesMax,
        gate: coordinator.#gate,
        hostNames: hostNamesOf(options),
        onStranger: (stranger) => dependencies.log.warn(stranger, strangerText(stranger)),
        onLinkCut: (cut) => {
          dependencies.log.warn(cut, `a link was closed: its peer does not keep to the rules (${cut.why})`);
          watcher?.notice({ type: "linkCut", cut });
        },
      },
      coordinator.#routes(),
    );
    coordinator.#lock = lock;
    coordinator.#begin();
    return coordinator;
  }

  private constructor(
    options: CoordinatorOptions,
    dependencies: CoordinatorDependencies,
    replicated: ReplicatedLog | undefined,
  ) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#surroundings = dependencies.surroundings ?? systemSurroundings;
    this.#log = replicated?.log ?? new MemoryLog(newClusterId(this.#surroundings));
    this.#network = replicated?.network;
    const { replica } = options;
    const store = new BundleStore(replica === undefined ? undefined : join(replica.dataDir, "bundles"));
    this.#bundles = new BundleReplicas(store, {
      needed: Math.floor((replica?.peers.size ?? 1) / 2),
      send: (to, message: ReplicaMessage) => this.#network?.send(to, message),
      broadcast: (message) => this.#network?.broadcast(message),
      clock: this.#surroundings.clock,
    });
    const life = this.#surroundings.randomBytes(4).toString("hex");
    this.#snapshot = new ClusterSnapshot(this.#log.describe().id, life, {
      clock: this.#surroundings.clock,
      recordState: () => this.#recordState(),
      sendPart: (initiator, part) =>
        this.#network?.send(initiator, { type: "snapshotPart", initiator, part }),
    });
    const { clock } = this.#surroundings;
    this.#gate = new Gate({ secret: options.token, nowMs: () => clock.nowMs() });
    this.#workers = this.#createWorkerService();
    this.#clients = this.#createClientService();
  }

  /** `ws://host:port`. */
  get url(): string {
    return this.#listener?.url ?? "";
  }

  reignBegan(epoch: number): void {
    this.#snapshot.abortAll(`${this.#log.describe().id} has begun to lead`);
    this.#engine = new Engine({
      log: this.#log,
      epoch,
      nowMs: () => this.#surroundings.clock.nowMs(),
      perform: (effect) => this.#perform(effect, epoch),
    });
    this.#engine.handle({ type: "tick", nowMs: this.#surroundings.clock.nowMs() });
  }

  reignEnded(): void {
    this.#snapshot.abortAll(`${this.#log.describe().id} leads no longer`);
    this.#engine = undefined;
    const why = leaderText(this.#view());
    this.#dependencies.log.warn({}, `the reign has ended: ${why}`);
    this.#events.reignEnded();
    this.#workers.dismiss(why);
    this.#clients.dismiss({ code: "NOT_LEADER", message: why });
  }

  decided(index: number, command: Command, events: readonly TableEvent[]): void {
    this.#events.decided(index, command, events, this.#log.table);
    this.#handle({ type: "decided", index, command, events });
    for (const wake of this.#wakers.splice(0)) wake();
  }

  /**
   * Resolves when a job that has ended is over for its further folders and sinks too: where it came to nothing, each has
   * been told to abort, and has done so.
   */
  async settled(jobId: string): Promise<void> {
    while ((this.#log.table.job(jobId)?.owedAborts.length ?? 0) > 0)
      await new Promise<void>((resolve) => this.#wakers.push(resolve));
  }

  failed(error: Error): void {
    this.#dependencies.onFatal(error);
  }

  async close(): Promise<void> {
    this.#stopTimer?.();
    this.#snapshot.abortAll("the coordinator is going");
    this.#engine = undefined;
    this.#workers.dismiss("the coordinator is going");
    this.#clients.dismiss({ code: "NOT_LEADER", message: "The coordinator is going." });
    this.#network?.close();
    this.#dependencies.watcher?.close();
    await this.#listener?.close();
    await this.#log.close();
    await this.#lock?.release();
  }

  #routes(): Route[] {
    const routes = [this.#workers.route(), this.#clients.route()];
    return this.#network === undefined ? routes : [...routes, this.#network.route()];
  }

  #begin(): void {
    this.#network?.start();
    this.#log.start(this);
    const interval = this.#options.heartbeatIntervalMs ?? defaultHeartbeatIntervalMs;
    this.#stopTimer = this.#surroundings.clock.every(interval, () => this.#tick());
  }

  #tick(): void {
    this.#dependencies.watcher?.notice({ type: "beat" });
    const { role, decidedIndex } = this.#log.describe();
    this.#network?.tellStatus(role, decidedIndex);
    this.#snapshot.tick();
    if (this.#engine === undefined) return;
    this.#engine.handle({ type: "tick", nowMs: this.#surroundings.clock.nowMs() });
    this.#workers.beat(this.#surroundings.clock.elapsedMs());
    for (const jobId of this.#clients.watchedJobs()) this.#clients.jobChanged(jobId);
  }

  /** What comes when nobody leads here is dropped: it is said again to whoever does. */
  #handle(input: SchedulerInput): void {
    this.#dependencies.watcher?.notice({ type: "told", input });
    this.#engine?.handle(input);
  }

  #view(): ClusterSummary {
    return clusterView({
      log: this.#log.describe(),
      epoch: this.#engine?.epoch,
      url: this.url,
      peers: this.#options.replica?.peers ?? new Map(),
      workers: this.#describeWorkers(),
      clusterId: this.#log.clusterId,
      statusOf: (id) => this.#network?.statusOf(id),
      problemOf: (id) => this.#network?.problemOf(id),
    });
  }

  #describeWorkers(): ClusterWorker[] {
    const nowMs = this.#surroundings.clock.elapsedMs();
    const opinions = new Map(this.#engine?.describeWorkers().map((worker) => [worker.workerId, worker]));
    return this.#workers.workers().map(({ workerId, name, slots }) => {
      const { state = "active", quarantine = null } = opinions.get(workerId) ?? {};
      const running = this.#workers.runningOn(workerId);
      const phi = Math.round(100 * this.#workers.phiOf(workerId, nowMs)) / 100;
      return { workerId, name, slots, running, state, quarantine, phi };
    });
  }

  async #takeSnapshot(timeoutMs: number): Promise<ClusterPicture> {
    const { log } = this.#dependencies;
    const taking = this.#snapshot.take(timeoutMs);
    log.info({ timeoutMs }, "a snapshot of the cluster is being taken");
    try {
      return await taking;
    } catch (error) {
      log.warn({}, (error as Error).message);
      throw error;
    }
  }

  #recordState(): CoordinatorState {
    const { role, ballot, decidedIndex } = this.#log.describe();
    const { table } = this.#log;
    const jobs = [...table.jobs()].filter((job) => !job.isFinished);
    return {
      kind: "coordinator",
      role,
      epoch: this.#engine?.epoch ?? 0,
      ballot,
      decidedIndex,
      tableDigest: table.checksum(),
      jobs: jobs.map(({ id, state, stages }) => {
        return {
          jobId: id,
          state: shownState(state),
          stages: stages.map(({ tasks, done }) => ({ tasks, done })),
        };
      }),
      attempts: this.#engine?.attempts() ?? [],
      connected: this.#workers.connected(),
    };
  }

  #createWorkerService(): WorkerService {
    return new WorkerService(
      {
        token: this.#options.token,
        heartbeatIntervalMs: this.#options.heartbeatIntervalMs ?? defaultHeartbeatIntervalMs,
        leaseMs: this.#options.leaseMs ?? defaultLeaseMs,
        reconnectGraceMs: this.#options.reconnectGraceMs ?? defaultReconnectGraceMs,
      },
      {
        log: this.#dependencies.log,
        clock: this.#surroundings.clock,
        snapshot: this.#snapshot,
        epoch: () => this.#engine?.epoch,
        clusterId: () => this.#log.clusterId ?? "",
        leaderText: () => leaderText(this.#view()),
        handle: (input) => {
          this.#events.heard(input, this.#surroundings.clock.nowMs());
          this.#handle(input);
        },
        onJobLog: (entries) => {
          if (this.#takeLog(entries)) this.#network?.broadcast({ type: "jobLog", entries });
        },
        onHostLoad: (workerId, load) =>
          this.#dependencies.watcher?.notice({ type: "hostLoad", workerId, load }),
        bundleOf: (digest) => this.#bundles.get(digest),
        gate: this.#gate,
      },
    );
  }

  #createClientService(): ClientService {
    return new ClientService(this.#options.token, {
      surroundings: this.#surroundings,
      handle: (input) => this.#handle(input),
      describeJob: (jobId) => this.#engine?.describeJob(jobId),
      describeJobs: () => this.#engine?.describeJobs() ?? [],
      describeCluster: () => this.#view(),
      clusterId: () => this.#log.clusterId,
      assertLeading: () => {
        if (this.#engine === undefined) throw new FanfoldError("NOT_LEADER", leaderText(this.#view()));
      },
      drainWorker: (nameOrId) => this.#workers.drain(nameOrId),
      confirmLeading: () => this.#log.confirm(),
      takeSnapshot: (timeoutMs) => this.#takeSnapshot(timeoutMs),
      putBundle: (digest, code) => this.#bundles.put(digest, code),
      bundleOf: (digest) => this.#bundles.get(digest),
      specOf: (jobId) => this.#log.table.job(jobId)?.spec,
      events: this.#events,
    });
  }

  /** Lines from a worker, or from the leader that heard them. Returns whether any was new. */
  #takeLog(entries: readonly JobLogEntry[]): boolean {
    const isNew = this.#clients.jobLog(entries);
    if (isNew) this.#dependencies.watcher?.notice({ type: "logged", entries });
    return isNew;
  }

  #inside(): CoordinatorInside {
    const { replica, token } = this.#options;
    return {
      id: replica?.id ?? "local",
      peers: replica?.peers ?? new Map(),
      token,
      gate: this.#gate,
      jobLog: (jobId) => this.#clients.logOf(jobId),
      table: () => this.#log.table,
      confirm: () => this.#log.confirm(),
      describeJob: (jobId) => {
        if (this.#engine !== undefined) return this.#engine.describeJob(jobId);
        const job = this.#log.table.job(jobId);
        return job === undefined ? undefined : describeJob(job);
      },
      describeCluster: () => this.#view(),
      describeWorkers: () => this.#engine?.describeWorkers() ?? [],
      request: (verb, jobId) => this.#clients.request(verb, jobId),
    };
  }

  /** Orders carry the epoch of the reign that gives them, so that workers can refuse those of an earlier one. */
  #perform(effect: OutwardEffect, epoch: number): void {
    this.#dependencies.watcher?.notice({ type: "ordered", effect });
    switch (effect.type) {
      case "assignTask": {
        const { workerId, ...order } = effect;
        this.#workers.assign(workerId, { ...order, epoch });
        return;
      }
      case "stopAttempt":
      case "settleAttempt":
      case "sendMapOutputs":
      case "sendBoundaries":
      case "releaseWorker":
      case "listInputs":
      case "publishOutput": {
        const { workerId, ...order } = effect;
        this.#workers.send(workerId, { ...order, epoch });
        return;
      }
      case "discardJob":
        for (const workerId of effect.workerIds) {
          const { jobId, out } = effect;
          this.#workers.send(workerId, { type: "discardJob", jobId, out, epoch });
        }
        return;
      case "workerQuarantined": {
        const { workerId: worker, quarantine } = effect;
        const { text, ...fields } = quarantine;
        const until = new Date(quarantine.untilMs).toISOString();
        this.#events.quarantined(worker, quarantine, this.#surroundings.clock.nowMs());
        this.#dependencies.log.warn(
          { worker, ...fields },
          `worker quarantined: ${text}: it gets no tasks until ${until}`,
        );
        return;
      }
      case "quarantineEnded":
        this.#events.quarantined(effect.workerId, undefined, this.#surroundings.clock.nowMs());
        this.#dependencies.log.info({ worker: effect.workerId }, "worker is tried again");
        return;
      case "jobChanged":
        this.#clients.jobChanged(effect.jobId);
        return;
      case "reply":
        this.#clients.reply(effect.requestId, effect.outcome);
        return;
    }
  }
}

/** Names that callers may know this coordinator by: what its peers were told, and what it was told itself. */
function hostNamesOf({ hostNames, replica }: CoordinatorOptions): ReadonlySet<string> {
  const own = replica?.peers.get(replica.id);
  return new Set([
    ...(hostNames ?? []),
    ...(own === undefined ? [] : [hostNameOf(own.replace(/^\w+:\/\//, ""))]),
  ]);
}
