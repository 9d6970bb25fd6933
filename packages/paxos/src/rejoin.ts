/**
 * Decides when a replica with an empty, or an older, storage may vote again.
 *
 * Such a replica may have promised and accepted things it no longer knows, so its vote could let a chosen value be
 * forgotten. It therefore (1) asks a quorum of the *others* which incarnation of it they remember; (2) announces a
 * later one to a quorum of the others, who remember it durably and say what they have promised: from now on its old
 * promises are void; (3) waits until a reign later than all those promises has decided its first entry, and until
 * it has that entry and all before it. That reign ran phase 1 with a quorum of others after the return, so
 * whatever the lost votes had helped to choose is in what it decided; and whatever they had not yet helped to choose
 * can no longer be chosen in an earlier ballot.
 *
 * Only when a cluster is created (`bootstrap`) is an empty storage believed, and even then not if one of those
 * asked remembers its owner.
 */
import { type Ballot, compareBallots, laterBallot, type ReplicaId, zeroBallot } from "./ballot.js";
import type { DurableState } from "./durable.js";
import type { Message } from "./messages.js";
import type { Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import type { Rules } from "./rules.js";

type Stage =
  /** The memory is whole. */
  | { readonly type: "voting" }
  /** Until enough others answered `joinReply`. */
  | { readonly type: "asking"; readonly replies: Map<ReplicaId, number> }
  /** Until enough others answered `announceReply`. */
  | { readonly type: "announcing"; readonly replies: Map<ReplicaId, Ballot> }
  /** Until a reign later than `above` is learned. */
  | { readonly type: "waiting"; readonly above: Ballot }
  /** Until the record that ends it is durable. */
  | { readonly type: "settling" };

export interface RejoinDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  /** The members as this replica knows them. */
  readonly members: () => readonly ReplicaId[];
}

export class Rejoin {
  readonly #with: RejoinDependencies;
  readonly #mayBootstrap: boolean;
  #stage: Stage;
  #incarnation: number;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(stored: DurableState, dependencies: RejoinDependencies) {
    this.#with = dependencies;
    this.#incarnation = stored.incarnation;
    this.#mayBootstrap = dependencies.settings.bootstrap && stored.incarnation === 0;
    this.#stage = stored.voting ? { type: "voting" } : { type: "asking", replies: new Map() };
    this.#believeIfAlone();
  }

  get votes(): boolean {
    return this.#stage.type === "voting";
  }

  /**
   * The incarnation whose votes this replica casts; 0 while it casts none. It is not told before it is durable: peers
   * would remember somebody whom the disk, after a crash, knows nothing of.
   */
  get incarnation(): number {
    return this.votes ? this.#incarnation : 0;
  }

  /** The storage turned out to be older than one a peer remembers. */
  begin(): void {
    this.#stage = { type: "asking", replies: new Map() };
    this.#with.outbox.record({ type: "incarnation", incarnation: this.#incarnation, voting: false });
  }

  /** Repeats the present question to those who have not answered. */
  tick(now: number): void {
    const { settings } = this.#with;
    if (this.votes || now - this.#askedAt < settings.retransmitTicks) return;
    this.#askedAt = now;
    const question = this.#question();
    if (question) for (const to of this.#others()) this.#with.outbox.send(to, question);
  }

  onJoinReply(from: ReplicaId, remembered: number): void {
    if (this.#stage.type !== "asking" || !this.#others().includes(from)) return;
    const { replies } = this.#stage;
    replies.set(from, remembered);
    const latest = Math.max(this.#incarnation, ...replies.values());
    const { rules } = this.#with;
    const quorum = this.#quorum();
    if (rules.trustsEmptyStorage(this.#mayBootstrap, latest)) {
      if (replies.size >= quorum - 1) this.#believe();
    } else if (replies.size >= quorum) {
      this.#incarnation = Math.max(1, latest) + 1;
      this.#stage = { type: "announcing", replies: new Map() };
      this.#with.outbox.record({ type: "incarnation", incarnation: this.#incarnation, voting: false });
      this.#askedAt = Number.NEGATIVE_INFINITY;
    }
  }

  onAnnounceReply(from: ReplicaId, incarnation: number, promised: Ballot): void {
    if (this.#stage.type !== "announcing" || incarnation !== this.#incarnation) return;
    if (!this.#others().includes(from)) return;
    const { replies } = this.#stage;
    replies.set(from, promised);
    if (replies.size < this.#quorum()) return;
    this.#stage = { type: "waiting", above: [...replies.values()].reduce(laterBallot, zeroBallot) };
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether learning the first entry of `reign`, and all before it, makes this replica's memory whole. */
  isEndedBy(reign: Ballot): boolean {
    return this.#stage.type === "waiting" && compareBallots(reign, this.#stage.above) > 0;
  }

  /** The memory is whole: this replica votes as soon as that is durable. */
  end(): void {
    this.#settle();
  }

  #question(): Message | undefined {
    switch (this.#stage.type) {
      case "asking":
        return { type: "joinRequest" };
      case "announcing":
        return { type: "announce", incarnation: this.#incarnation, above: undefined };
      case "waiting":
        return { type: "announce", incarnation: this.#incarnation, above: this.#stage.above };
      case "voting":
      case "settling":
        return undefined;
    }
  }

  #others(): ReplicaId[] {
    return this.#with.members().filter((id) => id !== this.#with.settings.id);
  }

  /** A quorum of all members; asked of the others alone, it meets every quorum this replica was ever part of. */
  #quorum(): number {
    const { members, settings, rules } = this.#with;
    return rules.quorum(new Set([...members(), settings.id]).size);
  }

  #believeIfAlone(): void {
    if (this.#mayBootstrap && this.#stage.type === "asking" && this.#quorum() === 1) this.#believe();
  }

  #believe(): void {
    this.#incarnation = 1;
    this.#settle();
  }

  #settle(): void {
    const settling: Stage = { type: "settling" };
    this.#stage = settling;
    const { outbox } = this.#with;
    outbox.record({ type: "incarnation", incarnation: this.#incarnation, voting: true });
    outbox.whenDurable(() => {
      if (this.#stage === settling) this.#stage = { type: "voting" };
    });
  }
}
