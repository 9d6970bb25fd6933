/**
 * Decides when a replica that has just started may vote: once every other member has heard what it found on its disk
 * and has not objected, or has been silent for an election timeout.
 *
 * A peer that knows better says so in its answer ({@link DiskMarks}). Without the wait, a replica whose disk went back in
 * time could vote among those that do not know. The wait is bounded, since a peer that is down must not keep a whole
 * cluster from voting; and it costs little, since an acceptor that restarted waits a lease out anyway.
 */
import type { ReplicaId } from "./ballot.js";

export class RollCall {
  readonly #boot: number;
  readonly #patienceTicks: number;
  readonly #answered = new Set<ReplicaId>();
  #isOver: boolean;

  /** `isNeeded` is false for a disk with nothing on it that could have been lost. */
  constructor(boot: number, patienceTicks: number, isNeeded: boolean) {
    this.#boot = boot;
    this.#patienceTicks = patienceTicks;
    this.#isOver = !isNeeded;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** `from` answered a heartbeat of the start `boot`. */
  heard(from: ReplicaId, boot: number | undefined): void {
    if (boot === this.#boot) this.#answered.add(from);
  }

  check(now: number, others: readonly ReplicaId[]): void {
    this.#isOver ||= now >= this.#patienceTicks || others.every((id) => this.#answered.has(id));
  }
}
