/** Chance from a seed: the same seed gives the same numbers, on every machine. */

/** A generator of its own for each use keeps one use from shifting the numbers of another. */
export class Chance {
  #state: number;

  /** `stream` tells several generators of one seed apart. */
  constructor(seed: number, stream = "") {
    let state = Math.imul(seed | 0, 0x9e3779b1) ^ Math.floor(seed / 2 ** 32);
    for (let at = 0; at < stream.length; at += 1) {
      state = Math.imul(state ^ stream.charCodeAt(at), 0x01000193);
      state ^= state >>> 15;
    }
    this.#state = state >>> 0;
    for (let warmUp = 0; warmUp < 4; warmUp += 1) this.bits();
  }

  /** 32 random bits. */
  bits(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }

  /** From 0 up to 1, as `Math.random`. */
  fraction(): number {
    return (this.bits() * 2 ** 21 + (this.bits() >>> 11)) / 2 ** 53;
  }

  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error("There is nothing to pick from.");
    return picked;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let at = 0; at < count; at += 1) bytes[at] = this.bits() & 0xff;
    return bytes;
  }
}
