/**
 * A picture of a cluster: what a Chandy–Lamport snapshot of its coordinators, workers and fetches consists of, in
 * messages and in files. See `docs/snapshots.md`.
 */
import type { ChannelPart, Snapshot, SnapshotName, SnapshotPart, SnapshotSignal } from "@fanfold/snapshot";
import { type ReplicaRole, replicaRole } from "./replica-role.js";
import * as s from "./schemas.js";

/** One coordinator. What only a leader knows is empty where it does not lead. */
export interface CoordinatorState {
  readonly kind: "coordinator";
  readonly role: ReplicaRole;
  /** Of its reign; 0 where it does not lead. */
  readonly epoch: number;
  readonly ballot: string;
  readonly decidedIndex: number;
  /** Checksum of the job table; alike wherever the decided index is. */
  readonly tableDigest: string;
  /** Jobs that are not over, with the tasks of each stage whose results are known. */
  readonly jobs: readonly JobState[];
  /** Attempts that the leader takes for running, or whose report waits for the log. */
  readonly attempts: readonly {
    readonly attempt: string;
    readonly workerId: string;
    readonly hasReported: boolean;
  }[];
  /** Workers with a link at the time. */
  readonly connected: readonly string[];
}

export interface JobState {
  readonly jobId: string;
  readonly state: string;
  readonly stages: readonly { readonly tasks: number; readonly done: number }[];
}

/** One worker's daemon. */
export interface WorkerState {
  readonly kind: "worker";
  /** Of the leader that it follows. */
  readonly epoch: number;
  /** `ended`: reported, and not settled. */
  readonly attempts: readonly {
    readonly attempt: string;
    readonly state: "running" | "stopping" | "ended";
  }[];
  /** Map outputs that it keeps for others. */
  readonly segments: readonly string[];
  /** Inputs being listed and outputs being published. */
  readonly errands: readonly string[];
  /** What it has sent of its segments: to those who fetch, and to those who keep a copy. */
  readonly sent: readonly LinkCount[];
  /** What its fetches that are over have received, and what it keeps copies of. */
  readonly received: readonly LinkCount[];
}

/** One reduce attempt that fetches its segments, in an executor. */
export interface FetchState {
  readonly kind: "fetch";
  readonly attempt: string;
  readonly received: readonly LinkCount[];
}

/** What has passed over one shuffle link. Records are counted with the message that announces their segment. */
export interface LinkCount {
  /** `<attempt>#<number>` of a fetch, `<attempt>~copy` of a copy; the same at both ends. */
  readonly link: string;
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  /** At a receiver: the channel it comes over, where that has another name. */
  readonly channel?: string;
  /** `broken`: it ended too early, and what was on its way is gone. */
  readonly state: "open" | "done" | "broken";
}

export type NodeState = CoordinatorState | WorkerState | FetchState;

/** What a picture keeps of a message on its way. */
export interface MessageSummary {
  readonly type: string;
  readonly attempt?: string;
  readonly jobId?: string;
  readonly segments?: number;
  readonly records?: number;
  readonly bytes?: number;
  readonly counts?: readonly LinkCount[];
}

export type PicturePart = SnapshotPart<NodeState, MessageSummary>;
export type ClusterPicture = Snapshot<NodeState, MessageSummary>;

/** Nodes of one picture: 2,000 workers, and their fetches. */
const nodesMax = 100_000;
const idText: s.SchemaOf<string> = s.path;

const linkCount = s.record<LinkCount>({
  link: idText,
  segments: s.whole,
  records: s.whole,
  bytes: s.whole,
  channel: s.optional(idText),
  state: s.oneOf(["open", "done", "broken"]),
});

export const linkCounts: s.SchemaOf<readonly LinkCount[]> = s.list(linkCount);

const nodeState = s.variant<NodeState>("kind", [
  s.record<CoordinatorState>({
    kind: s.literal("coordinator"),
    role: replicaRole,
    epoch: s.whole,
    ballot: s.text,
    decidedIndex: s.whole,
    tableDigest: s.text,
    jobs: s.list(
      s.record<JobState>({
        jobId: s.name,
        state: s.text,
        stages: s.list(s.record<JobState["stages"][number]>({ tasks: s.whole, done: s.whole })),
      }),
    ),
    attempts: s.list(
      s.record<CoordinatorState["attempts"][number]>({
        attempt: idText,
        workerId: idText,
        hasReported: s.flag,
      }),
    ),
    connected: s.list(idText),
  }),
  s.record<WorkerState>({
    kind: s.literal("worker"),
    epoch: s.whole,
    attempts: s.list(
      s.record<WorkerState["attempts"][number]>({
        attempt: idText,
        state: s.oneOf(["running", "stopping", "ended"]),
      }),
    ),
    segments: s.list(idText),
    errands: s.list(s.text),
    sent: linkCounts,
    received: linkCounts,
  }),
  s.record<FetchState>({ kind: s.literal("fetch"), attempt: idText, received: linkCounts }),
]);

const messageSummary = s.record<MessageSummary>({
  type: s.text,
  attempt: s.optional(idText),
  jobId: s.optional(idText),
  segments: s.optional(s.whole),
  records: s.optional(s.whole),
  bytes: s.optional(s.whole),
  counts: s.optional(linkCounts),
});

export const picturePart: s.SchemaOf<PicturePart> = s.record<PicturePart>({
  snapshot: idText,
  node: idText,
  state: nodeState,
  channels: s.list(
    s.record<ChannelPart<MessageSummary>>({
      channel: idText,
      peer: s.orNull(idText),
      sends: s.flag,
      receives: s.flag,
      wasSilent: s.flag,
      inFlight: s.list(messageSummary),
      end: s.oneOf(["marker", "left"]),
    }),
  ),
});

export const clusterPicture: s.SchemaOf<ClusterPicture> = s.record<ClusterPicture>({
  snapshot: idText,
  initiator: idText,
  parts: s.list(picturePart, nodesMax),
});

export const snapshotNames: s.SchemaOf<readonly SnapshotName[]> = s.list(
  s.record<SnapshotName>({ snapshot: idText, initiator: idText }),
  100,
);

type Signal<T extends SnapshotSignal["type"]> = Extract<SnapshotSignal, { type: T }>;

export const snapshotSignal: s.SchemaOf<SnapshotSignal> = s.variant<SnapshotSignal>("type", [
  s.record<Signal<"marker">>({
    type: s.literal("marker"),
    snapshot: idText,
    initiator: idText,
    from: idText,
  }),
  s.record<Signal<"aborted">>({ type: s.literal("aborted"), snapshot: idText, reason: s.text }),
  s.record<Signal<"completed">>({ type: s.literal("completed"), snapshot: idText }),
]);

/** In-band on every link between nodes, in its place among the messages. */
export interface SignalMessage {
  readonly type: "snapshotSignal";
  readonly signal: SnapshotSignal;
}

/** A node's part of a snapshot, on its way to the initiator. */
export interface PartMessage {
  readonly type: "snapshotPart";
  readonly initiator: string;
  readonly part: PicturePart;
}

export const signalMessage: s.SchemaOf<SignalMessage> = s.record<SignalMessage>({
  type: s.literal("snapshotSignal"),
  signal: snapshotSignal,
});

export const partMessage: s.SchemaOf<PartMessage> = s.record<PartMessage>({
  type: s.literal("snapshotPart"),
  initiator: idText,
  part: picturePart,
});
