/** The coordinator's side of its workers: their links, their heartbeats, and when they are given up. */
import {
  type CoordinatorToWorker,
  coordinatorCodec,
  type HostLoad,
  type JobLogEntry,
  protocolVersion,
  type WorkerToCoordinator,
} from "@fanfold/protocol";
import { PhiAccrual, type SchedulerInput, type WorkerInfo } from "@fanfold/scheduler";
import type { Cancel, Clock, Gate, Link, LinkHandlers, Peer, Route } from "@fanfold/transport";
import type { ClusterSnapshot } from "./cluster-snapshot.js";
import type { NodeLog } from "./ports.js";

export const workerPath = "/v1/worker";

/** A worker this surely dead is given up: wrong once in a hundred million silences. */
const deadPhi = 8;
/** Of the lease: silence below this is never suspicious, however regular a worker used to be. */
const patienceShare = 0.5;

/** A beat this many intervals late says that this process stood still, and nothing about workers. */
const frozenIntervals = 4;

export interface WorkerServiceOptions {
  readonly token: string;
  readonly heartbeatIntervalMs: number;
  /**
   * A worker that is silent for so long is given up, and earlier when it used to be more regular than that; so long it
   * may run on without hearing from us.
   */
  readonly leaseMs: number;
  /** A worker whose link has broken may come back within this time, and nothing has happened. */
  readonly reconnectGraceMs: number;
}

export interface WorkerServiceDependencies {
  readonly log: NodeLog;
  readonly clock: Clock;
  readonly snapshot: ClusterSnapshot;
  /** Of the present reign; undefined where this coordinator does not lead. */
  epoch(): number | undefined;
  /** Of the cluster; known wherever there is an epoch. */
  clusterId(): string;
  /** Who does, for people. */
  leaderText(): string;
  handle(input: SchedulerInput): void;
  onJobLog(entries: readonly JobLogEntry[]): void;
  onHostLoad(workerId: string, load: HostLoad): void;
  bundleOf(digest: string): Promise<Uint8Array | undefined>;
  /** Makes the tokens by which workers fetch from each other; without it, they use their own. */
  readonly gate?: Gate;
}

/** Jobs whose tokens are kept for the next assignment; another would be made for one that was forgotten. */
const jobTokensMax = 1_000;
/** How long a token to fetch segments by is good for, and how often in this time a worker gets a new one. */
const segmentsTokenTtlMs: number = 24 * 3_600_000;
const tokenRenewals = 8;

interface Session {
  /** When it was given its latest token. */
  credentialsMs: number;
  readonly info: WorkerInfo;
  link: Link<CoordinatorToWorker> | undefined;
  /** Fed by its heartbeats alone: other messages come when they come. */
  detector: PhiAccrual;
  heardMs: number;
  /** Attempts in its last heartbeat. */
  running: number;
  /** Takes back the end of its grace. */
  endGrace: Cancel | undefined;
}

export class WorkerService {
  readonly #options: WorkerServiceOptions;
  readonly #dependencies: WorkerServiceDependencies;
  readonly #sessions = new Map<string, Session>();
  readonly #jobTokens = new Map<string, { readonly token: string; readonly madeMs: number }>();
  #beatMs = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerServiceOptions, dependencies: WorkerServiceDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  route(): Route {
    return {
      path: workerPath,
      token: this.#options.token,
      access: "work",
      accept: (upgrade, peer) =>
        upgrade<WorkerToCoordinator, CoordinatorToWorker>(coordinatorCodec, (link) =>
          this.#accept(link, peer),
        ),
    };
  }

  /** An order for a worker that is away is dropped: it is told anew when it is back, or its work goes to others. */
  send(workerId: string, order: CoordinatorToWorker): void {
    this.#sessions.get(workerId)?.link?.send(order);
  }

  /** A task, with the token by which it fetches map outputs of its job, and of no other. */
  assign(workerId: string, order: Extract<CoordinatorToWorker, { type: "assignTask" }>): void {
    const { kind, attempt } = order.assignment;
    const segmentsToken = kind === "reduce" ? this.#jobToken(attempt.jobId) : undefined;
    this.send(workerId, segmentsToken === undefined ? order : { ...order, segmentsToken });
  }

  /** Workers with a link. */
  connected(): readonly string[] {
    return [...this.#sessions].flatMap(([workerId, { link }]) => (link === undefined ? [] : [workerId]));
  }

  workers(): readonly WorkerInfo[] {
    return [...this.#sessions.values()].map((session) => session.info);
  }

  runningOn(workerId: string): number {
    return this.#sessions.get(workerId)?.running ?? 0;
  }

  /** How surely a worker is dead: 0 when it has just been heard. */
  phiOf(workerId: string, nowMs: number): number {
    const session = this.#sessions.get(workerId);
    return session === undefined ? Number.POSITIVE_INFINITY : this.#phiOf(session, nowMs);
  }

  /** Tells those workers of this name or id to drain; gives their ids. */
  drain(nameOrId: string): string[] {
    const chosen = [...this.#sessions.values()].filter(
      ({ info: { name, workerId } }) => name === nameOrId || workerId === nameOrId,
    );
    const epoch = this.#dependencies.epoch() ?? 0;
    for (const { link } of chosen) link?.send({ type: "drain", epoch });
    return chosen.map(({ info }) => info.workerId);
  }

  /** Whatever it says last counts as a sign of life, whether it was due or not. */
  #phiOf({ detector, heardMs }: Session, nowMs: number): number {
    const silentMs = nowMs - heardMs;
    return silentMs < this.#options.leaseMs * patienceShare ? 0 : detector.phi(nowMs);
  }

  /** Called every heartbeat interval. */
  beat(nowMs: number): void {
    const epoch = this.#dependencies.epoch();
    // Who was frozen itself has heard nobody, and will read what came meanwhile only after this.
    const wasFrozen = nowMs - this.#beatMs > frozenIntervals * this.#options.heartbeatIntervalMs;
    this.#beatMs = nowMs;
    for (const session of this.#sessions.values()) {
      const isDead = !wasFrozen && this.#phiOf(session, nowMs) >= deadPhi;
      if (isDead) this.#giveUp(session, "it has been silent for too long");
      else if (epoch !== undefined) {
        session.link?.send({ type: "heartbeat", epoch });
        this.#giveCredentials(session, epoch);
      }
    }
  }

  #giveCredentials(session: Session, epoch: number): void {
    const { gate, clock } = this.#dependencies;
    const nowMs = clock.nowMs();
    const isFresh = nowMs - session.credentialsMs < segmentsTokenTtlMs / tokenRenewals;
    if (isFresh || gate?.signer === undefined) return;
    session.credentialsMs = nowMs;
    const segmentsToken = gate.signer.create({
      role: "segments",
      ttlMs: segmentsTokenTtlMs,
      name: session.info.workerId,
      nowMs,
    });
    session.link?.send({ type: "credentials", epoch, tokenKey: gate.signer.publicKey, segmentsToken });
  }

  #jobToken(jobId: string): string | undefined {
    const { gate, clock } = this.#dependencies;
    const nowMs = clock.nowMs();
    const known = this.#jobTokens.get(jobId);
    if (known !== undefined && nowMs - known.madeMs < segmentsTokenTtlMs / tokenRenewals) return known.token;
    if (gate?.signer === undefined) return undefined;
    const token = gate.signer.create({ role: "segments", job: jobId, ttlMs: segmentsTokenTtlMs, nowMs });
    this.#jobTokens.set(jobId, { token, madeMs: nowMs });
    const [oldest] = this.#jobTokens.keys();
    if (this.#jobTokens.size > jobTokensMax && oldest !== undefined) this.#jobTokens.delete(oldest);
    return token;
  }

  /** Sends all workers away: to the next leader, who will hear from them what they run. */
  dismiss(why: string): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) {
      session.endGrace?.();
      this.#dependencies.snapshot.workerLost(session.info.workerId, why);
      session.link?.close(why);
    }
  }

  #accept(link: Link<CoordinatorToWorker>, peer: Peer): LinkHandlers<WorkerToCoordinator> {
    let session: Session | undefined;
    return {
      onMessage: (message) => {
        if (message.type === "workerHello") {
          session = this.#greet(message, link, peer);
          return;
        }
        if (session === undefined || session.link !== link) {
          link.close("say hello first");
          return;
        }
        session.heardMs = this.#dependencies.clock.elapsedMs();
        if (this.#dependencies.snapshot.heardWorker(session.info.workerId, message)) return;
        if (message.type === "heartbeat") {
          session.running = message.progress.length;
          session.detector = session.detector.heard(session.heardMs);
        }
        this.#take(session.info.workerId, message, link);
      },
      onClose: (reason) => {
        if (session !== undefined && session.link === link) this.#linkLost(session, reason);
      },
    };
  }

  #greet(
    hello: Extract<WorkerToCoordinator, { type: "workerHello" }>,
    link: Link<CoordinatorToWorker>,
    peer: Peer,
  ): Session | undefined {
    if (hello.protocolVersion !== protocolVersion) {
      link.close(`this coordinator speaks protocol ${protocolVersion}, not ${hello.protocolVersion}`);
      return undefined;
    }
    // A token that was made out to a worker lets nobody speak for another.
    if (peer.name !== undefined && peer.name !== hello.worker.name) {
      link.close(`the token is made out to ${peer.name}, not to ${hello.worker.name}`);
      return undefined;
    }
    const epoch = this.#dependencies.epoch();
    if (epoch === undefined) {
      link.close(this.#dependencies.leaderText());
      return undefined;
    }
    const { workerId } = hello.worker;
    const known = this.#sessions.get(workerId);
    known?.endGrace?.();
    const { snapshot } = this.#dependencies;
    if (known?.link !== undefined) snapshot.workerLost(workerId, "replaced by a newer link");
    known?.link?.close("replaced by a newer link");
    snapshot.workerComes(workerId, hello);
    const session: Session = {
      credentialsMs: Number.NEGATIVE_INFINITY,
      info: hello.worker,
      link,
      detector: this.#detector(),
      heardMs: this.#dependencies.clock.elapsedMs(),
      running: 0,
      endGrace: undefined,
    };
    this.#sessions.set(workerId, session);
    const { heartbeatIntervalMs, leaseMs } = this.#options;
    const clusterId = this.#dependencies.clusterId();
    const { names: snapshots } = snapshot;
    link.send({ type: "welcome", clusterId, epoch, heartbeatIntervalMs, leaseMs, snapshots });
    snapshot.workerJoined(workerId, (order) => link.send(order));
    this.#giveCredentials(session, epoch);
    this.#dependencies.log.info({ worker: workerId, slots: hello.worker.slots }, "worker joined");
    const { worker, running, heldJobs } = hello;
    this.#dependencies.handle({ type: "workerJoined", worker, running, heldJobs });
    return session;
  }

  #take(
    workerId: string,
    message: Exclude<WorkerToCoordinator, { type: "workerHello" }>,
    link: Link<CoordinatorToWorker>,
  ): void {
    const { handle } = this.#dependencies;
    switch (message.type) {
      case "snapshotSignal":
      case "snapshotPart":
        return;
      case "heartbeat":
        if (message.load !== undefined) this.#dependencies.onHostLoad(workerId, message.load);
        handle({ type: "heartbeat", workerId, progress: message.progress });
        return;
      case "attemptReported":
        handle({ type: "attemptReported", workerId, report: message.report });
        return;
      case "inputsListed": {
        const { jobId, splits, error } = message;
        handle({
          type: "inputsListed",
          workerId,
          jobId,
          outcome: error ? { error } : { splits: splits ?? [] },
        });
        return;
      }
      case "outputPublished": {
        const { jobId, step, participant, manifest, error } = message;
        const answer = { type: "outputPublished" as const, workerId, jobId, step, participant };
        if (error !== undefined) handle({ ...answer, outcome: { error } });
        else if (manifest !== undefined) handle({ ...answer, outcome: { manifest } });
        return;
      }
      case "draining":
        handle({ type: "workerDraining", workerId });
        return;
      case "leaving":
        this.#leave(workerId);
        return;
      case "getBundle": {
        const { digest } = message;
        const epoch = this.#dependencies.epoch() ?? 0;
        void this.#dependencies.bundleOf(digest).then((code) => {
          const bundle = { type: "bundle" as const, epoch, digest };
          link.send(code === undefined ? bundle : { ...bundle, code });
        });
        return;
      }
      case "jobLog":
        this.#dependencies.onJobLog(message.entries);
        return;
    }
  }

  #detector(): PhiAccrual {
    const { heartbeatIntervalMs, leaseMs } = this.#options;
    return PhiAccrual.start(
      {
        firstIntervalMs: heartbeatIntervalMs,
        floorMs: leaseMs * patienceShare,
        ceilingMs: leaseMs,
        // However regular a worker was: a machine that is suddenly busy misses a few beats.
        deviationMinMs: heartbeatIntervalMs,
      },
      this.#dependencies.clock.elapsedMs(),
    );
  }

  #leave(workerId: string): void {
    const session = this.#sessions.get(workerId);
    if (session === undefined) return;
    this.#sessions.delete(workerId);
    this.#dependencies.snapshot.workerLost(workerId, "it has left");
    session.link?.close("bye");
    session.link = undefined;
    this.#dependencies.log.info({ worker: workerId }, "worker has left");
    this.#dependencies.handle({ type: "workerLost", workerId });
  }

  #linkLost(session: Session, reason: string): void {
    session.link = undefined;
    // Sent away, or left: nobody waits for it.
    if (this.#sessions.get(session.info.workerId) !== session) return;
    this.#dependencies.snapshot.workerLost(session.info.workerId, reason);
    this.#dependencies.log.warn({ worker: session.info.workerId }, `link lost: ${reason}`);
    session.endGrace = this.#dependencies.clock.after(this.#options.reconnectGraceMs, () =>
      this.#giveUp(session, "it did not come back"),
    );
  }

  #giveUp(session: Session, why: string): void {
    const { workerId } = session.info;
    if (this.#sessions.get(workerId) !== session) return;
    session.endGrace?.();
    this.#sessions.delete(workerId);
    const { link } = session;
    session.link = undefined;
    this.#dependencies.snapshot.workerLost(workerId, why);
    link?.close(why);
    this.#dependencies.log.warn({ worker: workerId }, `worker given up: ${why}`);
    this.#dependencies.handle({ type: "workerLost", workerId });
  }
}
