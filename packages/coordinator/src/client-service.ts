/** The coordinator's side of its clients: requests, replies, and the jobs they watch. */
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import {
  type ClientRequest,
  type ClientResult,
  type ClientToCoordinator,
  type ClusterPicture,
  type ClusterSummary,
  type CoordinatorToClient,
  clientServiceCodec,
  type JobLogEntry,
  JobLogRing,
  protocolVersion,
} from "@fanfold/protocol";
import type { JobSpec, JobSummary, RequestOutcome, SchedulerInput } from "@fanfold/scheduler";
import {
  type Access,
  authorize,
  type Cancel,
  type Link,
  type LinkHandlers,
  type Peer,
  type Route,
  type Surroundings,
} from "@fanfold/transport";
import type { EventBook } from "./event-book.js";

export const clientPath = "/v1/client";
/** Watchers hear of a job at most this often; what changes meanwhile comes in one. */
const watchIntervalMs = 100;
/** A client that does not take its messages is cut off. */
const unsentBytesMax: number = 16 * 1024 * 1024;

export interface ClientServiceDependencies {
  readonly surroundings: Surroundings;
  handle(input: SchedulerInput): void;
  describeJob(jobId: string): JobSummary | undefined;
  describeJobs(): readonly JobSummary[];
  describeCluster(): ClusterSummary;
  clusterId(): string | null;
  /** Ids of the workers of this name or id, which are told to drain. */
  drainWorker(nameOrId: string): readonly string[];
  /** @throws `NOT_LEADER` where this coordinator does not lead. */
  assertLeading(): void;
  /** Resolves when what this coordinator knows is not out of date. @throws `NOT_LEADER` */
  confirmLeading(): Promise<void>;
  putBundle(digest: string, code: Uint8Array): Promise<void>;
  bundleOf(digest: string): Promise<Uint8Array | undefined>;
  specOf(jobId: string): JobSpec | undefined;
  readonly events: EventBook;
  /** @throws `SNAPSHOT_ABORTED` */
  takeSnapshot(timeoutMs: number): Promise<ClusterPicture>;
}

/** What each request is; whoever may only look at jobs may not have their code and parameters. */
export const requestAccess: Readonly<Record<ClientRequest["type"], Access>> = {
  describeCluster: "read",
  getJob: "read",
  listJobs: "read",
  watchJob: "read",
  listEvents: "read",
  getSpec: "control",
  getBundle: "control",
  putBundle: "control",
  submit: "control",
  takeSnapshot: "control",
  cancel: "control",
  pause: "control",
  resume: "control",
  drainWorker: "control",
};

type ClientLink = Link<CoordinatorToClient>;

export class ClientService {
  readonly #token: string;
  readonly #dependencies: ClientServiceDependencies;
  readonly #waiting = new Map<string, { readonly link: ClientLink; readonly requestId: number }>();
  /** Requests that came by another way than a link. */
  readonly #callers = new Map<string, (outcome: RequestOutcome) => void>();
  readonly #watchers = new Map<string, Set<ClientLink>>();
  readonly #dirty = new Set<string>();
  /** Links that follow the events, and what ends that. */
  readonly #followers = new Map<ClientLink, () => void>();
  readonly #logs = new JobLogRing();
  #requests = 0;
  #stopTimer: Cancel | undefined;

  constructor(token: string, dependencies: ClientServiceDependencies) {
    this.#token = token;
    this.#dependencies = dependencies;
  }

  route(): Route {
    return {
      path: clientPath,
      token: this.#token,
      access: "read",
      accept: (upgrade, peer) =>
        upgrade<ClientToCoordinator, CoordinatorToClient>(clientServiceCodec, (link) =>
          this.#accept(link, peer),
        ),
    };
  }

  /** Asks for a change of a job, and resolves with what the log says. @throws `NOT_LEADER` */
  request(type: "cancel" | "pause" | "resume", jobId: string): Promise<RequestOutcome> {
    this.#dependencies.assertLeading();
    this.#requests += 1;
    const requestId = `r${this.#requests}`;
    return new Promise((resolve) => {
      this.#callers.set(requestId, resolve);
      this.#dependencies.handle({ type, requestId, jobId });
    });
  }

  /** The scheduler's answer to a request. */
  reply(requestId: string, outcome: RequestOutcome): void {
    this.#callers.get(requestId)?.(outcome);
    this.#callers.delete(requestId);
    const waiting = this.#waiting.get(requestId);
    if (waiting === undefined) return;
    this.#waiting.delete(requestId);
    if (outcome.ok) {
      const { jobId, isNew } = outcome;
      this.#answer(waiting.link, waiting.requestId, { type: "accepted", jobId, isNew });
    } else this.#refuse(waiting.link, waiting.requestId, outcome.error);
  }

  /** Watchers are told soon; a job that has ended, at once. */
  jobChanged(jobId: string): void {
    if (!this.#watchers.has(jobId)) return;
    this.#dirty.add(jobId);
    const job = this.#dependencies.describeJob(jobId);
    if (job === undefined || job.times.finishedMs !== null) this.#flush();
    else
      this.#stopTimer ??= this.#dependencies.surroundings.clock.after(watchIntervalMs, () => this.#flush());
  }

  /** Jobs that somebody watches, so that their progress is worth telling. */
  watchedJobs(): readonly string[] {
    return [...this.#watchers.keys()];
  }

  /** Lines from a worker, or from the leader that heard them. Returns whether any was new. */
  jobLog(entries: readonly JobLogEntry[]): boolean {
    const news = this.#logs.add(entries);
    for (const [jobId, group] of news) {
      for (const link of this.#watchers.get(jobId) ?? [])
        this.#send(link, { type: "jobLog", entries: group });
    }
    return news.size > 0;
  }

  logOf(jobId: string): readonly JobLogEntry[] {
    return this.#logs.of(jobId);
  }

  /** The reign is over: what was asked for may still happen, but it is another leader who will know. */
  dismiss(why: ErrorReport): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#dirty.clear();
    for (const waiting of this.#waiting.values()) this.#refuse(waiting.link, waiting.requestId, why);
    this.#waiting.clear();
    for (const settle of this.#callers.values()) settle({ ok: false, error: why });
    this.#callers.clear();
    const links = new Set([...this.#watchers.values()].flatMap((watchers) => [...watchers]));
    this.#watchers.clear();
    for (const link of [...links, ...this.#followers.keys()]) link.close(why.message);
  }

  #accept(link: ClientLink, peer: Peer): LinkHandlers<ClientToCoordinator> {
    return {
      onMessage: ({ requestId, protocolVersion: version, request }) => {
        if (version !== protocolVersion) {
          const message = `This coordinator speaks protocol ${protocolVersion}, the client ${version}.`;
          this.#refuse(link, requestId, { code: "PROTOCOL_MISMATCH", message });
          return;
        }
        if (authorize(requestAccess[request.type], peer) !== undefined) {
          const message = `A token of role ${peer.role} may not do this (${request.type}): it takes one of role client.`;
          this.#refuse(link, requestId, { code: "UNAUTHORIZED", message });
          return;
        }
        try {
          this.#serve(link, requestId, request);
        } catch (error) {
          this.#refuse(link, requestId, FanfoldError.from(error).toReport());
        }
      },
      onClose: () => this.#forget(link),
    };
  }

  #serve(link: ClientLink, requestId: number, request: ClientRequest): void {
    if (request.type !== "describeCluster") this.#dependencies.assertLeading();
    switch (request.type) {
      case "putBundle":
        this.#dependencies.putBundle(request.digest, request.code).then(
          () => this.#answer(link, requestId, { type: "stored" }),
          (error: unknown) => this.#refuse(link, requestId, FanfoldError.from(error).toReport()),
        );
        return;
      case "submit": {
        const jobId = newJobId(this.#dependencies.surroundings);
        const { key, spec } = request;
        const common = { type: "submit" as const, requestId: this.#await(link, requestId), jobId, spec };
        this.#dependencies.handle(key === undefined ? common : { ...common, key });
        return;
      }
      case "cancel":
      case "pause":
      case "resume":
        this.#dependencies.handle({
          type: request.type,
          requestId: this.#await(link, requestId),
          jobId: request.jobId,
        });
        return;
      case "getJob":
        this.#read(link, requestId, () => {
          this.#answer(link, requestId, { type: "job", job: this.#jobOf(request.jobId) });
        });
        return;
      case "listJobs":
        this.#read(link, requestId, () => {
          this.#answer(link, requestId, { type: "jobs", jobs: this.#dependencies.describeJobs() });
        });
        return;
      case "watchJob":
        this.#read(link, requestId, () => this.#watch(link, requestId, request.jobId));
        return;
      case "drainWorker": {
        const workerIds = this.#dependencies.drainWorker(request.worker);
        if (workerIds.length === 0) {
          throw new FanfoldError("WORKER_UNKNOWN", `No worker ${request.worker} is connected.`);
        }
        this.#answer(link, requestId, { type: "draining", workerIds });
        return;
      }
      case "takeSnapshot":
        this.#takeSnapshot(link, requestId, request.timeoutMs);
        return;
      case "describeCluster":
        this.#answer(link, requestId, { type: "cluster", cluster: this.#dependencies.describeCluster() });
        return;
      case "getSpec":
        this.#read(link, requestId, () => {
          const spec = this.#dependencies.specOf(request.jobId);
          if (spec === undefined) throw unknownJob(request.jobId);
          this.#answer(link, requestId, { type: "spec", spec });
        });
        return;
      case "getBundle":
        this.#sendBundle(link, requestId, request.digest);
        return;
      case "listEvents":
        this.#read(link, requestId, () => this.#listEvents(link, requestId, request));
        return;
    }
  }

  #sendBundle(link: ClientLink, requestId: number, digest: string): void {
    this.#dependencies
      .bundleOf(digest)
      .then((code) => {
        if (code !== undefined) this.#answer(link, requestId, { type: "bundle", code });
        else throw new FanfoldError("JOB_LOAD_FAILED", `The code ${digest.slice(0, 12)} is not stored here.`);
      })
      .catch((error: unknown) => this.#refuse(link, requestId, FanfoldError.from(error).toReport()));
  }

  #listEvents(
    link: ClientLink,
    requestId: number,
    { afterIndex, jobId, follow }: Extract<ClientRequest, { type: "listEvents" }>,
  ): void {
    const { events } = this.#dependencies;
    const filter = jobId === undefined ? { afterIndex } : { afterIndex, jobId };
    this.#answer(link, requestId, { type: "events", events: events.list(filter) });
    if (!follow) return;
    this.#followers.get(link)?.();
    const stop = events.listen((event) => {
      if (jobId === undefined || event.jobId === jobId)
        this.#send(link, { type: "clusterEvents", events: [event] });
    });
    this.#followers.set(link, stop);
  }

  /** Answers only when no other leader can have told anybody more. */
  #read(link: ClientLink, requestId: number, answer: () => void): void {
    this.#dependencies
      .confirmLeading()
      .then(answer)
      .catch((error: unknown) => this.#refuse(link, requestId, FanfoldError.from(error).toReport()));
  }

  #takeSnapshot(link: ClientLink, requestId: number, timeoutMs: number): void {
    const { surroundings, takeSnapshot } = this.#dependencies;
    const takenMs = surroundings.clock.nowMs();
    takeSnapshot(timeoutMs).then(
      (picture) => this.#answer(link, requestId, { type: "snapshot", takenMs, picture }),
      (error: unknown) => this.#refuse(link, requestId, FanfoldError.from(error).toReport()),
    );
  }

  #watch(link: ClientLink, requestId: number, jobId: string): void {
    const job = this.#jobOf(jobId);
    const watchers = this.#watchers.get(jobId) ?? new Set();
    watchers.add(link);
    this.#watchers.set(jobId, watchers);
    const entries = this.#logs.of(jobId);
    if (entries.length > 0) this.#send(link, { type: "jobLog", entries });
    this.#answer(link, requestId, { type: "job", job });
  }

  #jobOf(jobId: string): JobSummary {
    const job = this.#dependencies.describeJob(jobId);
    if (job === undefined) throw unknownJob(jobId);
    return job;
  }

  #await(link: ClientLink, requestId: number): string {
    this.#requests += 1;
    const internal = `r${this.#requests}`;
    this.#waiting.set(internal, { link, requestId });
    return internal;
  }

  #flush(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    for (const jobId of this.#dirty) {
      const job = this.#dependencies.describeJob(jobId);
      if (job === undefined) continue;
      for (const link of this.#watchers.get(jobId) ?? []) this.#send(link, { type: "jobChanged", job });
    }
    this.#dirty.clear();
  }

  #send(link: ClientLink, message: CoordinatorToClient): void {
    if (link.bufferedBytes > unsentBytesMax) link.close("the client does not read what it asked for");
    else link.send(message);
  }

  #answer(link: ClientLink, requestId: number, result: ClientResult): void {
    this.#send(link, { type: "reply", requestId, result });
  }

  #refuse(link: ClientLink, requestId: number, error: ErrorReport): void {
    this.#send(link, { type: "reply", requestId, error });
  }

  #forget(link: ClientLink): void {
    this.#followers.get(link)?.();
    this.#followers.delete(link);
    for (const [jobId, watchers] of this.#watchers) {
      watchers.delete(link);
      if (watchers.size === 0) this.#watchers.delete(jobId);
    }
    for (const [requestId, waiting] of this.#waiting) {
      if (waiting.link === link) this.#waiting.delete(requestId);
    }
  }
}

/** Sorts by time of submission, and cannot be guessed from another. */
function newJobId({ clock, randomBytes }: Surroundings): string {
  return `j${clock.nowMs().toString(36)}${randomBytes(5).toString("hex")}`;
}

function unknownJob(jobId: string): FanfoldError {
  return new FanfoldError("JOB_UNKNOWN", `There is no job ${jobId} in this cluster.`);
}
