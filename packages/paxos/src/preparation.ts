/**
 * Decides what a new leader must propose: phase 1 of "Paxos Made Simple" §2.2 for all slots at once (§3).
 *
 * Promises gather here. With a quorum of them, every slot that an earlier ballot may have chosen was reported by
 * somebody: as decided (then it must be learned before this reign proposes anything above) or as a vote (then the
 * vote of the latest ballot must be proposed again). A slot below a reported one that nobody reported was not
 * chosen and gets a no-op.
 */
import type { Ballot, ReplicaId } from "./ballot.js";
import type { Entry, Promised, Slot } from "./messages.js";
import type { Rules } from "./rules.js";

interface Promise1b {
  readonly incarnation: number;
  readonly decidedIndex: number;
  readonly slots: ReadonlyMap<number, Slot>;
  readonly remembered: ReadonlyMap<ReplicaId, number>;
}

export class Preparation {
  readonly #ballot: Ballot;
  readonly #rules: Rules;
  readonly #promises = new Map<ReplicaId, Promise1b>();

  constructor(ballot: Ballot, rules: Rules) {
    this.#ballot = ballot;
    this.#rules = rules;
  }

  add(from: ReplicaId, message: Promised): void {
    if (!this.#rules.countsPromise(message.ballot, this.#ballot)) return;
    this.#promises.set(from, {
      incarnation: message.incarnation,
      decidedIndex: message.decidedIndex,
      slots: new Map(message.accepted),
      remembered: new Map(message.remembered),
    });
  }

  /** Whether `replica` need not be asked again. */
  has(replica: ReplicaId): boolean {
    const promise = this.#promises.get(replica);
    return promise !== undefined && !this.#isVoid(replica, promise);
  }

  /** Whether a quorum of `members` has promised. */
  isComplete(members: readonly ReplicaId[]): boolean {
    return members.filter((id) => this.has(id)).length >= this.#rules.quorum(members.length);
  }

  /** Up to where the replicas that promised know the log to be decided. */
  decidedIndex(): number {
    return Math.max(0, ...this.#valid().map(({ decidedIndex }) => decidedIndex));
  }

  /** The last slot that anybody reported a vote on, 0 if none. */
  lastReported(): number {
    let last = 0;
    for (const { slots } of this.#valid()) for (const index of slots.keys()) last = Math.max(last, index);
    return last;
  }

  /** What must be proposed in this slot. */
  entryAt(index: number): Entry {
    return this.#rules.adopt(this.#valid().map(({ slots }) => slots.get(index))) ?? { type: "noop" };
  }

  #valid(): Promise1b[] {
    return [...this.#promises]
      .filter(([id, promise]) => !this.#isVoid(id, promise))
      .map(([, promise]) => promise);
  }

  #isVoid(replica: ReplicaId, { incarnation }: Promise1b): boolean {
    let latest = 0;
    for (const { remembered } of this.#promises.values())
      latest = Math.max(latest, remembered.get(replica) ?? 0);
    return this.#rules.isPromiseVoid(incarnation, latest);
  }
}
