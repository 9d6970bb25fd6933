/**
 * Decides which of two attempts to lead is the later one.
 *
 * A ballot is a proposal number of "Paxos Made Simple" §2.2: totally ordered, and never used by two replicas,
 * because the replica's name breaks ties. It doubles as the epoch that fences a leader's orders: whoever has seen a
 * later ballot refuses the earlier one.
 */

/** The name of a replica; unique in a cluster, never reused for another machine. */
export type ReplicaId = string;

/** One attempt of one replica to lead. Compare with {@link compareBallots} only. */
export interface Ballot {
  readonly round: number;
  readonly replica: ReplicaId;
}

/** Earlier than every ballot a replica can own. */
export const zeroBallot: Ballot = { round: 0, replica: "" };

/** Negative if `a` is earlier than `b`, zero if they are the same ballot, positive if later. */
export function compareBallots(a: Ballot, b: Ballot): number {
  if (a.round !== b.round) return a.round - b.round;
  if (a.replica === b.replica) return 0;
  return a.replica < b.replica ? -1 : 1;
}

/** The later of two ballots. */
export function laterBallot(a: Ballot, b: Ballot): Ballot {
  return compareBallots(a, b) >= 0 ? a : b;
}

/** `round.replica`, for logs and messages to people. */
export function formatBallot(ballot: Ballot): string {
  return `${ballot.round}.${ballot.replica}`;
}
