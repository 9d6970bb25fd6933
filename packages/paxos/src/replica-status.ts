/** Decides nothing: what a replica tells of itself. */
import type { Ballot, ReplicaId } from "./ballot.js";
import type { PeerStatus } from "./peers.js";

/** What a replica believes, for people and for dashboards. */
export interface ReplicaStatus {
  readonly id: ReplicaId;
  readonly role: "follower" | "preparing" | "leader" | "rejoining" | "halted";
  /** The ballot it follows or leads in: the epoch that fences a leader's orders. */
  readonly ballot: Ballot;
  readonly believedLeader: ReplicaId | undefined;
  readonly decidedIndex: number;
  readonly members: readonly ReplicaId[];
  /** Whether a quorum answered in the last election round. */
  readonly isConnected: boolean;
  /** Whether reads are answered without the log at this moment. */
  readonly hasLease: boolean;
  readonly openRequests: number;
  /** The other members, as last heard. */
  readonly peers: readonly PeerStatus[];
  /** How many more voting members may fail before nothing can be decided; negative if that is so already. */
  readonly failuresTolerated: number;
}

/** What was last told of who leads. */
export interface Announced {
  readonly ballot: Ballot;
  readonly isLeader: boolean;
  readonly believedLeader: ReplicaId | undefined;
}
