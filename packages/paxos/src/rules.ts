/**
 * The decisions on which safety rests, each one a small function with its reason. Everything else in this package
 * is book-keeping around them.
 *
 * They are gathered in one value so that they can be read in one sitting, and so that the tests can plant each
 * known mistake by replacing one of them and show that the simulator notices. Production code never replaces any.
 */
import { type Ballot, compareBallots, laterBallot, type ReplicaId } from "./ballot.js";
import type { Entry, Message, Outcome, SessionRecord, Slot } from "./messages.js";

/** What one acceptor's promise says about a slot: the slot as accepted, or nothing. */
export type Reports = readonly (Slot | undefined)[];

export interface Rules {
  /** The size of a quorum: any two must share a member. */
  quorum(members: number): number;

  /** Phase 1b: a promise is only ever raised. Repeating the promised ballot repeats the promise. */
  mayPromise(promised: Ballot, ballot: Ballot): boolean;
  /** Phase 2b: nothing before the promise is accepted. */
  mayAccept(promised: Ballot, ballot: Ballot): boolean;
  /** Accepting is promising: otherwise an earlier ballot could still be accepted over a later one. */
  promisedAfterAccept(promised: Ballot, ballot: Ballot): Ballot;
  /** A promise reports the ballot of the vote, never the ballot of the promise. */
  reportedSlot(slot: Slot, promising: Ballot): Slot;
  /** Every vote on a slot that is not known to be decided must be reported. */
  mustReport(index: number, decidedIndex: number): boolean;

  /** P2c: the entry of the latest ballot reported by any acceptor of the quorum; undefined leaves it free. */
  adopt(reports: Reports): Entry | undefined;
  /** A reign proposes only above everything that any promise says is decided: those slots must be learned. */
  decidedFloor(own: number, reported: number): number;
  /** A ballot nobody has used: later than all heard of, in this life or, by what is durable, an earlier one. */
  nextBallot(floor: Ballot, self: ReplicaId): Ballot;
  /** A promise counts for the ballot it names alone. */
  countsPromise(ballot: Ballot, own: Ballot): boolean;
  /** A vote counts for the ballot it names alone. */
  countsVote(ballot: Ballot, own: Ballot): boolean;
  /** A promise is void once its sender has come back without its memory. */
  isPromiseVoid(incarnation: number, remembered: number): boolean;
  /** How far an acceptor may say it accepted: the end of the run without a gap, not the last slot it has. */
  acknowledged(runEnd: number, lastReceived: number): number;
  /** A slot has this reign's vote only if it was voted for in its ballot; that it is decided proves nothing. */
  isVote(slotBallot: Ballot, reignBallot: Ballot, isDecided: boolean): boolean;
  /** A slot a leader calls decided is the one of its own ballot; another vote in that slot may be a loser. */
  isDecidedSlot(slotBallot: Ballot, leaderBallot: Ballot): boolean;
  /**
   * How far a leader may tell its followers that its proposals are decided: as far as it counted votes for them. What
   * it learned from others may be a later reign's entries, where its own proposals lost.
   */
  announcedIndex(counted: number, decided: number): number;

  /** Whether a replica campaigns though the election does not ask it to. Safety must not rest on the election. */
  campaignsUnasked(): boolean;
  /** A leader that sees an entry decided in a later reign leads no more. */
  endsReign(own: Ballot, decidedIn: Ballot): boolean;

  /** Whether a message must wait until everything recorded before it is durable. */
  waitsForDisk(message: Message): boolean;
  /** The leader's own vote counts when it is on its own disk, like everybody's. */
  ownVoteWaitsForDisk(): boolean;
  /** Old slots go only after the snapshot that stands for them is durable. */
  truncationWaitsForDisk(): boolean;

  /** Nothing is proposed, or counted, beyond a membership change until it is decided: by whom is not known before. */
  waitsForMembers(): boolean;
  /** Slots after a membership change need promises of the new members' quorum too. */
  mustAskNewMembers(): boolean;
  /** An empty storage is believed only when the cluster is being created and nobody remembers its owner. */
  trustsEmptyStorage(bootstrap: boolean, remembered: number): boolean;
  /** A start must find every write that an earlier one told of. */
  isDiskLost(found: number, told: number): boolean;
  /** What a start told later than it began says nothing about what it found. */
  judgesWithinStart(): boolean;
  /** Of the writes of its disk a replica tells only the durable ones: the others a crash may take. */
  toldWrites(durable: number, written: number): number;
  /** A replica that has just started lets the others hear what it found before it votes. */
  answersRollCall(): boolean;

  /** While a lease it granted runs, an acceptor promises nothing to another replica. */
  withholdsPromise(leaseHeldBy: ReplicaId | undefined, candidate: ReplicaId): boolean;
  /** An acceptor that restarted has forgotten the leases it granted, so it waits one out. */
  restartHoldTicks(leaseTicks: number): number;
  /** The tick a lease counts from: when the question was sent, not when the answer came. */
  leaseStart(sentAt: number, receivedAt: number): number;
  /** The ticks a leader may rely on a lease of `leaseTicks`, when clocks' rates differ by up to `drift`. */
  usableLeaseTicks(leaseTicks: number, drift: number): number;
  /**
   * A leader that hears no quorum for a round steps down, so that clients look elsewhere. Safety must not rest on
   * this: leases have to hold without.
   */
  stepsDownUnheard(): boolean;
  /** Reads see nothing until the reign's own first entry is decided: only then is the state as late as any. */
  readsWaitForReign(): boolean;
  /** Without a lease, a read must go through the log. */
  mayReadWithoutLease(): boolean;

  /** A retried command gets its first outcome again instead of being applied. */
  remembersOutcome(outcome: Outcome | undefined): boolean;
  /** Retries must be recognised after truncation too, so a snapshot carries the sessions. */
  sessionsInSnapshot(sessions: readonly SessionRecord[]): readonly SessionRecord[];
  /** The index a snapshot claims to stand for. */
  snapshotIndex(appliedIndex: number): number;
}

/** The rules as they must be. */
export const paxosRules: Rules = {
  quorum: (members) => Math.floor(members / 2) + 1,
  mayPromise: (promised, ballot) => compareBallots(ballot, promised) >= 0,
  mayAccept: (promised, ballot) => compareBallots(ballot, promised) >= 0,
  promisedAfterAccept: (promised, ballot) => laterBallot(promised, ballot),
  reportedSlot: (slot) => slot,
  mustReport: (index, decidedIndex) => index > decidedIndex,
  adopt: latestReported,
  decidedFloor: (own, reported) => Math.max(own, reported),
  nextBallot: (floor, self) => ({ round: floor.round + 1, replica: self }),
  countsPromise: (ballot, own) => compareBallots(ballot, own) === 0,
  countsVote: (ballot, own) => compareBallots(ballot, own) === 0,
  isPromiseVoid: (incarnation, remembered) => incarnation < remembered,
  acknowledged: (runEnd) => runEnd,
  isVote: (slotBallot, reignBallot) => compareBallots(slotBallot, reignBallot) === 0,
  isDecidedSlot: (slotBallot, leaderBallot) => compareBallots(slotBallot, leaderBallot) === 0,
  announcedIndex: (counted) => counted,
  campaignsUnasked: () => false,
  endsReign: (own, decidedIn) => compareBallots(decidedIn, own) > 0,
  waitsForDisk: () => true,
  ownVoteWaitsForDisk: () => true,
  truncationWaitsForDisk: () => true,
  waitsForMembers: () => true,
  mustAskNewMembers: () => true,
  trustsEmptyStorage: (bootstrap, remembered) => bootstrap && remembered === 0,
  isDiskLost: (found, told) => found < told,
  judgesWithinStart: () => false,
  toldWrites: (durable) => durable,
  answersRollCall: () => true,
  withholdsPromise: (leaseHeldBy, candidate) => leaseHeldBy !== undefined && leaseHeldBy !== candidate,
  restartHoldTicks: (leaseTicks) => leaseTicks,
  leaseStart: (sentAt) => sentAt,
  usableLeaseTicks: (leaseTicks, drift) => Math.floor(((leaseTicks - 1) * (1 - drift)) / (1 + drift)) - 1,
  stepsDownUnheard: () => true,
  readsWaitForReign: () => true,
  mayReadWithoutLease: () => false,
  remembersOutcome: (outcome) => outcome !== undefined,
  sessionsInSnapshot: (sessions) => sessions,
  snapshotIndex: (appliedIndex) => appliedIndex,
};

function latestReported(reports: Reports): Entry | undefined {
  let latest: Slot | undefined;
  for (const slot of reports) {
    if (slot && (latest === undefined || compareBallots(slot.ballot, latest.ballot) > 0)) latest = slot;
  }
  return latest?.entry;
}
