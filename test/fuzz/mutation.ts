/** Changes bytes in ways that break decoders; the same seed, the same changes. */

/** A small generator (mulberry32): 32 bits of state are enough to find mistakes, and a seed is easy to write down. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to less than `below`. */
  whole(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(list.length)] as T;
  }
}

/** Bytes that mean something to one format or another: lengths, tags, signs, ends of UTF-8 sequences. */
const telling = [
  0x00, 0x01, 0x7f, 0x80, 0x81, 0x90, 0xc0, 0xc1, 0xc6, 0xc7, 0xd4, 0xd6, 0xdb, 0xdd, 0xdf, 0xfe, 0xff,
];
const bombs = [
  "ffffffff",
  "7fffffff",
  "80000000",
  "00000000",
  "ffffffffffffffff",
  "ddffffffff",
  "dfffffffff",
  "c6ffffffff",
];
const bytesMax = 64 * 1024;

/** One of the corpus, changed once or a few times, or made up altogether. */
export function mutant(corpus: readonly Uint8Array[], chance: Chance): Buffer {
  if (chance.whole(20) === 0) return noise(chance.whole(200), chance);
  let bytes = Buffer.from(chance.pick(corpus));
  for (let times = 1 + chance.whole(4); times > 0; times -= 1) bytes = change(bytes, corpus, chance);
  return bytes.subarray(0, bytesMax) as Buffer;
}

function change(bytes: Buffer, corpus: readonly Uint8Array[], chance: Chance): Buffer<ArrayBuffer> {
  const at = chance.whole(bytes.length + 1);
  const copy = Buffer.from(bytes);
  switch (chance.whole(8)) {
    case 0:
      if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << chance.whole(8));
      return copy;
    case 1:
      if (copy.length > 0) copy[at % copy.length] = chance.pick(telling);
      return copy;
    case 2:
      return Buffer.from(copy.subarray(0, at));
    case 3:
      return Buffer.concat([copy.subarray(0, at), noise(1 + chance.whole(8), chance), copy.subarray(at)]);
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + chance.whole(8))]);
    case 5:
      return Buffer.concat([copy.subarray(0, at), Buffer.from(chance.pick(bombs), "hex"), copy.subarray(at)]);
    case 6: {
      const other = Buffer.from(chance.pick(corpus));
      return Buffer.concat([copy.subarray(0, at), other.subarray(chance.whole(other.length + 1))]);
    }
    default: {
      const bomb = Buffer.from(chance.pick(bombs), "hex");
      bomb.copy(copy, Math.min(at, Math.max(0, copy.length - bomb.length)));
      return copy;
    }
  }
}

function noise(length: number, chance: Chance): Buffer<ArrayBuffer> {
  return Buffer.from(Array.from({ length }, () => chance.whole(256)));
}
