/**
 * Decides what this replica promises and accepts: the acceptor of "Paxos Made Simple" §2.2, for all slots at once.
 *
 * One promise covers the whole log, so a leader runs phase 1 once a reign. `promised` and the ballot of each vote are
 * kept apart. Acknowledgements are cumulative within a reign: one number says how far this replica has voted, so
 * the leader keeps one number a follower, and a lost acknowledgement is made good by the next.
 */
import { type Ballot, compareBallots, zeroBallot } from "./ballot.js";
import type { DurableState } from "./durable.js";
import type { Learner } from "./learner.js";
import type { Accept, Slot } from "./messages.js";
import type { Outbox } from "./outbox.js";
import type { Rules } from "./rules.js";

/** The reign this acceptor votes in: its ballot, and how far the votes reach. */
interface Reign {
  readonly ballot: Ballot;
  /** Every slot from the reign's first up to here has this acceptor's vote, or its leader counted enough without. */
  runEnd: number;
  lastReceived: number;
  /** Slots beyond `runEnd` that were known to be decided before they were voted for. */
  readonly lateVotes: Set<number>;
}

export interface AcceptorDependencies {
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly learner: Learner;
}

export class ReplicaAcceptor {
  readonly #with: AcceptorDependencies;
  #promised: Ballot;
  #reign: Reign = newReign(zeroBallot, 1);

  constructor(stored: DurableState, dependencies: AcceptorDependencies) {
    this.#with = dependencies;
    this.#promised = stored.promised;
  }

  /** Nothing before this ballot is promised or accepted; durable once the outbox says so. */
  get promised(): Ballot {
    return this.#promised;
  }

  /** The ballot in which {@link acknowledged} counts. */
  get reignBallot(): Ballot {
    return this.#reign.ballot;
  }

  /** Phase 1b. False if a later ballot was promised; otherwise the promise is recorded and must become durable. */
  promise(ballot: Ballot): boolean {
    if (!this.#with.rules.mayPromise(this.#promised, ballot)) return false;
    this.#raise(ballot);
    return true;
  }

  /** The votes that a promise of `ballot` must report. */
  report(ballot: Ballot): (readonly [number, Slot])[] {
    const { learner, rules } = this.#with;
    return learner.log
      .above(0)
      .filter(([index]) => rules.mustReport(index, learner.decidedIndex))
      .map(([index, slot]) => [index, rules.reportedSlot(slot, ballot)] as const);
  }

  /** Phase 2b. False if a later ballot was promised; otherwise the votes are recorded and must become durable. */
  accept(message: Accept): boolean {
    const { rules } = this.#with;
    if (!rules.mayAccept(this.#promised, message.ballot)) return false;
    this.#raise(rules.promisedAfterAccept(this.#promised, message.ballot));
    this.#enter(message.ballot, message.base);
    message.entries.forEach((entry, i) => {
      this.#vote(message.first + i, { ballot: message.ballot, entry });
    });
    this.#extendRun(message.decidedIndex);
    return true;
  }

  /**
   * How far this replica has accepted every slot of the reign. Cumulative. That a slot is known to be decided is not
   * enough to count it: it may have been decided in a later reign, against this one's proposal.
   */
  acknowledged(): number {
    return this.#with.rules.acknowledged(this.#reign.runEnd, this.#reign.lastReceived);
  }

  /** `counted`: up to where the leader of this reign has a quorum of votes without this one. */
  #extendRun(counted: number): void {
    const reign = this.#reign;
    reign.runEnd = Math.max(reign.runEnd, counted);
    while (this.#isVoted(reign.runEnd + 1)) {
      reign.runEnd += 1;
      reign.lateVotes.delete(reign.runEnd);
    }
  }

  #isVoted(index: number): boolean {
    const { learner, rules } = this.#with;
    const slot = learner.log.get(index);
    const isDecided = index <= learner.decidedIndex;
    if (slot !== undefined && rules.isVote(slot.ballot, this.#reign.ballot, isDecided)) return true;
    return this.#reign.lateVotes.has(index);
  }

  #raise(ballot: Ballot): void {
    if (compareBallots(ballot, this.#promised) === 0) return;
    this.#promised = ballot;
    this.#with.outbox.record({ type: "promised", ballot });
  }

  #enter(ballot: Ballot, base: number): void {
    if (compareBallots(ballot, this.#reign.ballot) === 0) return;
    this.#reign = newReign(ballot, base);
  }

  /** A vote on a decided slot need not be stored: whatever comes, its value is chosen, and stored as decided. */
  #vote(index: number, slot: Slot): void {
    const { learner, outbox } = this.#with;
    this.#reign.lastReceived = Math.max(this.#reign.lastReceived, index);
    if (index <= this.#reign.runEnd || this.#isVoted(index)) return;
    if (index <= learner.decidedIndex) {
      this.#reign.lateVotes.add(index);
      return;
    }
    learner.log.set(index, slot);
    outbox.record({ type: "accepted", index, slot });
  }
}

/** A reign in which nothing is voted for yet; its first slot is `base`. */
function newReign(ballot: Ballot, base: number): Reign {
  return { ballot, runEnd: base - 1, lastReceived: base - 1, lateVotes: new Set() };
}
