/**
 * Decides what is proposed in which slot during one reign, from the first `prepare` to the step down.
 *
 * A reign goes through three phases. *Preparing*: promises gather; slots that others know to be decided are learned.
 * *Adopting*: what earlier ballots may have chosen is proposed again, gaps are filled. *Leading*: the reign's own
 * first entry, then clients' commands. A membership change is a barrier in the last two: nothing is proposed beyond
 * it until it is decided, and then a quorum of the new members must have promised too. So each slot is decided by
 * the members that the entries before it name, whoever leads, and changes of any size are safe.
 */

import type { ReplicaAcceptor } from "./acceptor.js";
import type { Ballot, ReplicaId } from "./ballot.js";
import type { Learner } from "./learner.js";
import type { Entry, Promised } from "./messages.js";
import type { Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import { Pipeline } from "./pipeline.js";
import { Preparation } from "./preparation.js";
import type { Rules } from "./rules.js";

export interface LeaderDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly learner: Learner;
  readonly acceptor: ReplicaAcceptor;
  readonly members: () => readonly ReplicaId[];
}

export class Leader {
  readonly ballot: Ballot;
  readonly #with: LeaderDependencies;
  readonly #preparation: Preparation;
  readonly #rejectedBy = new Set<ReplicaId>();
  readonly #queue: Entry[] = [];
  #phase: "preparing" | "adopting" | "leading" = "preparing";
  #pipeline: Pipeline | undefined;
  /** The next slot to propose in. */
  #next = 0;
  /** The slot of the reign's own first entry, 0 before it is proposed. */
  #firstIndex = 0;
  /** The slot of a membership change that is not decided, 0 if none. */
  #barrier = 0;
  #ownRecorded = 0;
  #begun = false;
  #ended = false;
  #askedAt = 0;
  readonly #begunAt: number;

  constructor(ballot: Ballot, now: number, dependencies: LeaderDependencies) {
    this.ballot = ballot;
    this.#with = dependencies;
    this.#begunAt = now;
    this.#preparation = new Preparation(ballot, dependencies.rules);
  }

  get isLeading(): boolean {
    return this.#phase === "leading";
  }

  /** Whether it still waits for the promises of a quorum. */
  get isPreparing(): boolean {
    return this.#phase === "preparing";
  }

  /** Whether the reign's own first entry is decided, so that this replica knows all that earlier reigns decided. */
  get isEstablished(): boolean {
    return this.#firstIndex > 0 && this.#with.learner.decidedIndex >= this.#firstIndex;
  }

  /** Whether decided entries must be fetched before anything can be proposed. */
  get mustCatchUp(): boolean {
    const { learner } = this.#with;
    return (
      this.#phase !== "leading" && this.#begun && learner.decidedIndex < this.#preparation.decidedIndex()
    );
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  get hasMembershipChange(): boolean {
    return this.#barrier > 0 || this.#queue.some(({ type }) => type === "members");
  }

  /** Phase 1a. This replica's own promise to the ballot must be durable. */
  begin(own: Promised, now: number): void {
    this.#begun = true;
    this.#preparation.add(this.#with.settings.id, own);
    this.#ask(now);
  }

  /** The replica has stepped down: nothing more is proposed. */
  end(): void {
    this.#ended = true;
  }

  /** Whether phase 1 has taken so long, leases that must run out included, that it should be given up. */
  isStuck(now: number): boolean {
    const { electionTimeoutTicks, leaseTicks } = this.#with.settings;
    return this.isPreparing && now - this.#begunAt > leaseTicks + 4 * electionTimeoutTicks;
  }

  onPromise(from: ReplicaId, message: Promised): void {
    this.#preparation.add(from, message);
  }

  /** True if so many members have promised a later ballot that this one can have no quorum. */
  onRejected(from: ReplicaId): boolean {
    const { rules } = this.#with;
    const members = this.#with.members();
    this.#rejectedBy.add(from);
    const willing = members.filter((id) => !this.#rejectedBy.has(id)).length;
    return willing < rules.quorum(members.length);
  }

  onAccepted(from: ReplicaId, ballot: Ballot, upTo: number, now: number): void {
    if (!this.#pipeline || !this.#with.rules.countsVote(ballot, this.ballot)) return;
    this.#pipeline.onAccepted(from, upTo, now);
  }

  tick(now: number): void {
    const { settings } = this.#with;
    const asking = this.#begun && this.#phase !== "leading";
    if (asking && now - this.#askedAt >= settings.retransmitTicks) this.#ask(now);
    this.#pipeline?.tick(this.#next - 1, now);
  }

  enqueue(entry: Entry): void {
    this.#queue.push(entry);
  }

  /** Proposes an entry at once if one may be proposed now, ahead of the queue; its index, or undefined. */
  proposeNow(entry: Entry): number | undefined {
    return this.isLeading && this.#hasRoom() ? this.#propose(entry) : undefined;
  }

  /** Goes as far as promises, votes and limits allow. Called after every input. */
  advance(now: number): void {
    if (!this.#begun) return;
    this.#decide();
    if (this.#ended) return;
    if (this.#phase !== "leading") this.#prepareAndAdopt(now);
    while (this.#phase === "leading" && this.#queue.length > 0 && this.#hasRoom()) {
      const entry = this.#queue.shift();
      if (entry) this.#propose(entry);
    }
    this.#recordOwnVotes();
    this.#pipeline?.flush(this.#next - 1, now);
  }

  /** Members have changed: who is sent entries, and whose promises are needed. */
  onMembersChanged(now: number): void {
    this.#barrier = 0;
    this.#pipeline?.setMembers(this.#with.members(), now);
    if (this.#phase === "leading" && this.#with.rules.mustAskNewMembers()) {
      // A quorum of the new members must have promised before the next slot is proposed.
      if (!this.#preparation.isComplete(this.#with.members())) this.#phase = "adopting";
    }
  }

  #ask(now: number): void {
    this.#askedAt = now;
    for (const id of this.#with.members()) {
      if (this.#preparation.has(id) || id === this.#with.settings.id) continue;
      this.#with.outbox.send(id, { type: "prepare", ballot: this.ballot });
    }
  }

  #prepareAndAdopt(now: number): void {
    const { learner, rules } = this.#with;
    const mayGoOn = this.#phase === "adopting" && !rules.mustAskNewMembers();
    if (!mayGoOn && !this.#preparation.isComplete(this.#with.members())) return;
    const decided = learner.decidedIndex;
    if (decided < rules.decidedFloor(decided, this.#preparation.decidedIndex())) return;
    if (this.#phase === "preparing") {
      this.#phase = "adopting";
      this.#next = decided + 1;
      this.#pipeline = new Pipeline(this.ballot, this.#next, this.#with);
      this.#pipeline.setMembers(this.#with.members(), now);
    }
    this.#next = Math.max(this.#next, decided + 1);
    this.#adopt();
  }

  #adopt(): void {
    const last = this.#preparation.lastReported();
    while (this.#next <= last && !this.#isBarred()) this.#propose(this.#preparation.entryAt(this.#next));
    if (this.#isBarred() || this.#next <= last) return;
    if (this.#firstIndex === 0) this.#firstIndex = this.#propose({ type: "reign", ballot: this.ballot });
    this.#phase = "leading";
  }

  #isBarred(): boolean {
    return this.#barrier > 0 && this.#with.rules.waitsForMembers();
  }

  #hasRoom(): boolean {
    const { learner, settings } = this.#with;
    return !this.#isBarred() && this.#next - learner.decidedIndex <= settings.openSlotsMax;
  }

  #propose(entry: Entry): number {
    const { learner, outbox } = this.#with;
    const index = this.#next;
    const slot = { ballot: this.ballot, entry };
    this.#next += 1;
    learner.log.set(index, slot);
    outbox.record({ type: "accepted", index, slot });
    if (entry.type === "members") this.#barrier = index;
    return index;
  }

  #recordOwnVotes(): void {
    const { outbox, rules } = this.#with;
    const upTo = this.#next - 1;
    const pipeline = this.#pipeline;
    if (!pipeline || upTo <= this.#ownRecorded) return;
    this.#ownRecorded = upTo;
    if (rules.ownVoteWaitsForDisk()) outbox.whenDurable(() => pipeline.onOwnVotes(upTo));
    else pipeline.onOwnVotes(upTo);
  }

  /** Decides what a quorum has accepted, one membership at a time: a change decides by whom the next is decided. */
  #decide(): void {
    const { learner, rules } = this.#with;
    if (!this.#pipeline?.takeNews()) return;
    for (;;) {
      const before = learner.decidedIndex;
      const members = this.#with.members();
      const chosen = this.#pipeline.chosenIndex(members, rules.quorum(members.length));
      const isBarred = this.#isBarred() && this.#barrier > before;
      const bound = isBarred ? this.#barrier : this.#next - 1;
      this.#pipeline.onCounted(Math.min(chosen, bound));
      learner.decideUpTo(Math.min(chosen, bound));
      if (learner.decidedIndex === before) return;
    }
  }
}
