/**
 * Draws ranks by Zipf's law (the r-th has weight 1/r) in constant time, by Walker's alias method: every rank owns a
 * column of equal height, filled up to its weight and topped up from one other rank, its alias.
 */
import type { Random } from "./random.js";

export class ZipfSampler {
  readonly #random: Random;
  readonly #own: Uint32Array;
  readonly #alias: Uint32Array;

  constructor(ranks: number, random: Random) {
    this.#random = random;
    this.#own = new Uint32Array(ranks).fill(0xffff_ffff);
    this.#alias = Uint32Array.from({ length: ranks }, (_, rank) => rank);
    this.#fill(weightsOf(ranks));
  }

  /** A rank from 0, the most frequent. */
  next(): number {
    const rank = this.#random.below(this.#own.length);
    return this.#random.uint32() <= this.#own[rank]! ? rank : this.#alias[rank]!;
  }

  /** Weights average 1: each column below 1 is topped up from one above. */
  #fill(weights: Float64Array): void {
    const small: number[] = [];
    const large: number[] = [];
    for (const [rank, weight] of weights.entries()) (weight < 1 ? small : large).push(rank);
    while (small.length > 0 && large.length > 0) {
      const low = small.pop()!;
      const high = large.at(-1)!;
      this.#own[low] = Math.floor(weights[low]! * 0xffff_ffff);
      this.#alias[low] = high;
      weights[high]! -= 1 - weights[low]!;
      if (weights[high]! < 1) small.push(large.pop()!);
    }
  }
}

function weightsOf(ranks: number): Float64Array {
  const weights = new Float64Array(ranks);
  let total = 0;
  for (let rank = 0; rank < ranks; rank += 1) total += 1 / (rank + 1);
  for (let rank = 0; rank < ranks; rank += 1) weights[rank] = ranks / ((rank + 1) * total);
  return weights;
}
