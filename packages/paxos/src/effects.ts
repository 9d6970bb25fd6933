/**
 * The two sides of a replica's one door, `step(input): Effect[]`.
 *
 * The effects of a step are one list and its order is the contract: carry them out in order, or at least never a
 * later one before an earlier one of the same kind. A `persist` may be carried out slowly; the replica goes on and
 * holds back by itself whatever depends on it, until `persisted` comes.
 */
import type { Ballot, ReplicaId } from "./ballot.js";
import type { DurableRecord } from "./durable.js";
import type { Entry, LogSnapshot, Message, Outcome } from "./messages.js";

/** A change of who decides, one at a time. `replace` is both steps in one, for a machine that will not come back. */
export type MembershipChange =
  | { readonly type: "add"; readonly replica: ReplicaId }
  | { readonly type: "remove"; readonly replica: ReplicaId }
  | { readonly type: "replace"; readonly replica: ReplicaId; readonly by: ReplicaId };

export type Input =
  /**
   * `count` ticks of this machine's monotonic clock went by (default 1). After a pause, the ticks that went by come
   * before any other input: leases rest on it.
   */
  | { readonly type: "tick"; readonly count?: number }
  | { readonly type: "message"; readonly from: ReplicaId; readonly message: Message }
  /** Every record of the `persist` effects up to this number is on disk, fsynced. */
  | { readonly type: "persisted"; readonly upTo: number }
  /** A client's command. `session` is a number from `openSession`, or 0 for at-least-once. */
  | {
      readonly type: "propose";
      readonly session: number;
      readonly sequence: number;
      readonly command: unknown;
    }
  /** A client asks for a session; `request` names the question in the reply. */
  | { readonly type: "openSession"; readonly request: string }
  /** A linearizable read; answered by `readReady` with this id. */
  | { readonly type: "read"; readonly id: string }
  | { readonly type: "changeMembership"; readonly id: string; readonly change: MembershipChange };

/** Why a request was not carried out here. After `leadershipLost` it may still be: retry with the same sequence. */
export type Refusal =
  | { readonly type: "notLeader"; readonly believedLeader: ReplicaId | undefined }
  | { readonly type: "leadershipLost"; readonly believedLeader: ReplicaId | undefined }
  | { readonly type: "overloaded" }
  /** Another change is under way, this leader is too new, or the change would change nothing. */
  | { readonly type: "membershipRefused"; readonly reason: "inProgress" | "notYetLeading" | "noChange" };

/** What a `reply` answers. */
export type Request =
  | { readonly type: "propose"; readonly session: number; readonly sequence: number }
  | { readonly type: "openSession"; readonly request: string }
  | { readonly type: "read"; readonly id: string }
  | { readonly type: "changeMembership"; readonly id: string };

export type HaltReason =
  /** A majority of the members has another state after the same entry. This one must be thrown away. */
  | { readonly type: "stateDiverged"; readonly index: number }
  /** The stored records contradict each other: an entry that should be there is not. */
  | { readonly type: "logDamaged"; readonly index: number };

export type Effect =
  /** Append these and make them durable, then give `persisted {upTo}`. There is never more than one under way. */
  | { readonly type: "persist"; readonly upTo: number; readonly records: readonly DurableRecord[] }
  /** Send, or drop: no delivery is promised to or expected from the network. */
  | { readonly type: "send"; readonly to: ReplicaId; readonly message: Message }
  /** Entry `index` is decided, and applied to the state machine. Each index once a life, in order. */
  | {
      readonly type: "decide";
      readonly index: number;
      readonly ballot: Ballot;
      readonly entry: Entry;
      readonly outcome: Outcome | undefined;
    }
  /** A request given to this replica has its outcome. */
  | { readonly type: "reply"; readonly request: Request; readonly outcome: Outcome }
  /** The membership change is decided at `index`. */
  | { readonly type: "membershipChanged"; readonly index: number; readonly members: readonly ReplicaId[] }
  /** The state machine as it is now answers the read: carry it out before any further input. */
  | { readonly type: "readReady"; readonly id: string; readonly index: number }
  | { readonly type: "refuse"; readonly request: Request; readonly refusal: Refusal }
  /** The state machine was put to this snapshot, received from a peer; indexes up to its own are not decided singly. */
  | { readonly type: "installSnapshot"; readonly snapshot: LogSnapshot }
  /** Storage may drop the records of slots up to this index: a durable snapshot stands for them. */
  | { readonly type: "truncate"; readonly upTo: number }
  /** `isLeader` is a belief; orders given on the strength of it carry `ballot`, and receivers refuse earlier ones. */
  | {
      readonly type: "leaderChanged";
      readonly ballot: Ballot;
      readonly believedLeader: ReplicaId | undefined;
      readonly isLeader: boolean;
    }
  /** This replica does nothing any more. Keep its storage for inspection. */
  | { readonly type: "halt"; readonly reason: HaltReason };
