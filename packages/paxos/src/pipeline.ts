/**
 * Decides when to send which entries to each follower: phase 2, pipelined and batched.
 *
 * A few messages may be on their way to a follower at once; while they are, new entries gather and leave together. A
 * follower that stops answering gets one message now and then, so a dead one costs nearly nothing.
 */
import type { Ballot, ReplicaId } from "./ballot.js";
import type { Learner } from "./learner.js";
import type { Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import type { Rules } from "./rules.js";

interface Follower {
  /** It accepted every slot of the reign up to here. */
  acked: number;
  /** The next slot to send. */
  next: number;
  /** Last slots of the messages that are not acknowledged. */
  onTheWay: number[];
  /** It has not answered the last try: try with one message at a time. */
  silent: boolean;
  /** When it was last sent entries, or last made progress. */
  activeAt: number;
  /** The decided index it was last told. */
  told: number;
}

export interface PipelineDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly learner: Learner;
}

export class Pipeline {
  readonly #ballot: Ballot;
  readonly #base: number;
  readonly #with: PipelineDependencies;
  readonly #followers = new Map<ReplicaId, Follower>();
  #ownAcked: number;
  /** Every slot up to here was decided before this reign, or by votes counted here. */
  #counted: number;
  #hasNews = false;

  /** `base`: the first slot of the reign. */
  constructor(ballot: Ballot, base: number, dependencies: PipelineDependencies) {
    this.#ballot = ballot;
    this.#base = base;
    this.#with = dependencies;
    this.#ownAcked = base - 1;
    this.#counted = base - 1;
  }

  /** Follows a change of members. */
  setMembers(members: readonly ReplicaId[], now: number): void {
    this.#hasNews = true;
    for (const id of this.#followers.keys()) if (!members.includes(id)) this.#followers.delete(id);
    const next = Math.max(this.#base, this.#with.learner.decidedIndex + 1);
    for (const id of members) {
      if (id === this.#with.settings.id || this.#followers.has(id)) continue;
      this.#followers.set(id, {
        acked: this.#base - 1,
        next,
        onTheWay: [],
        silent: false,
        activeAt: now,
        told: 0,
      });
    }
  }

  /** This replica's own votes are durable up to `upTo`. */
  onOwnVotes(upTo: number): void {
    this.#ownAcked = Math.max(this.#ownAcked, upTo);
    this.#hasNews = true;
  }

  onAccepted(from: ReplicaId, upTo: number, now: number): void {
    const follower = this.#followers.get(from);
    if (!follower) return;
    follower.silent = false;
    if (upTo <= follower.acked) return;
    follower.acked = upTo;
    this.#hasNews = true;
    follower.next = Math.max(follower.next, upTo + 1);
    follower.onTheWay = follower.onTheWay.filter((last) => last > upTo);
    follower.activeAt = now;
  }

  /** Whether there were votes, or other members, since the last call: if not, there is nothing to count. */
  takeNews(): boolean {
    const hadNews = this.#hasNews;
    this.#hasNews = false;
    return hadNews;
  }

  /** The last slot that a quorum of `members` has accepted. */
  chosenIndex(members: readonly ReplicaId[], quorum: number): number {
    const { settings } = this.#with;
    const acked = members.map((id) =>
      id === settings.id ? this.#ownAcked : (this.#followers.get(id)?.acked ?? this.#base - 1),
    );
    return acked.sort((a, b) => b - a)[quorum - 1] ?? this.#base - 1;
  }

  /** Every slot up to `index` was found to have a quorum of votes. */
  onCounted(index: number): void {
    this.#counted = Math.max(this.#counted, index);
  }

  /** Sends what may be sent of the slots up to `last`. */
  flush(last: number, now: number): void {
    for (const [to, follower] of this.#followers) {
      const limit = follower.silent ? 1 : this.#with.settings.pipelineMax;
      while (follower.next <= last && follower.onTheWay.length < limit)
        this.#sendEntries(to, follower, last, now);
    }
  }

  /** Tries again where nothing has moved for a while, and tells the others how far the log is decided. */
  tick(last: number, now: number): void {
    const { settings, outbox } = this.#with;
    const announced = this.#announced();
    for (const [to, follower] of this.#followers) {
      if (follower.acked < last && now - follower.activeAt >= settings.retransmitTicks) {
        follower.next = follower.acked + 1;
        follower.onTheWay = [];
        follower.silent = true;
        follower.activeAt = now;
      } else if (follower.told < announced) {
        follower.told = announced;
        outbox.send(to, { type: "decided", ballot: this.#ballot, decidedIndex: announced });
      }
    }
    this.flush(last, now);
  }

  #announced(): number {
    const { rules, learner } = this.#with;
    return rules.announcedIndex(this.#counted, learner.decidedIndex);
  }

  #sendEntries(to: ReplicaId, follower: Follower, last: number, now: number): void {
    const { settings, learner, outbox } = this.#with;
    // What is truncated here the follower fetches as a snapshot.
    const first = Math.max(follower.next, learner.log.truncatedTo + 1);
    const entries = learner.log.run(first, last, settings.batchMax).map(({ entry }) => entry);
    const decidedIndex = this.#announced();
    follower.next = first + entries.length;
    follower.onTheWay.push(follower.next - 1);
    follower.activeAt = now;
    follower.told = decidedIndex;
    outbox.send(to, { type: "accept", ballot: this.#ballot, base: this.#base, first, entries, decidedIndex });
  }
}
