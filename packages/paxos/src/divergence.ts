/**
 * Decides whether this replica's state has gone astray: a bug in the state machine, or a bad memory.
 *
 * Replicas tell each other a checksum of the state after the same entry. One that differs from a majority must stop,
 * as must one of two that differ when no majority can be asked for a long time: it is better to be down than wrong.
 */
import type { ReplicaId } from "./ballot.js";
import type { StateChecksum } from "./messages.js";

/** Checksums of this many entries are kept, since replicas reach an entry at different times. */
const checksumsKept = 8;

export class Divergence {
  readonly #patienceTicks: number;
  readonly #own = new Map<number, number>();
  readonly #peers = new Map<ReplicaId, Map<number, number>>();
  #disputedSince: number | undefined;
  #isNews = false;

  constructor(patienceTicks: number) {
    this.#patienceTicks = patienceTicks;
  }

  own(checksum: StateChecksum): void {
    keep(this.#own, checksum);
    this.#isNews = true;
  }

  heard(from: ReplicaId, checksum: StateChecksum): void {
    const known = this.#peers.get(from) ?? new Map<number, number>();
    if (known.has(checksum.index)) return;
    this.#isNews = true;
    keep(known, checksum);
    this.#peers.set(from, known);
  }

  /** The index at which this replica differs and must halt, or undefined. */
  verdict(now: number, members: readonly ReplicaId[], quorum: number): number | undefined {
    if (!this.#isNews && this.#disputedSince === undefined) return undefined;
    this.#isNews = false;
    let disputed = false;
    for (const [index, value] of this.#own) {
      const values = members
        .map((id) => this.#peers.get(id)?.get(index))
        .filter((peer) => peer !== undefined);
      const differing = values.filter((peer) => peer !== value).length;
      const agreeing = values.length - differing + 1;
      if (differing === 0 || agreeing >= quorum) continue;
      if (differing >= quorum) return index;
      disputed = true;
      if (this.#disputedSince !== undefined && now - this.#disputedSince > this.#patienceTicks) return index;
    }
    if (!disputed) this.#disputedSince = undefined;
    else this.#disputedSince ??= now;
    return undefined;
  }
}

function keep(checksums: Map<number, number>, { index, value }: StateChecksum): void {
  checksums.set(index, value);
  if (checksums.size <= checksumsKept) return;
  checksums.delete(Math.min(...checksums.keys()));
}
