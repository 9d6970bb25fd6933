/**
 * Decides who should lead: some replica that a quorum can talk to. Safety never rests on this; only progress does.
 *
 * The idea is Omni-Paxos's (Ng, Haridi, Carbone: EuroSys '23, §4 "Ballot Leader Election"): what makes a good leader
 * is being connected to a quorum, not having the longest log. Replicas ask each other round by round. Each answer
 * says which ballot the replier follows and whether it is *happy*: it leads with a quorum that does not oppose it,
 * or hears from its leader that this is so. A replica campaigns only if it is unhappy, connected to a quorum, and
 * everybody it hears is unhappy too. So a replica that merely lost sight of a leader which serves the others keeps
 * quiet (no livelock in a chain), and one whose leader is alive but cut off from its quorum does not wait for it.
 * A replica that comes back after a partition is no candidate until nobody is happy: leadership is stable.
 */
import { type Ballot, compareBallots, laterBallot, type ReplicaId } from "./ballot.js";

/** What one answer of the present round said. */
export interface PeerView {
  readonly leader: Ballot;
  readonly happy: boolean;
  /** Whether it leads itself, promised by a quorum; one that only tries to may be waiting for a lease to end. */
  readonly leads: boolean;
}

/** What the election must know of its replica at the end of a round. */
export interface Standing {
  readonly self: ReplicaId;
  readonly members: readonly ReplicaId[];
  readonly quorum: number;
  /** Whether this replica is preparing or leading in the ballot that it follows. */
  readonly leads: boolean;
  /** Whether it may vote, and so stand for election. */
  readonly votes: boolean;
}

export class Election {
  readonly #views = new Map<ReplicaId, PeerView>();
  #ticks = 0;
  #leader: Ballot;
  #latest: Ballot;
  #happy = false;
  #connected = false;

  /** `promised`: where to begin; the ballot of an earlier life is never led again. */
  constructor(promised: Ballot) {
    this.#leader = promised;
    this.#latest = promised;
  }

  /** The ballot this replica follows. */
  get leader(): Ballot {
    return this.#leader;
  }

  /** The latest ballot heard of in any way. */
  get latest(): Ballot {
    return this.#latest;
  }

  get happy(): boolean {
    return this.#happy;
  }

  /** Whether a quorum answered in the last round. */
  get connected(): boolean {
    return this.#connected;
  }

  /** A ballot exists. It is outbid by the next campaign here, and changes nothing else. */
  notice(ballot: Ballot): void {
    this.#latest = laterBallot(this.#latest, ballot);
  }

  /** This replica promised `ballot`, accepted in it, or begins to lead in it. */
  follow(ballot: Ballot): void {
    this.notice(ballot);
    if (compareBallots(ballot, this.#leader) <= 0) return;
    this.#leader = ballot;
    this.#happy = true;
  }

  /** This replica no longer leads in the ballot that it follows. */
  stepDown(): void {
    this.#happy = false;
  }

  heard(from: ReplicaId, view: PeerView): void {
    this.#views.set(from, view);
    this.notice(view.leader);
  }

  /** Lets time pass; true when a round of `roundTicks` ends, and {@link endRound} is due. */
  tick(count: number, roundTicks: number): boolean {
    this.#ticks += count;
    if (this.#ticks < roundTicks) return false;
    this.#ticks = 0;
    return true;
  }

  /** Weighs the answers of the round; true if this replica should campaign. */
  endRound(standing: Standing): boolean {
    const { self, members, quorum, leads, votes } = standing;
    const views = [...this.#views].filter(([id]) => id !== self && members.includes(id));
    this.#views.clear();
    this.#connected = views.length + (votes ? 1 : 0) >= quorum;
    if (!leads) this.#adoptLeader(views);
    if (leads) this.#happy = this.#supporters(views) >= quorum;
    else {
      const view = views.find(([id]) => id === this.#leader.replica)?.[1];
      this.#happy = view?.happy === true && compareBallots(view.leader, this.#leader) === 0;
    }
    const mayStand = votes && members.includes(self) && this.#connected;
    if (this.#happy) return mayStand && leads && this.#hasStray(views);
    return mayStand && views.every(([, view]) => !view.happy);
  }

  /**
   * Whether some replica has promised a later ballot that came to nothing. It votes for nobody until its leader runs
   * phase 1 again above that ballot; left alone, it would be one failure less that the cluster survives.
   */
  #hasStray(views: readonly (readonly [ReplicaId, PeerView])[]): boolean {
    return views.some(([, view]) => !view.happy && compareBallots(view.leader, this.#leader) > 0);
  }

  /** Follows the latest of those that say they lead with a quorum behind them. */
  #adoptLeader(views: readonly (readonly [ReplicaId, PeerView])[]): void {
    for (const [id, view] of views) {
      const leadsItself = view.leads && view.happy && view.leader.replica === id;
      if (leadsItself && compareBallots(view.leader, this.#leader) > 0) this.#leader = view.leader;
    }
  }

  /** Members, this one included, that follow nobody later than it. */
  #supporters(views: readonly (readonly [ReplicaId, PeerView])[]): number {
    return 1 + views.filter(([, view]) => compareBallots(view.leader, this.#leader) <= 0).length;
  }
}
