/**
 * Decides nothing that the parts do not: this is where inputs come in, are handed to the part that decides, and
 * effects go out. One replica of a Multi-Paxos log ("Paxos Made Simple" §3) with a state machine on top.
 *
 * Nothing in here knows what time it is, touches a disk or a socket, or waits for anything.
 */
import { ReplicaAcceptor } from "./acceptor.js";
import { Applier } from "./applier.js";
import { type Ballot, compareBallots, laterBallot, type ReplicaId, zeroBallot } from "./ballot.js";
import { Candidacy } from "./candidacy.js";
import { CatchUp } from "./catch-up.js";
import { DiskMarks } from "./disk-marks.js";
import { Divergence } from "./divergence.js";
import { type DurableState, emptyStorage } from "./durable.js";
import type { Effect, HaltReason, Input } from "./effects.js";
import { Incarnations } from "./incarnations.js";
import { Intake } from "./intake.js";
import { Learner } from "./learner.js";
import type {
  Accept,
  Announce,
  Entries,
  Heartbeat,
  HeartbeatReply,
  Message,
  Outcome,
  Prepare,
  Promised,
  Slot,
  SnapshotMessage,
  Stale,
} from "./messages.js";
import { heartbeatTicks, type ReplicaOptions, type Settings, settingsOf } from "./options.js";
import { Outbox } from "./outbox.js";
import { Peers } from "./peers.js";
import { Random } from "./random.js";
import { Rejoin } from "./rejoin.js";
import type { Announced, ReplicaStatus } from "./replica-status.js";
import { RollCall } from "./roll-call.js";
import { paxosRules, type Rules } from "./rules.js";
import type { AnyStateMachine } from "./state-machine.js";

/** What a replica works with. */
export interface ReplicaDependencies {
  readonly machine: AnyStateMachine;
  /** What `recoverState` made of the records of an earlier life. Default: an empty storage. */
  readonly storage?: DurableState;
  /** For tests that plant mistakes. Default: {@link paxosRules}. */
  readonly rules?: Rules;
}

/** Starts of a replica are told apart by a random number below this. */
const bootsMax: number = 2 ** 32;

export class Replica {
  readonly #settings: Settings;
  readonly #rules: Rules;
  readonly #outbox: Outbox;
  readonly #applier: Applier;
  readonly #learner: Learner;
  readonly #acceptor: ReplicaAcceptor;
  readonly #candidacy: Candidacy;
  readonly #intake: Intake;
  readonly #incarnations: Incarnations;
  readonly #diskMarks: DiskMarks;
  readonly #rollCall: RollCall;
  readonly #boot: number;
  readonly #rejoin: Rejoin;
  readonly #catchUp: CatchUp;
  readonly #divergence: Divergence;
  readonly #peers = new Peers();
  #now = 0;
  #heartbeatAt = 0;
  #decidedRecorded: number;
  #announced: Announced;
  #halted = false;

  constructor(options: ReplicaOptions, dependencies: ReplicaDependencies) {
    const settings = settingsOf(options);
    const storage = dependencies.storage ?? emptyStorage;
    const rules = dependencies.rules ?? paxosRules;
    const boot = new Random(settings.seed).below(bootsMax);
    const outbox = new Outbox(rules, boot, storage.writes);
    const applier = new Applier(settings, rules, dependencies.machine);
    const onDecided = (index: number, slot: Slot, outcome: Outcome | undefined): void =>
      this.#onDecided(index, slot, outcome);
    const learner = new Learner(storage, { settings, rules, outbox, applier, onDecided });
    const acceptor = new ReplicaAcceptor(storage, { rules, outbox, learner });
    const members = (): readonly ReplicaId[] => applier.members;
    this.#settings = settings;
    this.#rules = rules;
    this.#outbox = outbox;
    this.#applier = applier;
    this.#learner = learner;
    this.#acceptor = acceptor;
    this.#incarnations = new Incarnations(storage.remembered, outbox);
    this.#diskMarks = new DiskMarks({ rules, outbox, incarnations: this.#incarnations });
    const answersRollCall = storage.voting && rules.answersRollCall();
    this.#rollCall = new RollCall(boot, settings.electionTimeoutTicks, answersRollCall);
    this.#boot = boot;
    this.#rejoin = new Rejoin(storage, { settings, rules, outbox, members });
    this.#candidacy = new Candidacy(storage, {
      settings,
      rules,
      outbox,
      learner,
      acceptor,
      members,
      votes: () => this.#mayVote(),
      promiseOf: (ballot) => this.#promiseOf(ballot),
      onStepDown: () => this.#intake.requests.refuseAll(this.#candidacy.believedLeader),
    });
    this.#intake = new Intake({ settings, rules, outbox, applier, learner, candidacy: this.#candidacy });
    this.#catchUp = new CatchUp(settings.retransmitTicks, new Random(settings.seed));
    this.#divergence = new Divergence(4 * settings.electionTimeoutTicks);
    this.#decidedRecorded = storage.decidedIndex;
    this.#announced = { ballot: storage.promised, isLeader: false, believedLeader: undefined };
    this.#replay(storage.decidedIndex);
  }

  /**
   * Hands in one input; the effects must be carried out in order. The first step also returns the `decide` effects
   * of entries that the storage knew to be decided.
   */
  step(input: Input): Effect[] {
    if (!this.#halted) {
      this.#take(input);
      this.#settle();
    }
    return this.#outbox.drain();
  }

  get status(): ReplicaStatus {
    const { members } = this.#applier;
    const { id, electionTimeoutTicks } = this.#settings;
    const peers = this.#peers.status(
      members.filter((member) => member !== id),
      this.#now,
    );
    const isVoter = this.#rejoin.votes && members.includes(id) && !this.#halted;
    const quorum = this.#rules.quorum(members.length);
    return {
      id,
      role: this.#role(),
      ballot: this.#candidacy.election.leader,
      believedLeader: this.#candidacy.believedLeader,
      decidedIndex: this.#learner.decidedIndex,
      members,
      isConnected: this.#candidacy.election.connected,
      hasLease: this.#candidacy.holdsLease(this.#now),
      openRequests: this.#intake.requests.size,
      peers,
      failuresTolerated: this.#peers.failuresTolerated(peers, isVoter, quorum, electionTimeoutTicks),
    };
  }

  #take(input: Input): void {
    switch (input.type) {
      case "tick":
        this.#tick(input.count ?? 1);
        break;
      case "message":
        this.#receive(input.from, input.message);
        break;
      case "persisted":
        this.#outbox.persisted(input.upTo);
        break;
      case "propose":
        this.#intake.command(input.session, input.sequence, input.command);
        break;
      case "openSession":
        this.#intake.openSession(input.request);
        break;
      case "read":
        this.#intake.read(input.id);
        break;
      case "changeMembership":
        this.#intake.changeMembership(input.id, input.change);
        break;
    }
  }

  /** What follows from the input, whatever it was. */
  #settle(): void {
    this.#candidacy.leader?.advance(this.#now);
    this.#intake.serveReads(this.#now);
    this.#candidacy.leader?.advance(this.#now);
    this.#fetchIfBehind();
    this.#voteAgainIfWhole();
    this.#announceLeader();
    // The decided index rides along with a write that happens anyway: it spares a restarted cluster old slots.
    if (this.#outbox.hasStaged) this.#recordDecided();
  }

  #recordDecided(): void {
    if (this.#learner.decidedIndex <= this.#decidedRecorded) return;
    this.#decidedRecorded = this.#learner.decidedIndex;
    this.#outbox.record({ type: "decided", index: this.#decidedRecorded });
  }

  #tick(count: number): void {
    this.#now += count;
    this.#rollCall.check(this.#now, this.#others());
    this.#rejoin.tick(this.#now);
    this.#candidacy.tick(count, this.#now);
    const isCalling = this.#heartbeatAt === 0 && !this.#rollCall.isOver;
    if (isCalling || this.#now - this.#heartbeatAt >= heartbeatTicks(this.#settings)) this.#sendHeartbeats();
    this.#compareStates();
  }

  #sendHeartbeats(): void {
    this.#heartbeatAt = this.#now;
    const message: Heartbeat = {
      type: "heartbeat",
      sentAt: this.#now,
      leading: this.#candidacy.askLease(this.#now),
      decidedIndex: this.#learner.decidedIndex,
      incarnation: this.#rejoin.incarnation,
    };
    for (const id of this.#others()) this.#outbox.send(id, message);
  }

  #compareStates(): void {
    const members = this.#applier.members;
    const index = this.#divergence.verdict(this.#now, members, this.#rules.quorum(members.length));
    if (index !== undefined) this.#halt({ type: "stateDiverged", index });
  }

  // ---- messages

  #receive(from: ReplicaId, message: Message): void {
    if (!this.#diskMarks.vouchFor(from, message)) return;
    switch (message.type) {
      case "heartbeat":
        this.#onHeartbeat(from, message);
        break;
      case "heartbeatReply":
        this.#onHeartbeatReply(from, message);
        break;
      case "prepare":
        this.#onPrepare(from, message);
        break;
      case "promise":
        if (message.asker !== undefined && message.asker !== this.#boot) break;
        if (this.#incarnations.meet(from, message.incarnation))
          this.#candidacy.leader?.onPromise(from, message);
        break;
      case "accept":
        this.#onAccept(from, message);
        break;
      case "accepted":
        if (this.#incarnations.meet(from, message.incarnation)) {
          this.#candidacy.leader?.onAccepted(from, message.ballot, message.upTo, this.#now);
        }
        break;
      case "rejected":
        this.#candidacy.onRejected(from, message.ballot, message.promised);
        break;
      case "decided":
        this.#onLeaderDecided(from, message.ballot, message.decidedIndex);
        break;
      case "fetch":
        this.#onFetch(from, message.from);
        break;
      case "entries":
      case "snapshot":
        this.#onCatchUp(from, message);
        break;
      case "joinRequest":
        this.#outbox.send(from, { type: "joinReply", remembered: this.#incarnations.of(from) });
        break;
      case "joinReply":
        this.#rejoin.onJoinReply(from, message.remembered);
        break;
      case "announce":
        this.#onAnnounce(from, message);
        break;
      case "announceReply":
        this.#rejoin.onAnnounceReply(from, message.incarnation, message.promised);
        break;
      case "stale":
        this.#onStale(from, message);
        break;
    }
  }

  #onHeartbeat(from: ReplicaId, message: Heartbeat): void {
    if (!this.#isKnownIncarnation(from, message.incarnation)) return;
    const { leading, decidedIndex } = message;
    this.#catchUp.heard(from, decidedIndex, this.#now);
    const { election, leader } = this.#candidacy;
    this.#outbox.send(from, {
      type: "heartbeatReply",
      sentAt: message.sentAt,
      ...(message.disk && { asker: message.disk.boot }),
      leader: election.leader,
      happy: election.happy,
      leads: leader?.isPreparing === false,
      voting: this.#rejoin.votes,
      leased: this.#candidacy.grantLease(from, leading, this.#now) ? leading : undefined,
      decidedIndex: this.#learner.decidedIndex,
      checksum: this.#applier.checksum,
      incarnation: this.#rejoin.incarnation,
    });
  }

  #onHeartbeatReply(from: ReplicaId, message: HeartbeatReply): void {
    if (!this.#isKnownIncarnation(from, message.incarnation)) return;
    this.#rollCall.heard(from, message.asker);
    this.#rollCall.check(this.#now, this.#others());
    this.#peers.onReply(from, message, this.#now);
    this.#catchUp.heard(from, message.decidedIndex, this.#now);
    if (message.checksum) this.#divergence.heard(from, message.checksum);
    if (message.voting) this.#candidacy.onHeartbeatReply(from, message, this.#now);
  }

  #onPrepare(from: ReplicaId, { ballot, disk }: Prepare): void {
    if (!this.#mayVote() || !this.#applier.members.includes(from)) return;
    const { promised } = this.#acceptor;
    const isNews = compareBallots(ballot, promised) > 0;
    if (isNews && this.#candidacy.withholdsPromise(from, this.#now)) return;
    if (!this.#acceptor.promise(ballot)) {
      this.#outbox.send(from, { type: "rejected", ballot, promised });
      return;
    }
    this.#candidacy.yieldTo(ballot);
    this.#outbox.sendDurably(from, { ...this.#promiseOf(ballot), ...(disk && { asker: disk.boot }) });
  }

  #promiseOf(ballot: Ballot): Promised {
    return {
      type: "promise",
      ballot,
      decidedIndex: this.#learner.decidedIndex,
      accepted: this.#acceptor.report(ballot),
      incarnation: this.#rejoin.incarnation,
      remembered: this.#incarnations.all(),
    };
  }

  #onAccept(from: ReplicaId, message: Accept): void {
    this.#catchUp.heard(from, message.decidedIndex, this.#now);
    if (!this.#mayVote()) return;
    if (!this.#acceptor.accept(message)) {
      this.#outbox.send(from, {
        type: "rejected",
        ballot: message.ballot,
        promised: this.#acceptor.promised,
      });
      return;
    }
    this.#candidacy.yieldTo(message.ballot);
    this.#learner.decideAsLed(message.ballot, message.decidedIndex);
    this.#acknowledge(from);
  }

  #acknowledge(to: ReplicaId): void {
    this.#outbox.sendDurably(to, {
      type: "accepted",
      ballot: this.#acceptor.reignBallot,
      upTo: this.#acceptor.acknowledged(),
      incarnation: this.#rejoin.incarnation,
    });
  }

  #onLeaderDecided(from: ReplicaId, ballot: Ballot, decidedIndex: number): void {
    this.#catchUp.heard(from, decidedIndex, this.#now);
    this.#learner.decideAsLed(ballot, decidedIndex);
  }

  // ---- catching up

  #fetchIfBehind(): void {
    const urgent = this.#candidacy.leader?.mustCatchUp ?? false;
    const { decidedIndex } = this.#learner;
    const peer = this.#catchUp.poll(this.#now, decidedIndex, urgent);
    if (peer !== undefined) this.#outbox.send(peer, { type: "fetch", from: decidedIndex + 1 });
  }

  #onFetch(from: ReplicaId, first: number): void {
    const { decidedIndex, log, snapshot } = this.#learner;
    if (first > decidedIndex) return;
    if (first > log.truncatedTo) {
      const slots = log.run(first, decidedIndex, this.#settings.batchMax);
      this.#outbox.send(from, { type: "entries", first, slots, decidedIndex });
    } else if (snapshot) this.#outbox.send(from, { type: "snapshot", snapshot, decidedIndex });
  }

  #onCatchUp(from: ReplicaId, message: Entries | SnapshotMessage): void {
    this.#catchUp.heard(from, message.decidedIndex, this.#now);
    this.#catchUp.answered();
    // A later reign has decided something, so a quorum has promised it, and this one is over. It must end before
    // anything is learned: what waits for this reign's entries must not take another's for them.
    const reigns =
      message.type === "entries" ? message.slots.map(({ ballot }) => ballot) : [message.snapshot.reign];
    this.#candidacy.onLaterReign(reigns.reduce(laterBallot, zeroBallot));
    if (message.type === "entries") this.#learner.learn(message.first, message.slots);
    else if (this.#learner.install(message.snapshot)) this.#onMembersChanged();
  }

  // ---- returning without memory

  #onAnnounce(from: ReplicaId, { incarnation, above }: Announce): void {
    if (!this.#isKnownIncarnation(from, incarnation)) return;
    const { promised } = this.#acceptor;
    this.#outbox.sendDurably(from, { type: "announceReply", incarnation, promised });
    if (!above) return;
    const { leader, election } = this.#candidacy;
    election.notice(above);
    if (leader && compareBallots(leader.ballot, above) <= 0) this.#candidacy.campaign(this.#now);
  }

  #isKnownIncarnation(from: ReplicaId, incarnation: number): boolean {
    if (incarnation === 0 || this.#incarnations.meet(from, incarnation)) return true;
    this.#outbox.send(from, { type: "stale", remembered: this.#incarnations.of(from) });
    return false;
  }

  #onStale(from: ReplicaId, { remembered, boot }: Stale): void {
    this.#rollCall.heard(from, boot);
    const { incarnation, votes } = this.#rejoin;
    const isRolledBack = boot === this.#boot && remembered === incarnation;
    if (!votes || !(remembered > incarnation || isRolledBack)) return;
    this.#candidacy.stepDown();
    this.#rejoin.begin();
  }

  #voteAgainIfWhole(): void {
    const { reign } = this.#applier;
    if (!this.#rejoin.isEndedBy(reign)) return;
    // In this order: what was learned, the least this replica can have promised, and only then the right to vote.
    this.#recordDecided();
    this.#acceptor.promise(laterBallot(this.#acceptor.promised, reign));
    this.#rejoin.end();
  }

  // ---- what was decided

  #onDecided(index: number, slot: Slot, outcome: Outcome | undefined): void {
    const { checksum, members } = this.#applier;
    if (checksum?.index === index) this.#divergence.own(checksum);
    this.#intake.requests.onDecided(index, slot, outcome);
    if (slot.entry.type !== "members") return;
    this.#outbox.emit({ type: "membershipChanged", index, members });
    this.#onMembersChanged();
  }

  #onMembersChanged(): void {
    this.#candidacy.leader?.onMembersChanged(this.#now);
    if (!this.#applier.members.includes(this.#settings.id)) this.#candidacy.stepDown();
  }

  /** Brings the state machine to where the storage knows the log to be decided. */
  #replay(decidedIndex: number): void {
    const missing = this.#learner.decideUpTo(decidedIndex);
    if (missing !== undefined) this.#halt({ type: "logDamaged", index: missing });
  }

  // ---- beliefs

  /** Whether this replica's memory is whole, as far as it and its peers know. */
  #mayVote(): boolean {
    return this.#rejoin.votes && this.#rollCall.isOver;
  }

  #others(): readonly ReplicaId[] {
    return this.#applier.members.filter((id) => id !== this.#settings.id);
  }

  #role(): ReplicaStatus["role"] {
    if (this.#halted) return "halted";
    if (!this.#rejoin.votes) return "rejoining";
    if (!this.#candidacy.leader) return "follower";
    return this.#candidacy.leader.isLeading ? "leader" : "preparing";
  }

  #announceLeader(): void {
    const { election, leader, believedLeader } = this.#candidacy;
    const now: Announced = { ballot: election.leader, isLeader: leader?.isLeading === true, believedLeader };
    const last = this.#announced;
    const isSame =
      compareBallots(last.ballot, now.ballot) === 0 &&
      last.isLeader === now.isLeader &&
      last.believedLeader === believedLeader;
    if (isSame) return;
    this.#announced = now;
    this.#outbox.emit({ type: "leaderChanged", ...now });
  }

  #halt(reason: HaltReason): void {
    this.#halted = true;
    this.#candidacy.stepDown();
    this.#outbox.emit({ type: "halt", reason });
  }
}
