/** What clients (the command, the API) and coordinators say to each other. */
import type { ErrorReport } from "@fanfold/job";
import type { JobSpec, JobSummary, Quarantine, WorkerState } from "@fanfold/scheduler";
import { type ClusterEvent, clusterEvent } from "./cluster-events.js";
import { type ClusterPicture, clusterPicture } from "./cluster-picture.js";
import { createCodec, type MessageCodec } from "./codec.js";
import { type JobLogEntry, jobLogEntry } from "./job-log-schema.js";
import { jobSummary } from "./job-summary-schema.js";
import { type ReplicaRole, replicaRole } from "./replica-role.js";
import * as s from "./schemas.js";

export type ClientRequest =
  /** Stores a bundle; a digest that does not fit the code is refused. */
  | { readonly type: "putBundle"; readonly digest: string; readonly code: Uint8Array }
  /** Submits a job whose bundle is stored. With a known `key`, it is that job. */
  | { readonly type: "submit"; readonly key?: string; readonly spec: JobSpec }
  | { readonly type: "cancel" | "pause" | "resume"; readonly jobId: string }
  | { readonly type: "getJob"; readonly jobId: string }
  | { readonly type: "listJobs" }
  /** From now on, `jobChanged` and `jobLog` of this job come over this link. Replies with its state now. */
  | { readonly type: "watchJob"; readonly jobId: string }
  | { readonly type: "describeCluster" }
  /** Lets a worker finish what it runs, serve what it holds, and go. `worker` is its name or its id. */
  | { readonly type: "drainWorker"; readonly worker: string }
  /** What a job was submitted as: to be submitted again, or run elsewhere. */
  | { readonly type: "getSpec"; readonly jobId: string }
  /** A job's code. */
  | { readonly type: "getBundle"; readonly digest: string }
  /**
   * What has happened behind this index of the log, of one job or of all. With `follow`, what happens from now on
   * comes over this link as `clusterEvents`.
   */
  | {
      readonly type: "listEvents";
      readonly afterIndex: number;
      readonly jobId?: string;
      readonly follow: boolean;
    }
  /** Asks for one consistent picture of the whole cluster; aborted when it takes longer. */
  | { readonly type: "takeSnapshot"; readonly timeoutMs: number };

/** The cluster as one coordinator sees it; asked of any of them. */
export interface ClusterSummary {
  /** What the first reign named the cluster; null where the asked coordinator has not learned it. */
  readonly clusterId: string | null;
  /** Id of the leader that the asked one believes in; null where there is none. */
  readonly leader: string | null;
  /** Whether the asked coordinator is that leader, and takes requests. */
  readonly isLeader: boolean;
  /** Epoch of the reign, 0 where the asked one does not lead. */
  readonly epoch: number;
  /** Ballot that the asked one follows or leads in. */
  readonly ballot: string;
  readonly replicas: readonly ClusterReplica[];
  /** How many of the replicas that can be reached now, both ways, may still fail before the cluster stops. Negative: no quorum. */
  readonly toleratedFailures: number;
  /** Known to the leader alone. */
  readonly workers: readonly ClusterWorker[];
}

export interface ClusterReplica {
  readonly id: string;
  readonly url: string;
  readonly role: ReplicaRole;
  /** Whether it and the asked coordinator hear each other, both ways. */
  readonly reachable: boolean;
  /** Why not, where the asked one knows; for people. */
  readonly problem: string | null;
  /** Index up to which it knows the log to be decided; null when it has not been heard of. */
  readonly decidedIndex: number | null;
}

export interface ClusterWorker {
  readonly workerId: string;
  readonly name: string;
  readonly slots: number;
  readonly running: number;
  /** `quarantined`: its failures look like its machine's fault, and it gets no tasks for a while. */
  readonly state: WorkerState;
  /** Why it gets no tasks, and until when; null when it is not quarantined. */
  readonly quarantine: Quarantine | null;
  /** How surely it is dead: 0 when it has just been heard, 8 when that would be wrong once in a hundred million. */
  readonly phi: number;
}

/** What each request is answered with. */
export type ClientResult =
  | { readonly type: "stored" }
  | { readonly type: "accepted"; readonly jobId: string; readonly isNew: boolean }
  | { readonly type: "job"; readonly job: JobSummary }
  | { readonly type: "jobs"; readonly jobs: readonly JobSummary[] }
  | { readonly type: "cluster"; readonly cluster: ClusterSummary }
  /** The workers that were told to drain. */
  | { readonly type: "draining"; readonly workerIds: readonly string[] }
  | { readonly type: "spec"; readonly spec: JobSpec }
  | { readonly type: "bundle"; readonly code: Uint8Array }
  | { readonly type: "events"; readonly events: readonly ClusterEvent[] }
  | { readonly type: "snapshot"; readonly takenMs: number; readonly picture: ClusterPicture };

export interface ClientToCoordinator {
  readonly requestId: number;
  readonly protocolVersion: number;
  readonly request: ClientRequest;
}

export type CoordinatorToClient =
  | {
      readonly type: "reply";
      readonly requestId: number;
      readonly result?: ClientResult;
      readonly error?: ErrorReport;
    }
  /** A watched job has changed, or has made progress. */
  | { readonly type: "jobChanged"; readonly job: JobSummary }
  | { readonly type: "jobLog"; readonly entries: readonly JobLogEntry[] }
  | { readonly type: "clusterEvents"; readonly events: readonly ClusterEvent[] };

type Request<T extends ClientRequest["type"]> = Extract<ClientRequest, { type: T }>;

const clientRequest = s.variant<ClientRequest>("type", [
  s.record<Request<"putBundle">>({ type: s.literal("putBundle"), digest: s.digest, code: s.bytes }),
  s.record<Request<"submit">>({ type: s.literal("submit"), key: s.optional(s.text), spec: s.jobSpec }),
  s.record<Extract<ClientRequest, { type: "cancel" | "pause" | "resume" }>>({
    type: s.oneOf(["cancel", "pause", "resume"]),
    jobId: s.name,
  }),
  s.record<Request<"getJob">>({ type: s.literal("getJob"), jobId: s.name }),
  s.record<Request<"listJobs">>({ type: s.literal("listJobs") }),
  s.record<Request<"watchJob">>({ type: s.literal("watchJob"), jobId: s.name }),
  s.record<Request<"describeCluster">>({ type: s.literal("describeCluster") }),
  s.record<Request<"drainWorker">>({ type: s.literal("drainWorker"), worker: s.name }),
  s.record<Request<"getSpec">>({ type: s.literal("getSpec"), jobId: s.name }),
  s.record<Request<"getBundle">>({ type: s.literal("getBundle"), digest: s.digest }),
  s.record<Request<"listEvents">>({
    type: s.literal("listEvents"),
    afterIndex: s.whole,
    jobId: s.optional(s.name),
    follow: s.flag,
  }),
  s.record<Request<"takeSnapshot">>({ type: s.literal("takeSnapshot"), timeoutMs: s.whole }),
]);

const clientToCoordinator = s.record<ClientToCoordinator>({
  requestId: s.whole,
  protocolVersion: s.whole,
  request: clientRequest,
});

/** The coordinator's end of a client's link. */
export const clientServiceCodec: MessageCodec<ClientToCoordinator, CoordinatorToClient> =
  createCodec(clientToCoordinator);

type Result<T extends ClientResult["type"]> = Extract<ClientResult, { type: T }>;
type ToClient<T extends CoordinatorToClient["type"]> = Extract<CoordinatorToClient, { type: T }>;

const quarantine = s.record<Quarantine>({
  why: s.oneOf(["failures", "cutOff"]),
  text: s.text,
  untilMs: s.amount,
  failedTasks: s.whole,
  times: s.whole,
});

const clusterSummary = s.record<ClusterSummary>({
  clusterId: s.orNull(s.name),
  leader: s.orNull(s.name),
  isLeader: s.flag,
  epoch: s.whole,
  ballot: s.text,
  replicas: s.list(
    s.record<ClusterReplica>({
      id: s.name,
      url: s.path,
      role: replicaRole,
      reachable: s.flag,
      problem: s.orNull(s.text),
      decidedIndex: s.orNull(s.whole),
    }),
  ),
  toleratedFailures: s.amount,
  workers: s.list(
    s.record<ClusterWorker>({
      workerId: s.name,
      name: s.name,
      slots: s.whole,
      running: s.whole,
      state: s.oneOf(["active", "draining", "quarantined"]),
      quarantine: s.orNull(quarantine),
      phi: s.amount,
    }),
  ),
});

const clientResult = s.variant<ClientResult>("type", [
  s.record<Result<"stored">>({ type: s.literal("stored") }),
  s.record<Result<"accepted">>({ type: s.literal("accepted"), jobId: s.name, isNew: s.flag }),
  s.record<Result<"job">>({ type: s.literal("job"), job: jobSummary }),
  s.record<Result<"jobs">>({ type: s.literal("jobs"), jobs: s.list(jobSummary) }),
  s.record<Result<"cluster">>({ type: s.literal("cluster"), cluster: clusterSummary }),
  s.record<Result<"draining">>({ type: s.literal("draining"), workerIds: s.list(s.name) }),
  s.record<Result<"spec">>({ type: s.literal("spec"), spec: s.jobSpec }),
  s.record<Result<"bundle">>({ type: s.literal("bundle"), code: s.bytes }),
  s.record<Result<"events">>({ type: s.literal("events"), events: s.list(clusterEvent) }),
  s.record<Result<"snapshot">>({ type: s.literal("snapshot"), takenMs: s.amount, picture: clusterPicture }),
]);

const coordinatorToClient = s.variant<CoordinatorToClient>("type", [
  s.record<ToClient<"reply">>({
    type: s.literal("reply"),
    requestId: s.whole,
    result: s.optional(clientResult),
    error: s.optional(s.errorReport),
  }),
  s.record<ToClient<"jobChanged">>({ type: s.literal("jobChanged"), job: jobSummary }),
  s.record<ToClient<"jobLog">>({ type: s.literal("jobLog"), entries: s.list(jobLogEntry) }),
  s.record<ToClient<"clusterEvents">>({
    type: s.literal("clusterEvents"),
    events: s.list(clusterEvent),
  }),
]);

/** The client's end of its link. */
export const clientCodec: MessageCodec<CoordinatorToClient, ClientToCoordinator> =
  createCodec(coordinatorToClient);
