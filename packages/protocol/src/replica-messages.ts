/**
 * What coordinators say to each other: Paxos, and the bundles that the log only names. Each dials all others, and
 * sends on the links it dialled.
 */
import { type ReplicaRole, replicaRole } from "./client-messages.js";
import { createCodec, type MessageCodec } from "./codec.js";
import * as s from "./schemas.js";

export type ReplicaMessage =
  /** First on a link: who dialled, and whom it takes for the members; a different list is a misconfiguration. */
  | { readonly type: "replicaHello"; readonly id: string; readonly members: readonly string[] }
  /** A message of package `paxos`, encoded by itself. */
  | { readonly type: "paxos"; readonly message: Uint8Array }
  /** A few times a second, for people and for `cluster`. */
  | { readonly type: "replicaStatus"; readonly role: ReplicaRole; readonly decidedIndex: number }
  /** Keep this bundle; answered by `bundleStored`. */
  | { readonly type: "storeBundle"; readonly digest: string; readonly code: Uint8Array }
  | { readonly type: "bundleStored"; readonly digest: string }
  /** Asks for a bundle; whoever has it answers by `storeBundle`. */
  | { readonly type: "wantBundle"; readonly digest: string };

type Kind<T extends ReplicaMessage["type"]> = Extract<ReplicaMessage, { type: T }>;

const replicaMessage = s.variant<ReplicaMessage>("type", [
  s.record<Kind<"replicaHello">>({
    type: s.literal("replicaHello"),
    id: s.name,
    members: s.list(s.name, 100),
  }),
  s.record<Kind<"paxos">>({ type: s.literal("paxos"), message: s.bytes }),
  s.record<Kind<"replicaStatus">>({
    type: s.literal("replicaStatus"),
    role: replicaRole,
    decidedIndex: s.whole,
  }),
  s.record<Kind<"storeBundle">>({ type: s.literal("storeBundle"), digest: s.digest, code: s.bytes }),
  s.record<Kind<"bundleStored">>({ type: s.literal("bundleStored"), digest: s.digest }),
  s.record<Kind<"wantBundle">>({ type: s.literal("wantBundle"), digest: s.digest }),
]);

export const replicaCodec: MessageCodec<ReplicaMessage, ReplicaMessage> = createCodec(replicaMessage);
