/**
 * What workers and the leading coordinator say to each other, over the one link that the worker dialled.
 *
 * Orders of the coordinator are the scheduler's effects under the same names; see `packages/scheduler`.
 */
import type { ErrorReport, Split } from "@fanfold/job";
import type {
  AttemptId,
  AttemptProgress,
  AttemptReport,
  ListInputs,
  ManifestSummary,
  PublicationStep,
  PublishOutput,
  RunningAttempt,
  SendBoundaries,
  SendMapOutputs,
  StopReason,
  TaskAssignment,
  WorkerInfo,
} from "@fanfold/scheduler";
import type { SnapshotName } from "@fanfold/snapshot";
import {
  type PartMessage,
  partMessage,
  type SignalMessage,
  signalMessage,
  snapshotNames,
} from "./cluster-picture.js";
import { createCodec, type MessageCodec } from "./codec.js";
import type { HostLoad } from "./http-views.js";
import { type JobLogEntry, jobLogEntry } from "./job-log-schema.js";
import * as s from "./schemas.js";

export type WorkerToCoordinator =
  | SignalMessage
  | PartMessage
  /** First on every link. `running` and `heldJobs` let a new leader adopt what is already going on. */
  | {
      readonly type: "workerHello";
      readonly protocolVersion: number;
      readonly worker: WorkerInfo;
      readonly running: readonly RunningAttempt[];
      readonly heldJobs: readonly string[];
    }
  /** Every `heartbeatIntervalMs`, whether anything runs or not. */
  | {
      readonly type: "heartbeat";
      readonly progress: readonly AttemptProgress[];
      /** Of the machine, now and then. */
      readonly load?: HostLoad;
    }
  /** The end of an attempt; said again on every new link until `settleAttempt` or `stopAttempt` answers it. */
  | { readonly type: "attemptReported"; readonly report: AttemptReport }
  | {
      readonly type: "inputsListed";
      readonly jobId: string;
      readonly splits?: readonly Split[];
      readonly error?: ErrorReport;
    }
  | {
      readonly type: "outputPublished";
      readonly jobId: string;
      readonly step: PublicationStep;
      readonly participant: number;
      readonly manifest?: ManifestSummary;
      readonly error?: ErrorReport;
    }
  /** It has been told to go: it finishes what it runs and takes nothing new. */
  | { readonly type: "draining" }
  /** Its last word: it has drained, or is told to end, and does not come back. */
  | { readonly type: "leaving" }
  /** Asks for a job's code; answered by `bundle`. */
  | { readonly type: "getBundle"; readonly digest: string }
  | { readonly type: "jobLog"; readonly entries: readonly JobLogEntry[] };

/**
 * What the leader orders. Each order carries the epoch of its reign, and a worker that has heard of a later reign
 * refuses it: a leader that does not know it is deposed can do no harm.
 */
export type WorkerOrder =
  | { readonly type: "heartbeat" }
  /**
   * After each welcome, and again long before the token runs out: the key by which to check the tokens of others, and
   * the token by which this worker leaves copies of its segments with others.
   */
  | { readonly type: "credentials"; readonly tokenKey: string; readonly segmentsToken: string }
  /** `segmentsToken`: by which a reduce attempt fetches, from workers, what its job's maps have left there. */
  | { readonly type: "assignTask"; readonly assignment: TaskAssignment; readonly segmentsToken?: string }
  | { readonly type: "stopAttempt"; readonly attempt: AttemptId; readonly reason: StopReason }
  | { readonly type: "settleAttempt"; readonly attempt: AttemptId; readonly hasWon: boolean }
  | Omit<SendMapOutputs, "workerId">
  | Omit<SendBoundaries, "workerId">
  /** Drain, as at a SIGTERM. */
  | { readonly type: "drain" }
  /** Nobody needs the draining worker any more: it may go. */
  | { readonly type: "releaseWorker" }
  | Omit<ListInputs, "workerId">
  | Omit<PublishOutput, "workerId">
  | { readonly type: "discardJob"; readonly jobId: string; readonly out: string | null }
  | { readonly type: "bundle"; readonly digest: string; readonly code?: Uint8Array };

export type CoordinatorToWorker =
  | SignalMessage
  /** Answers `workerHello`. A worker that hears nothing for `leaseMs` stops its attempts by itself. */
  | {
      readonly type: "welcome";
      /** Of the cluster. A worker that has followed another one starts afresh: nobody here knows what it runs. */
      readonly clusterId: string;
      readonly epoch: number;
      readonly heartbeatIntervalMs: number;
      readonly leaseMs: number;
      /** Snapshots under way: this link opens after their cut. */
      readonly snapshots: readonly SnapshotName[];
    }
  | (WorkerOrder & { readonly epoch: number });

type FromWorker<T extends WorkerToCoordinator["type"]> = Extract<WorkerToCoordinator, { type: T }>;
type FromCoordinator<T extends CoordinatorToWorker["type"]> = Extract<CoordinatorToWorker, { type: T }>;

const hostLoad = s.record<HostLoad>({
  rssBytes: s.whole,
  hostBytes: s.whole,
  hostAvailableBytes: s.whole,
  load1: s.amount,
  cores: s.whole,
});
const publicationStep: s.SchemaOf<PublicationStep> = s.oneOf(["prepare", "commit", "abort"]);

const workerToCoordinator = s.variant<WorkerToCoordinator>("type", [
  signalMessage as s.SchemaOf<WorkerToCoordinator>,
  partMessage as s.SchemaOf<WorkerToCoordinator>,
  s.record<FromWorker<"workerHello">>({
    type: s.literal("workerHello"),
    protocolVersion: s.whole,
    worker: s.workerInfo,
    running: s.list(s.runningAttempt),
    heldJobs: s.list(s.name),
  }),
  s.record<FromWorker<"heartbeat">>({
    type: s.literal("heartbeat"),
    progress: s.list(s.attemptProgress),
    load: s.optional(hostLoad),
  }),
  s.record<FromWorker<"attemptReported">>({ type: s.literal("attemptReported"), report: s.attemptReport }),
  s.record<FromWorker<"inputsListed">>({
    type: s.literal("inputsListed"),
    jobId: s.name,
    splits: s.optional(s.list(s.split)),
    error: s.optional(s.errorReport),
  }),
  s.record<FromWorker<"outputPublished">>({
    type: s.literal("outputPublished"),
    jobId: s.name,
    step: publicationStep,
    participant: s.whole,
    manifest: s.optional(s.manifestSummary),
    error: s.optional(s.errorReport),
  }),
  s.record<FromWorker<"draining">>({ type: s.literal("draining") }),
  s.record<FromWorker<"leaving">>({ type: s.literal("leaving") }),
  s.record<FromWorker<"getBundle">>({ type: s.literal("getBundle"), digest: s.digest }),
  s.record<FromWorker<"jobLog">>({ type: s.literal("jobLog"), entries: s.list(jobLogEntry) }),
]);

const coordinatorToWorker = s.variant<CoordinatorToWorker>("type", [
  signalMessage as s.SchemaOf<CoordinatorToWorker>,
  s.record<FromCoordinator<"welcome">>({
    type: s.literal("welcome"),
    clusterId: s.name,
    epoch: s.whole,
    heartbeatIntervalMs: s.whole,
    leaseMs: s.whole,
    snapshots: snapshotNames,
  }),
  s.record<FromCoordinator<"heartbeat">>({ type: s.literal("heartbeat"), epoch: s.whole }),
  s.record<FromCoordinator<"credentials">>({
    type: s.literal("credentials"),
    epoch: s.whole,
    tokenKey: s.key,
    segmentsToken: s.text,
  }),
  s.record<FromCoordinator<"assignTask">>({
    type: s.literal("assignTask"),
    epoch: s.whole,
    assignment: s.taskAssignment,
    segmentsToken: s.optional(s.text),
  }),
  s.record<FromCoordinator<"stopAttempt">>({
    type: s.literal("stopAttempt"),
    epoch: s.whole,
    attempt: s.attemptId,
    reason: s.oneOf(["jobOver", "superseded", "inputsChanged", "preempted"]),
  }),
  s.record<FromCoordinator<"settleAttempt">>({
    type: s.literal("settleAttempt"),
    epoch: s.whole,
    attempt: s.attemptId,
    hasWon: s.flag,
  }),
  s.record<FromCoordinator<"sendMapOutputs">>({
    type: s.literal("sendMapOutputs"),
    epoch: s.whole,
    jobId: s.name,
    stage: s.whole,
    version: s.whole,
    isComplete: s.flag,
    holders: s.list(s.mapOutputHolder),
    entries: s.list(s.mapOutputEntry),
  }),
  s.record<FromCoordinator<"sendBoundaries">>({
    type: s.literal("sendBoundaries"),
    epoch: s.whole,
    jobId: s.name,
    stage: s.whole,
    boundaries: s.list(s.bytes),
  }),
  s.record<FromCoordinator<"drain">>({ type: s.literal("drain"), epoch: s.whole }),
  s.record<FromCoordinator<"releaseWorker">>({ type: s.literal("releaseWorker"), epoch: s.whole }),
  s.record<FromCoordinator<"listInputs">>({
    type: s.literal("listInputs"),
    epoch: s.whole,
    jobId: s.name,
    inputs: s.list(s.path),
    reader: s.reader,
    splitBytes: s.maybe(s.whole),
    out: s.orNull(s.path),
    folders: s.list(s.path),
    force: s.flag,
  }),
  s.record<FromCoordinator<"publishOutput">>({
    type: s.literal("publishOutput"),
    epoch: s.whole,
    jobId: s.name,
    jobName: s.name,
    step: publicationStep,
    participant: s.whole,
    kind: s.oneOf(["folder", "sink"]),
    name: s.name,
    out: s.orNull(s.path),
    main: s.orNull(s.path),
    others: s.list(s.path),
    force: s.flag,
    collectRecords: s.flag,
    bundle: s.digest,
    params: s.bytes as s.SchemaOf<unknown>,
    createdMs: s.amount,
    winners: s.list(s.publicationWinner),
    counters: s.numbersByName,
  }),
  s.record<FromCoordinator<"discardJob">>({
    type: s.literal("discardJob"),
    epoch: s.whole,
    jobId: s.name,
    out: s.orNull(s.path),
  }),
  s.record<FromCoordinator<"bundle">>({
    type: s.literal("bundle"),
    epoch: s.whole,
    digest: s.digest,
    code: s.optional(s.bytes),
  }),
]);

/** The worker's end of its link. */
export const workerCodec: MessageCodec<CoordinatorToWorker, WorkerToCoordinator> =
  createCodec(coordinatorToWorker);
/** The coordinator's end of it. */
export const coordinatorCodec: MessageCodec<WorkerToCoordinator, CoordinatorToWorker> =
  createCodec(workerToCoordinator);
