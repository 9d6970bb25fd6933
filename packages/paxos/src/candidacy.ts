/**
 * Decides when this replica tries to lead, begins to, and stops; and how it keeps leases, its own and those it
 * granted. The election says who should lead, the leader does the leading: this is what joins the two.
 */
import type { ReplicaAcceptor } from "./acceptor.js";
import { type Ballot, compareBallots, laterBallot, type ReplicaId } from "./ballot.js";
import type { DurableState } from "./durable.js";
import { Election } from "./election.js";
import { Leader } from "./leader.js";
import type { Learner } from "./learner.js";
import { Lease, LeaseGrant } from "./lease.js";
import type { HeartbeatReply, Promised } from "./messages.js";
import { heartbeatTicks, type Settings } from "./options.js";
import type { Outbox } from "./outbox.js";
import { RoundLength } from "./round-length.js";
import type { Rules } from "./rules.js";

export interface CandidacyDependencies {
  readonly settings: Settings;
  readonly rules: Rules;
  readonly outbox: Outbox;
  readonly learner: Learner;
  readonly acceptor: ReplicaAcceptor;
  readonly members: () => readonly ReplicaId[];
  /** Whether this replica's memory is whole. */
  readonly votes: () => boolean;
  /** The promise this replica gives to the ballot. */
  readonly promiseOf: (ballot: Ballot) => Promised;
  /** Called when this replica no longer leads. */
  readonly onStepDown: () => void;
}

export class Candidacy {
  readonly #with: CandidacyDependencies;
  readonly #election: Election;
  readonly #round: RoundLength;
  readonly #grant: LeaseGrant;
  #lease = new Lease();
  #leader: Leader | undefined;
  /** A ballot of this replica's own that is not durable yet. */
  #ballotToBe: Ballot | undefined;
  /** It should campaign as soon as the lease it granted is over. */
  #isWaiting = false;

  constructor(stored: DurableState, dependencies: CandidacyDependencies) {
    this.#with = dependencies;
    const { electionTimeoutTicks } = dependencies.settings;
    this.#election = new Election(stored.promised);
    this.#round = new RoundLength(electionTimeoutTicks, heartbeatTicks(dependencies.settings));
    this.#grant = forgottenLease(stored, dependencies);
  }

  get leader(): Leader | undefined {
    return this.#leader;
  }

  get election(): Election {
    return this.#election;
  }

  /** The replica that leads, as far as this one knows. */
  get believedLeader(): ReplicaId | undefined {
    const { id } = this.#with.settings;
    if (this.#leader) return id;
    const { leader, happy } = this.#election;
    return happy && leader.replica !== id ? leader.replica : undefined;
  }

  tick(count: number, now: number): void {
    // A replica that did not run has not read what it was sent meanwhile: it must not take that for silence.
    const lived = Math.min(count, heartbeatTicks(this.#with.settings));
    if (this.#election.tick(lived, this.#round.ticks(now))) this.#endRound(now);
    if (this.#isWaiting) this.#campaignWhenFree(now);
    this.#leader?.tick(now);
  }

  #endRound(now: number): void {
    const { settings, members, rules, votes } = this.#with;
    const shouldCampaign = this.#election.endRound({
      self: settings.id,
      members: members(),
      quorum: rules.quorum(members().length),
      leads: this.#leader !== undefined,
      votes: votes(),
    });
    const isUnheard = !this.#election.happy && rules.stepsDownUnheard();
    if (isUnheard || this.#leader?.isStuck(now)) this.stepDown();
    this.#isWaiting = shouldCampaign || (votes() && rules.campaignsUnasked());
  }

  #campaignWhenFree(now: number): void {
    const { settings, rules } = this.#with;
    if (rules.withholdsPromise(this.#grant.heldBy(now), settings.id)) return;
    this.campaign(now);
  }

  /** Begins a ballot of its own, later than any heard of. Nothing of it leaves before it is durable. */
  campaign(now: number): void {
    this.#isWaiting = false;
    if (this.#ballotToBe) return;
    const { acceptor, rules, settings, outbox } = this.#with;
    const ballot = rules.nextBallot(laterBallot(this.#election.latest, acceptor.promised), settings.id);
    if (!acceptor.promise(ballot)) return;
    this.stepDown();
    this.#ballotToBe = ballot;
    outbox.whenDurable(() => this.#begin(ballot, now));
  }

  #begin(ballot: Ballot, now: number): void {
    this.#ballotToBe = undefined;
    if (compareBallots(this.#with.acceptor.promised, ballot) !== 0 || !this.#with.votes()) return;
    this.#election.follow(ballot);
    this.#lease = new Lease();
    this.#leader = new Leader(ballot, now, this.#with);
    this.#leader.begin(this.#with.promiseOf(ballot), now);
  }

  stepDown(): void {
    this.#isWaiting = false;
    if (!this.#leader) return;
    this.#leader.end();
    this.#leader = undefined;
    this.#election.stepDown();
    this.#with.onStepDown();
  }

  /** This replica has promised `ballot` to another: it does not lead in an earlier one any more. */
  yieldTo(ballot: Ballot): void {
    if (this.#leader && compareBallots(ballot, this.#leader.ballot) > 0) this.stepDown();
    this.#election.follow(ballot);
  }

  /** Entries of this reign are decided. */
  onLaterReign(ballot: Ballot): void {
    this.#election.notice(ballot);
    if (this.#leader && this.#with.rules.endsReign(this.#leader.ballot, ballot)) this.stepDown();
  }

  onRejected(from: ReplicaId, ballot: Ballot, promised: Ballot): void {
    this.#election.notice(promised);
    if (!this.#leader || compareBallots(ballot, this.#leader.ballot) !== 0) return;
    if (this.#leader.onRejected(from)) this.stepDown();
  }

  /** Whether a lease granted to another replica forbids promising anything to `candidate`. */
  withholdsPromise(candidate: ReplicaId, now: number): boolean {
    return this.#with.rules.withholdsPromise(this.#grant.heldBy(now), candidate);
  }

  /** Grants a lease to the leader of `leading`, if that is whom this replica follows. */
  grantLease(from: ReplicaId, leading: Ballot | undefined, now: number): boolean {
    const { acceptor, settings, votes } = this.#with;
    if (!votes() || !leading || compareBallots(leading, acceptor.promised) !== 0) return false;
    this.#grant.grant(from, now + settings.leaseTicks);
    return true;
  }

  /** The ballot to ask a lease for. A leader is bound by its own lease too: it is one of those that grant it. */
  askLease(now: number): Ballot | undefined {
    if (!this.#leader?.isLeading) return undefined;
    const { id, leaseTicks } = this.#with.settings;
    this.#grant.grant(id, now + leaseTicks);
    this.#lease.renew(id, now);
    return this.#leader.ballot;
  }

  onHeartbeatReply(from: ReplicaId, message: HeartbeatReply, now: number): void {
    this.#round.answered(Math.max(0, now - message.sentAt), now);
    this.#election.heard(from, { leader: message.leader, happy: message.happy, leads: message.leads });
    const isGranted =
      this.#leader && message.leased && compareBallots(message.leased, this.#leader.ballot) === 0;
    if (isGranted) this.#lease.renew(from, this.#with.rules.leaseStart(message.sentAt, now));
  }

  /** Whether this replica may answer reads by itself. */
  holdsLease(now: number): boolean {
    const { members, rules, settings } = this.#with;
    if (!this.#leader) return false;
    const since = this.#lease.heldSince(members(), rules.quorum(members().length));
    return (
      since !== undefined && now < since + rules.usableLeaseTicks(settings.leaseTicks, settings.clockDrift)
    );
  }
}

/** Leases granted in an earlier life are forgotten: until they must be over, nobody is promised anything. */
function forgottenLease(stored: DurableState, { rules, settings }: CandidacyDependencies): LeaseGrant {
  if (stored.incarnation === 0) return new LeaseGrant(undefined, 0);
  return new LeaseGrant("", rules.restartHoldTicks(settings.leaseTicks));
}
