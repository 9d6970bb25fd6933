/**
 * What coordinators say to each other: Paxos, and the bundles that the log only names. Each dials all others, and
 * sends on the links it dialled; on those it is answered only whether it is welcome.
 */
import type { ErrorReport } from "@fanfold/job";
import { type PartMessage, partMessage, type SignalMessage, signalMessage } from "./cluster-picture.js";
import { createCodec, type MessageCodec } from "./codec.js";
import { type JobLogEntry, jobLogEntry } from "./job-log-schema.js";
import { type ReplicaRole, replicaRole } from "./replica-role.js";
import * as s from "./schemas.js";

/** Where a replica can be reached. */
export interface PeerAddress {
  readonly id: string;
  readonly url: string;
}

export type ReplicaMessage =
  | SignalMessage
  | PartMessage
  /** First on a link: who dialled, whom it means to reach, and what it takes the cluster to be. */
  | {
      readonly type: "replicaHello";
      readonly protocolVersion: number;
      readonly id: string;
      readonly to: string;
      /** Null while the dialler does not know: it is new, or its disk is. */
      readonly clusterId: string | null;
      readonly peers: readonly PeerAddress[];
    }
  /** The answer, on the same link: from now on the dialler is heard. */
  | { readonly type: "replicaWelcome"; readonly id: string; readonly clusterId: string | null }
  /** Or why not; the link is closed behind it. */
  | {
      readonly type: "replicaRefused";
      readonly id: string;
      readonly clusterId: string | null;
      readonly error: ErrorReport;
    }
  /**
   * A message of package `paxos`, encoded by itself, or the next part of one: a log snapshot may be larger than any
   * frame. Part 0 begins a message.
   */
  | { readonly type: "paxos"; readonly part: number; readonly isLast: boolean; readonly message: Uint8Array }
  /** A few times a second, for people and for `cluster`. `hears` names the replicas that the sender hears of. */
  | {
      readonly type: "replicaStatus";
      readonly role: ReplicaRole;
      readonly decidedIndex: number;
      readonly hears: readonly string[];
    }
  /** Keep this bundle; answered by `bundleStored`. */
  | { readonly type: "storeBundle"; readonly digest: string; readonly code: Uint8Array }
  | { readonly type: "bundleStored"; readonly digest: string }
  /** Lines of jobs that the leader heard from a worker: whoever leads next has them too. May be lost. */
  | { readonly type: "jobLog"; readonly entries: readonly JobLogEntry[] }
  /** Asks for a bundle; whoever has it answers by `storeBundle`. */
  | { readonly type: "wantBundle"; readonly digest: string };

/** What a link carries once both sides have agreed on who they are. */
export type PeerMessage = Exclude<
  ReplicaMessage,
  {
    type:
      | "replicaHello"
      | "replicaWelcome"
      | "replicaRefused"
      | "replicaStatus"
      | "snapshotSignal"
      | "snapshotPart";
  }
>;

/** Replicas in one list; far more than a cluster has. */
const peersMax = 100;

type Kind<T extends ReplicaMessage["type"]> = Extract<ReplicaMessage, { type: T }>;

const replicaMessage = s.variant<ReplicaMessage>("type", [
  signalMessage as s.SchemaOf<ReplicaMessage>,
  partMessage as s.SchemaOf<ReplicaMessage>,
  s.record<Kind<"replicaHello">>({
    type: s.literal("replicaHello"),
    protocolVersion: s.whole,
    id: s.name,
    to: s.name,
    clusterId: s.orNull(s.name),
    peers: s.list(s.record<PeerAddress>({ id: s.name, url: s.path }), peersMax),
  }),
  s.record<Kind<"replicaWelcome">>({
    type: s.literal("replicaWelcome"),
    id: s.name,
    clusterId: s.orNull(s.name),
  }),
  s.record<Kind<"replicaRefused">>({
    type: s.literal("replicaRefused"),
    id: s.name,
    clusterId: s.orNull(s.name),
    error: s.errorReport,
  }),
  s.record<Kind<"paxos">>({ type: s.literal("paxos"), part: s.whole, isLast: s.flag, message: s.bytes }),
  s.record<Kind<"replicaStatus">>({
    type: s.literal("replicaStatus"),
    role: replicaRole,
    decidedIndex: s.whole,
    hears: s.list(s.name, peersMax),
  }),
  s.record<Kind<"storeBundle">>({ type: s.literal("storeBundle"), digest: s.digest, code: s.bytes }),
  s.record<Kind<"bundleStored">>({ type: s.literal("bundleStored"), digest: s.digest }),
  s.record<Kind<"jobLog">>({ type: s.literal("jobLog"), entries: s.list(jobLogEntry) }),
  s.record<Kind<"wantBundle">>({ type: s.literal("wantBundle"), digest: s.digest }),
]);

export const replicaCodec: MessageCodec<ReplicaMessage, ReplicaMessage> = createCodec(replicaMessage);
