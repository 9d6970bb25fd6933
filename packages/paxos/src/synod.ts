/**
 * Decides one value, once, among processes that crash and messages that get lost: the single-decree synod of
 * Lamport's "Paxos Made Simple" (2001), §2, in its own words.
 *
 * The intuition: a proposer first asks a majority what they have accepted so far and makes them promise to ignore
 * earlier proposals (phase 1). Any two majorities share a member, so if a value may have been chosen already, the
 * proposer hears of it and must propose that one (phase 2). The replicated log in `replica.ts` runs phase 1 for all
 * its slots at once; this file is the form to learn from and to use for a single decision.
 *
 * Everything is a value: each function takes a state and returns the next one. Whoever stores an acceptor must
 * have written the returned state to disk before its reply leaves.
 */
import { type Ballot, compareBallots, type ReplicaId } from "./ballot.js";

/** Phase 1a, proposer → every acceptor. The receiver answers with a promise, or not at all. */
export interface SynodPrepare {
  readonly type: "prepare";
  readonly ballot: Ballot;
}

/** A proposal as an acceptor accepted it. */
export interface SynodAccepted<V> {
  readonly ballot: Ballot;
  readonly value: V;
}

/** Phase 1b, acceptor → proposer: "I will accept nothing before `ballot`, and this is the last I accepted". */
export interface SynodPromise<V> {
  readonly type: "promise";
  readonly ballot: Ballot;
  readonly from: ReplicaId;
  readonly accepted: SynodAccepted<V> | undefined;
}

/** Phase 2a, proposer → every acceptor. The receiver accepts unless it has promised a later ballot. */
export interface SynodAccept<V> {
  readonly type: "accept";
  readonly ballot: Ballot;
  readonly value: V;
}

/** Phase 2b, acceptor → every learner: "I accepted this". */
export interface SynodVote<V> {
  readonly type: "accepted";
  readonly ballot: Ballot;
  readonly from: ReplicaId;
  readonly value: V;
}

/** An acceptor's whole memory. `promised` and `accepted` are two fields: a promise must not renumber a vote. */
export interface Acceptor<V> {
  readonly id: ReplicaId;
  readonly promised: Ballot | undefined;
  readonly accepted: SynodAccepted<V> | undefined;
}

/** A proposer in the middle of one ballot. `asked` becomes true once phase 2 has begun. */
export interface Proposer<V> {
  readonly ballot: Ballot;
  readonly value: V;
  readonly acceptors: readonly ReplicaId[];
  readonly promises: ReadonlyMap<ReplicaId, SynodPromise<V>>;
  readonly asked: boolean;
}

/** A learner: who voted for what in each ballot it heard of, and the value chosen once it knows. */
export interface Learner<V> {
  readonly acceptors: readonly ReplicaId[];
  readonly votes: readonly SynodVote<V>[];
  readonly chosen: SynodAccepted<V> | undefined;
}

/** An acceptor that has heard nothing yet. */
export function newAcceptor<V>(id: ReplicaId): Acceptor<V> {
  return { id, promised: undefined, accepted: undefined };
}

/** Phase 1b: promises `ballot` unless a later one was promised; then there is no reply (§2.2, P1a). */
export function onPrepare<V>(
  acceptor: Acceptor<V>,
  message: SynodPrepare,
): { readonly acceptor: Acceptor<V>; readonly reply: SynodPromise<V> | undefined } {
  if (isBefore(message.ballot, acceptor.promised)) return { acceptor, reply: undefined };
  const { ballot } = message;
  return {
    acceptor: { ...acceptor, promised: ballot },
    reply: { type: "promise", ballot, from: acceptor.id, accepted: acceptor.accepted },
  };
}

/** Phase 2b: accepts unless a later ballot was promised (§2.2, P1a). Accepting is also promising. */
export function onAccept<V>(
  acceptor: Acceptor<V>,
  message: SynodAccept<V>,
): { readonly acceptor: Acceptor<V>; readonly reply: SynodVote<V> | undefined } {
  if (isBefore(message.ballot, acceptor.promised)) return { acceptor, reply: undefined };
  const { ballot, value } = message;
  return {
    acceptor: { ...acceptor, promised: ballot, accepted: { ballot, value } },
    reply: { type: "accepted", ballot, from: acceptor.id, value },
  };
}

/** Phase 1a: begins `ballot`, which nobody may have used before, hoping for `value`. */
export function propose<V>(
  ballot: Ballot,
  value: V,
  acceptors: readonly ReplicaId[],
): { readonly proposer: Proposer<V>; readonly message: SynodPrepare } {
  return {
    proposer: { ballot, value, acceptors, promises: new Map(), asked: false },
    message: { type: "prepare", ballot },
  };
}

/** Counts a promise; with a majority it begins phase 2 with the value that {@link valueToPropose} allows. */
export function onPromise<V>(
  proposer: Proposer<V>,
  message: SynodPromise<V>,
): { readonly proposer: Proposer<V>; readonly message: SynodAccept<V> | undefined } {
  const counts = compareBallots(message.ballot, proposer.ballot) === 0;
  if (proposer.asked || !counts || !proposer.acceptors.includes(message.from)) {
    return { proposer, message: undefined };
  }
  const promises = new Map(proposer.promises).set(message.from, message);
  if (promises.size < majorityOf(proposer.acceptors.length)) {
    return { proposer: { ...proposer, promises }, message: undefined };
  }
  const value = valueToPropose([...promises.values()], proposer.value);
  return {
    proposer: { ...proposer, promises, asked: true },
    message: { type: "accept", ballot: proposer.ballot, value },
  };
}

/** The value of the latest ballot accepted among the promises, or the proposer's own if there is none (P2c). */
export function valueToPropose<V>(promises: readonly SynodPromise<V>[], own: V): V {
  let latest: SynodAccepted<V> | undefined;
  for (const { accepted } of promises) {
    if (accepted && (!latest || compareBallots(accepted.ballot, latest.ballot) > 0)) latest = accepted;
  }
  return latest ? latest.value : own;
}

/** A learner that has heard no vote yet. */
export function newLearner<V>(acceptors: readonly ReplicaId[]): Learner<V> {
  return { acceptors, votes: [], chosen: undefined };
}

/** Counts a vote: a value is chosen once a majority accepted it in one and the same ballot (§2.3). */
export function onVote<V>(learner: Learner<V>, vote: SynodVote<V>): Learner<V> {
  const known = learner.votes.some(
    (v) => v.from === vote.from && compareBallots(v.ballot, vote.ballot) === 0,
  );
  if (known || !learner.acceptors.includes(vote.from)) return learner;
  const votes = [...learner.votes, vote];
  const sameBallot = votes.filter((v) => compareBallots(v.ballot, vote.ballot) === 0);
  const chosen = sameBallot.length >= majorityOf(learner.acceptors.length);
  return { ...learner, votes, chosen: chosen ? { ballot: vote.ballot, value: vote.value } : learner.chosen };
}

/** The smallest number of members any two sets of which share one. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

function isBefore(ballot: Ballot, promised: Ballot | undefined): boolean {
  return promised !== undefined && compareBallots(ballot, promised) < 0;
}
