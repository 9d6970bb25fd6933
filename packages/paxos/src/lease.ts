/**
 * Decides whether a leader may answer a read by itself, without asking anybody.
 *
 * An acceptor that grants a lease to a leader promises nothing to another replica for `leaseTicks` of its own
 * clock. While a quorum stands by such grants no other leader can come to be, so nothing is decided that this
 * leader does not know. The leader counts from the moment it *asked*, which is before any acceptor answered, and
 * shortens the time by the bound on clock drift; so its lease ends first, whatever the network does. A lease rests
 * on clocks running at nearly the same rate, never on their showing the same time.
 */
import type { ReplicaId } from "./ballot.js";

/** An acceptor's side: to whom it is bound, and until when. */
export class LeaseGrant {
  #holder: ReplicaId | undefined;
  #until = 0;

  /** Until `tick` nobody can be told apart: `holder` "" stands for any leader of a forgotten life. */
  constructor(holder: ReplicaId | undefined, until: number) {
    this.#holder = holder;
    this.#until = until;
  }

  grant(holder: ReplicaId, until: number): void {
    this.#holder = holder;
    this.#until = Math.max(this.#until, until);
  }

  /** Who holds a lease at `now`, or undefined. */
  heldBy(now: number): ReplicaId | undefined {
    return now < this.#until ? this.#holder : undefined;
  }
}

/** A leader's side: when each member was last asked with success. */
export class Lease {
  readonly #asked = new Map<ReplicaId, number>();

  /** `replica` granted a lease that counts from `start`. */
  renew(replica: ReplicaId, start: number): void {
    this.#asked.set(replica, Math.max(start, this.#asked.get(replica) ?? 0));
  }

  /** The tick since when a quorum of `members` stands by the lease, or undefined. */
  heldSince(members: readonly ReplicaId[], quorum: number): number | undefined {
    const starts = members
      .map((id) => this.#asked.get(id))
      .filter((start) => start !== undefined)
      .sort((a, b) => b - a);
    return starts[quorum - 1];
  }
}
