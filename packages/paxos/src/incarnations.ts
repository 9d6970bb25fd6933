/**
 * Decides whose word counts: remembers, durably, the latest incarnation of each replica that was heard of.
 *
 * A replica whose storage was lost forgets what it promised. It returns as a new incarnation, and from then on the
 * promises of the old one are void wherever a quorum is counted. (The idea is the crash vector of Michael et al.,
 * "Recovering Shared Objects Without Stable Storage", DISC '17.)
 */
import type { ReplicaId } from "./ballot.js";
import type { Outbox } from "./outbox.js";

export class Incarnations {
  readonly #outbox: Outbox;
  readonly #latest: Map<ReplicaId, number>;

  constructor(stored: ReadonlyMap<ReplicaId, number>, outbox: Outbox) {
    this.#latest = new Map(stored);
    this.#outbox = outbox;
  }

  /** The latest incarnation heard of, 0 if none. */
  of(replica: ReplicaId): number {
    return this.#latest.get(replica) ?? 0;
  }

  /** Remembers an incarnation, durably in time. False if a later one is known: the sender is a ghost. */
  meet(replica: ReplicaId, incarnation: number): boolean {
    const known = this.of(replica);
    if (incarnation > known) {
      this.#latest.set(replica, incarnation);
      this.#outbox.record({ type: "remembered", replica, incarnation });
    }
    return incarnation >= known;
  }

  all(): (readonly [ReplicaId, number])[] {
    return [...this.#latest];
  }
}
