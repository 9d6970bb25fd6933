/**
 * Known protocol mistakes, each planted by replacing one rule. The simulator must find every one: a checker that finds
 * none of them proves nothing by finding nothing.
 */
import { compareBallots, paxosRules, type Rules } from "../../src/index.js";

export interface Mutation {
  readonly name: string;
  /** What is wrong, in a sentence for people. */
  readonly mistake: string;
  readonly rules: Partial<Rules>;
  /** Counts only if something false happens: that nothing happens any more is not this mistake's doing. */
  readonly safetyOnly?: boolean;
  /** Seldom or never changes what is decided, so invariants are watched too. */
  readonly watched?: boolean;
}

/**
 * A leader that hears no quorum steps down, which hides most mistakes with leases. They are hunted with that switched
 * off, since a lease must hold without.
 */
const unheard = { stepsDownUnheard: () => false };

export const mutations: readonly Mutation[] = [
  {
    name: "quorum-off-by-one",
    mistake: "half of the members pass for a quorum",
    rules: { quorum: (members) => Math.max(1, Math.floor(members / 2)) },
  },
  {
    name: "promise-lowered",
    mistake: "an acceptor promises a ballot earlier than one it has promised",
    rules: { mayPromise: () => true },
  },
  {
    name: "promise-ignored",
    mistake: "an acceptor accepts in a ballot earlier than it has promised",
    rules: { mayAccept: () => true, promisedAfterAccept: (promised) => promised },
  },
  {
    name: "ballots-merged",
    mistake: "one field serves as promised and accepted ballot, so a promise renumbers the votes",
    rules: { reportedSlot: (slot, promising) => ({ ...slot, ballot: promising }) },
  },
  {
    name: "votes-not-reported",
    mistake: "promises report no votes",
    rules: { mustReport: () => false },
  },
  {
    name: "adopts-earliest",
    mistake: "a new leader proposes the reported value of the earliest ballot",
    rules: {
      adopt: (reports) =>
        reports
          .filter((slot) => slot !== undefined)
          .sort((a, b) => compareBallots(a.ballot, b.ballot))
          .at(0)?.entry,
    },
  },
  {
    name: "adopts-nothing",
    mistake: "a new leader forgets to propose again what may have been chosen",
    rules: { adopt: () => undefined },
  },
  {
    name: "adopts-majority-only",
    mistake: "a new leader keeps a reported value only if two acceptors report it",
    rules: {
      adopt: (reports) =>
        reports.filter((slot) => slot !== undefined).length > 1 ? paxosRules.adopt(reports) : undefined,
    },
  },
  {
    name: "decided-floor-ignored",
    mistake: "a new leader proposes in slots that a promise says are decided, instead of learning them",
    rules: { decidedFloor: (own) => own },
  },
  {
    name: "ballot-reused",
    mistake: "a replica begins again with the ballot it used before",
    rules: {
      nextBallot: (floor, self) => ({
        round: floor.replica === self ? floor.round : floor.round + 1,
        replica: self,
      }),
    },
  },
  {
    name: "ballots-without-owner",
    mistake: "ballots are bare numbers, so two replicas can use the same",
    rules: { nextBallot: (floor) => ({ round: floor.round + 1, replica: "x" }) },
  },
  {
    name: "stale-promise-counted",
    mistake: "a promise for another ballot counts",
    rules: { countsPromise: () => true },
  },
  {
    name: "epoch-check-dropped",
    mistake: "promises and votes count whatever ballot they name",
    rules: { countsPromise: () => true, countsVote: () => true },
  },
  {
    name: "gap-acknowledged",
    mistake: "a cumulative acknowledgement names the last slot received, over a gap",
    rules: { acknowledged: (_runEnd, lastReceived) => lastReceived },
  },
  {
    name: "decided-in-any-ballot",
    mistake: "a follower takes its vote in an older ballot for what the leader says is decided",
    rules: { isDecidedSlot: () => true },
  },
  {
    name: "vote-before-fsync",
    mistake: "an acknowledgement leaves before the entries are durable",
    rules: { waitsForDisk: (message) => message.type !== "accepted" },
  },
  {
    name: "members-not-asked",
    mistake: "a leader goes on after a membership change without promises of the new members",
    rules: { mustAskNewMembers: () => false },
  },
  {
    name: "own-vote-before-fsync",
    mistake: "the leader counts its own vote before it is durable",
    rules: { ownVoteWaitsForDisk: () => false },
  },
  {
    name: "truncates-before-snapshot",
    mistake: "slots are dropped before the snapshot that stands for them is durable",
    rules: { truncationWaitsForDisk: () => false },
  },
  {
    name: "membership-without-barrier",
    mistake: "slots after a membership change are proposed before it is decided",
    rules: { waitsForMembers: () => false },
  },
  {
    name: "lost-disk-votes",
    mistake: "a replica whose disk was lost votes at once",
    rules: { trustsEmptyStorage: () => true },
  },
  {
    name: "lease-not-honoured",
    mistake: "an acceptor promises to another while the lease it granted runs",
    safetyOnly: true,
    rules: { ...unheard, withholdsPromise: () => false },
  },
  {
    name: "lease-forgotten-on-restart",
    mistake: "a restarted acceptor promises at once, though it may have granted a lease",
    safetyOnly: true,
    rules: { ...unheard, restartHoldTicks: () => 0 },
  },
  {
    name: "lease-from-answer",
    mistake: "a lease counts from the answer instead of the question",
    safetyOnly: true,
    rules: { ...unheard, leaseStart: (_sentAt, receivedAt) => receivedAt },
  },
  {
    name: "lease-too-long",
    mistake: "the leader relies on its lease one and a half times as long as it was granted",
    safetyOnly: true,
    rules: { ...unheard, usableLeaseTicks: (leaseTicks) => leaseTicks * 1.5 },
  },
  {
    name: "lease-never-ends",
    mistake: "a leader answers reads without a lease",
    safetyOnly: true,
    rules: { ...unheard, mayReadWithoutLease: () => true },
  },
  {
    name: "reads-before-reign",
    mistake: "a new leader answers reads before its first entry is decided",
    rules: { readsWaitForReign: () => false },
  },
  {
    name: "retry-applied-again",
    mistake: "a retried command is applied again",
    rules: { remembersOutcome: () => false },
  },
  {
    name: "sessions-not-in-snapshot",
    mistake: "the client table is lost in a snapshot",
    rules: {
      sessionsInSnapshot: (sessions) => sessions.map((session) => ({ ...session, floor: 0, outcomes: [] })),
    },
  },
  {
    name: "snapshot-off-by-one",
    mistake: "a snapshot claims the index before the last one it contains",
    rules: { snapshotIndex: (applied) => applied - 1 },
  },
  {
    name: "accepting-without-promising",
    mistake: "an acceptor accepts in a later ballot without promising it",
    watched: true,
    rules: { promisedAfterAccept: (promised) => promised },
  },
  {
    name: "decided-taken-for-vote",
    mistake: "an acceptor takes what it knows to be decided for a vote",
    watched: true,
    rules: {
      isVote: (slotBallot, reignBallot, isDecided) =>
        isDecided || paxosRules.isVote(slotBallot, reignBallot, isDecided),
    },
  },
  {
    name: "promise-before-fsync",
    mistake: "a promise leaves before it is durable",
    watched: true,
    rules: { waitsForDisk: (message) => message.type !== "promise" },
  },
  {
    name: "late-vote-counted",
    mistake: "a late vote of an earlier reign counts",
    watched: true,
    rules: { countsVote: () => true },
  },
  {
    name: "announces-what-it-learned",
    mistake: "a deposed leader announces as decided in its ballot what it learned of a later one",
    watched: true,
    rules: { announcedIndex: (_counted, decided) => decided, endsReign: () => false },
  },
  {
    name: "void-promise-counted",
    mistake: "a promise given before the disk was lost still counts",
    watched: true,
    rules: { isPromiseVoid: () => false },
  },
  {
    name: "rollback-unnoticed",
    mistake: "peers forget how many writes a replica told them of, and believe a disk that went back in time",
    watched: true,
    rules: { isDiskLost: () => false },
  },
  {
    name: "rollback-judged-within-start",
    mistake: "a replica is taken for rolled back because it wrote something after it started",
    watched: true,
    rules: { judgesWithinStart: () => true },
  },
  {
    name: "rollback-told-before-fsync",
    mistake: "a replica tells of writes that are not durable, and seems rolled back after a crash",
    watched: true,
    rules: { toldWrites: (_durable, written) => written },
  },
  {
    name: "votes-before-roll-call",
    mistake:
      "a replica that has just started votes before its peers could say that its disk went back in time",
    watched: true,
    rules: { answersRollCall: () => false },
  },
];

/** The rules with the mistake planted. */
export function mutated(mutation: Mutation): Rules {
  return { ...paxosRules, ...mutation.rules };
}
