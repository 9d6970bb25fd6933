/** Looks on at one coordinator and shows what it sees: the page, its data, metrics and probes. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CoordinatorInside, CoordinatorWatcher, NodeLog, WatchedEvent } from "@fanfold/coordinator";
import { ClusterHistory, type HistoryEvent } from "@fanfold/history";
import { FanfoldError } from "@fanfold/job";
import type { ClusterSummary } from "@fanfold/protocol";
import { isFinalState, type JobSummary, type SchedulerInput } from "@fanfold/scheduler";
import type { RateLimit, TlsIdentity } from "@fanfold/transport";
import { type Tracer, trace } from "@opentelemetry/api";
import { originOf } from "./door.js";
import { EventStreams } from "./event-streams.js";
import { HttpSide } from "./http-side.js";
import { JobTraces } from "./job-traces.js";
import { MetricsCounts } from "./metrics-counts.js";
import { metricsSamples } from "./metrics-samples.js";
import { metricsText } from "./metrics-text.js";
import { askReplicas } from "./peer-replicas.js";
import { ReplicaSamples } from "./replica-samples.js";
import { SyncLatency } from "./sync-latency.js";
import { WorkerWatch } from "./worker-watch.js";

export interface MonitorOptions {
  /** Where the built page lies; without it there is only the data. */
  readonly pageDir?: string;
  readonly version: string;
  /** Host names that browsers may call this coordinator by, besides loopback's and the one it listens on. */
  readonly hostNames?: readonly string[];
  /** For replicas that are asked by https://. */
  readonly tls?: TlsIdentity;
  /** Requests of one address by HTTP. */
  readonly requestRate?: RateLimit;
  /** Where what happens to jobs is written, by the leader. */
  readonly log?: NodeLog;
  /** Default that of the SDK that the user has brought, which may be none. */
  readonly tracer?: Tracer;
}

/** How often the cluster is sampled. */
const sampleMs = 1_000;

export class Monitor implements CoordinatorWatcher {
  readonly #options: MonitorOptions;
  readonly #startedMs = Date.now();
  readonly #source = randomBytes(6).toString("hex");
  readonly #counts = new MetricsCounts(this.#startedMs);
  readonly #sync = new SyncLatency();
  readonly #samples = new ReplicaSamples(this.#sync);
  readonly #workers = new WorkerWatch();
  readonly #history: ClusterHistory;
  readonly #streams: EventStreams;
  readonly #traces: JobTraces;
  #inside!: CoordinatorInside;
  #http!: HttpSide;
  #sampledMs = 0;
  #beatMs = 0;
  #intervalMs = 0;
  #loopLagMs = 0;

  constructor(options: MonitorOptions) {
    this.#options = options;
    const tracer = options.tracer ?? trace.getTracer("fanfold", options.version);
    this.#traces = new JobTraces(tracer, (jobId) => this.#inside.describeJob(jobId));
    this.#history = new ClusterHistory({
      isKnown: (jobId) => this.#inside.table().job(jobId) !== undefined,
      attemptEnded: (end) => {
        this.#counts.attemptEnded(end);
        // A log that is read again after a start tells of the past: others have written it.
        if (end.endMs >= this.#startedMs && this.#isLeader()) this.#traces.attemptEnded(end);
      },
      attemptsChanged: (jobId) => this.#streams.attemptsChanged(jobId),
      eventAdded: (event) => {
        this.#streams.eventAdded(event);
        this.#logEvent(event);
      },
    });
    this.#streams = new EventStreams({
      standing: () => this.#standing(),
      hello: () => ({ source: this.#source, ...this.#whoAnswers() }),
      cluster: () => this.#clusterNews(),
      jobs: () => this.#jobs(),
      job: (jobId) => this.#inside.describeJob(jobId),
      attemptsVersion: (jobId) => this.#history.job(jobId)?.attempts.version ?? 0,
      eventsAfter: (id) => this.#history.events(undefined, id),
    });
  }

  start(inside: CoordinatorInside): void {
    this.#inside = inside;
    const others = [...inside.peers].filter(([id]) => id !== inside.id).map(([, url]) => url);
    const own = inside.peers.get(inside.id);
    const hostNames = new Set([
      ...(this.#options.hostNames ?? []),
      ...(own === undefined ? [] : [hostOf(own)]),
    ]);
    const { pageDir, tls, requestRate } = this.#options;
    this.#http = new HttpSide(
      { ownId: inside.id, gate: inside.gate, hostNames, peers: others, pageDir, tls, requestRate },
      {
        history: this.#history,
        jobLog: (jobId) => inside.jobLog(jobId),
        source: this.#source,
        version: this.#options.version,
        ownId: inside.id,
        streams: this.#streams,
        cluster: () => inside.describeCluster(),
        jobs: () => this.#jobs(),
        job: (jobId) => inside.describeJob(jobId),
        record: (jobId) => inside.table().job(jobId),
        workers: () => this.#workers.views(inside.describeWorkers(), Date.now()),
        replica: () => this.#samples.view(inside.describeCluster(), inside.id),
        replicas: () => this.#replicas(),
        leaderUrl: () => this.#leaderUrl(),
        confirm: () => inside.confirm(),
        isReady: () => inside.describeCluster().leader !== null,
        metricsText: () => this.#metricsText(),
        control: (verb, jobId) => this.#control(verb, jobId),
        answered: (route, status) => this.#counts.answered(route, status),
      },
    );
  }

  notice(event: WatchedEvent): void {
    const nowMs = Date.now();
    switch (event.type) {
      case "told":
        this.#told(event.input, nowMs);
        break;
      case "ordered":
        if (event.effect.type === "assignTask")
          this.#history.assigned(event.effect.workerId, event.effect.assignment, nowMs);
        if (event.effect.type === "stopAttempt")
          this.#history.stopOrdered(event.effect.workerId, event.effect.attempt, nowMs);
        if (event.effect.type === "workerQuarantined")
          this.#history.quarantined(event.effect.workerId, event.effect.quarantine, nowMs);
        if (event.effect.type === "quarantineEnded")
          this.#history.quarantineEnded(event.effect.workerId, nowMs);
        if (event.effect.type === "jobChanged") this.#streams.jobChanged(event.effect.jobId);
        break;
      case "logged":
        this.#streams.jobLog(event.entries);
        break;
      case "hostLoad":
        this.#workers.noteLoad(event.workerId, event.load);
        break;
      case "synced":
        this.#sync.note(event.elapsedMs);
        break;
      case "linkCut":
        this.#counts.linkCut(event.cut.why);
        break;
      case "beat":
        this.#beat(nowMs);
        break;
    }
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#http.serve(request, response);
  }

  close(): void {
    this.#streams.close();
  }

  #told(input: SchedulerInput, nowMs: number): void {
    this.#history.observe(input, nowMs);
    this.#workers.observe(input, nowMs);
    if (input.type !== "decided") return;
    for (const event of input.events) {
      if (event.type !== "jobStateChanged") continue;
      if (isFinalState(event.state)) {
        this.#counts.jobEnded(event.state, input.command.atMs);
        this.#trace(event.jobId);
      }
      this.#streams.jobChanged(event.jobId);
    }
  }

  /** By the replica that leads as the job ends; after the table has taken in all of it. */
  #trace(jobId: string): void {
    if (!this.#isLeader()) return;
    setImmediate(() => {
      const job = this.#inside.describeJob(jobId);
      if (job !== undefined) this.#traces.jobEnded(job);
    });
  }

  #isLeader(): boolean {
    return this.#inside.describeCluster().isLeader;
  }

  /** What has begun and ended since: a job that hangs has its spans up to there. */
  #followTraces(nowMs: number): void {
    if (!this.#isLeader()) {
      this.#traces.leave(nowMs);
      return;
    }
    for (const { id, isFinished } of this.#inside.table().jobs()) {
      const job = isFinished || !this.#traces.follows(id) ? undefined : this.#inside.describeJob(id);
      if (job !== undefined) this.#traces.look(job);
    }
  }

  #logEvent({ kind, level, jobId, atMs, text, attempt }: HistoryEvent): void {
    const { log } = this.#options;
    // A log that is read again after a start tells of the past; and one replica is enough to tell.
    if (log === undefined || atMs < this.#startedMs || !this.#inside.describeCluster().isLeader) return;
    log[level]({ event: kind, ...(jobId === null ? {} : { job: jobId }), ...attempt }, text);
  }

  #beat(nowMs: number): void {
    const elapsedMs = performance.now() - this.#beatMs;
    // The shortest interval seen is the timer's own.
    this.#intervalMs = this.#intervalMs === 0 ? elapsedMs : Math.min(this.#intervalMs, elapsedMs);
    this.#loopLagMs = this.#beatMs === 0 ? 0 : Math.max(0, elapsedMs - this.#intervalMs);
    this.#beatMs = performance.now();
    if (nowMs - this.#sampledMs < sampleMs) return;
    this.#sampledMs = nowMs;
    this.#samples.take(this.#inside.describeCluster(), nowMs);
    this.#followTraces(nowMs);
  }

  /** Newest first. */
  #jobs(): JobSummary[] {
    const ids = [...this.#inside.table().jobs()].map(({ id }) => id).reverse();
    return ids.flatMap((id) => this.#inside.describeJob(id) ?? []);
  }

  #whoAnswers(): { replica: string; isLeader: boolean; leader: string | null } {
    const { isLeader, leader } = this.#inside.describeCluster();
    return { replica: this.#inside.id, isLeader, leader };
  }

  #clusterNews(): { cluster: ClusterSummary; workers: readonly object[] } {
    const workers = this.#workers.views(this.#inside.describeWorkers(), Date.now());
    return { cluster: this.#inside.describeCluster(), workers };
  }

  /** A stream is this replica's to serve while it leads, or while nobody does. */
  #standing(): string {
    const { isLeader, leader, epoch } = this.#inside.describeCluster();
    return isLeader ? `leads ${epoch}` : `follows ${leader ?? "nobody"}`;
  }

  #leaderUrl(): string | undefined {
    const { leader, isLeader } = this.#inside.describeCluster();
    return isLeader || leader === null || leader === this.#inside.id
      ? undefined
      : this.#inside.peers.get(leader);
  }

  #replicas(): ReturnType<typeof askReplicas> {
    const { id, peers, token } = this.#inside;
    const cluster = this.#inside.describeCluster();
    const others = cluster.replicas
      .filter((replica) => replica.id !== id && replica.reachable && peers.has(replica.id))
      .map((replica) => originOf(peers.get(replica.id) ?? ""));
    return askReplicas(this.#samples.view(cluster, id), others, { token, ca: this.#options.tls?.ca });
  }

  async #control(
    verb: "cancel" | "pause" | "resume",
    jobId: string,
  ): Promise<{ jobId: string; isNew: boolean }> {
    const outcome = await this.#inside.request(verb, jobId);
    if (!outcome.ok) throw FanfoldError.fromReport(outcome.error);
    return { jobId: outcome.jobId, isNew: outcome.isNew };
  }

  #metricsText(): string {
    return metricsText(
      metricsSamples({
        counts: this.#counts,
        sync: this.#sync,
        cluster: this.#inside.describeCluster(),
        jobs: this.#jobs(),
        workers: this.#workers.views(this.#inside.describeWorkers(), Date.now()),
        reigns: this.#history.reigns.length,
        streams: this.#streams.size,
        loopLagMs: this.#loopLagMs,
        startedMs: this.#startedMs,
      }),
    );
  }
}

function hostOf(url: string): string {
  return new URL(url.replace(/^ws/, "http")).hostname;
}
