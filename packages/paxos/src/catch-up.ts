/**
 * Decides whom to ask for decided entries that this replica lacks, and when to ask again.
 *
 * Every replica says how far it knows the log, so one that is behind can ask any that is ahead, not the leader
 * alone: in a chain of links that is the only way. It waits a moment first, since what is on its way from the leader
 * need not be asked for; and it asks one peer at a time, by chance, so that one dead peer cannot hold it up.
 */
import type { ReplicaId } from "./ballot.js";
import type { Random } from "./random.js";

export class CatchUp {
  readonly #patienceTicks: number;
  readonly #random: Random;
  readonly #known = new Map<ReplicaId, number>();
  #lastIndex = 0;
  #progressAt = 0;
  #askedAt: number | undefined;

  constructor(patienceTicks: number, random: Random) {
    this.#patienceTicks = patienceTicks;
    this.#random = random;
  }

  /** `from` knows the log to be decided up to `index`. */
  heard(from: ReplicaId, index: number, now: number): void {
    if (index <= this.#lastIndex) return;
    if (this.#known.size === 0) this.#progressAt = now;
    if (index > (this.#known.get(from) ?? 0)) this.#known.set(from, index);
  }

  /** An answer came: the next question need not wait. */
  answered(): void {
    this.#askedAt = undefined;
  }

  /** The peer to ask now, given that this replica knows the log up to `decidedIndex`. */
  poll(now: number, decidedIndex: number, urgent: boolean): ReplicaId | undefined {
    if (decidedIndex > this.#lastIndex) {
      this.#lastIndex = decidedIndex;
      this.#progressAt = now;
    }
    if (this.#known.size === 0) return undefined;
    const ahead: ReplicaId[] = [];
    for (const [id, index] of this.#known) {
      if (index > decidedIndex) ahead.push(id);
      else this.#known.delete(id);
    }
    if (ahead.length === 0) return undefined;
    const waitsForAnswer = this.#askedAt !== undefined && now - this.#askedAt < this.#patienceTicks;
    const mayStillCome = !urgent && now - this.#progressAt < this.#patienceTicks;
    if (waitsForAnswer || mayStillCome) return undefined;
    this.#askedAt = now;
    return ahead[this.#random.below(ahead.length)];
  }
}
