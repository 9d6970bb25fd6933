/**
 * Gathers records, which lie in the memory of a kernel, into the payload of one block: `BlockBuilder` for places. The
 * payloads are the same.
 */
import type { Kernel } from "./kernel.js";
import { blockBytes, keyBytesMax } from "./limits.js";
import { payloadHeadBytes } from "./segment-format.js";

/** A record counts as two bytes at least, so a block has no more of them. */
const recordsMax = blockBytes / 2;
/** The words of a block as the kernel keeps them. */
const blockWords = 9;
const valuesMaxWord = 5;
const keysUsedWord = 6;
const valuesUsedWord = 7;
const recordsWord = 8;
/** Copies in the kernel write up to so much more than they should. */
export const looseBytes = 16;

export interface GatheredBlock {
  readonly bytes: Buffer;
  /** The payload is `bytes[start, end)`. */
  readonly start: number;
  readonly end: number;
}

export class BlockGatherer {
  readonly kernel: Kernel;
  readonly #blockAt: number;
  #block: Uint32Array;
  #targetAt: number;
  #targetBytes: number;
  /** How many times more memory was allocated than at first. */
  grown = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#blockAt = kernel.allocate(blockWords * 4);
    const keysMax = blockBytes + keyBytesMax;
    const valuesMax = 2 * blockBytes;
    const keysAt = kernel.allocate(keysMax + looseBytes);
    const valuesAt = kernel.allocate(valuesMax + looseBytes);
    const keyLengthsAt = kernel.allocate(recordsMax * 4);
    const valueLengthsAt = kernel.allocate(recordsMax * 4);
    this.#targetBytes = 3 * blockBytes;
    this.#targetAt = kernel.allocate(this.#targetBytes);
    this.#block = kernel.words(this.#blockAt, blockWords);
    this.#block.set([keysAt, valuesAt, keyLengthsAt, valueLengthsAt, keysMax, valuesMax, 0, 0, 0]);
    kernel.onMoved(() => {
      this.#block = kernel.words(this.#blockAt, blockWords);
    });
  }

  get records(): number {
    return this.#block[recordsWord]!;
  }

  /** Whether the block is to be finished before anything is appended. */
  get isFull(): boolean {
    return this.#bytes >= blockBytes;
  }

  /** Appends the first of `count` places until the block is full; returns how many. */
  append(placesAt: number, count: number): number {
    const { calls } = this.kernel;
    const taken = calls.gather(this.#blockAt, placesAt, count, blockBytes);
    if (taken > 0 || count === 0 || this.isFull) return taken;
    this.#growValues(this.kernel.words(placesAt, 4)[3]!);
    return calls.gather(this.#blockAt, placesAt, count, blockBytes);
  }

  /** The payload of what was gathered; the gatherer is empty afterwards. Valid until it is asked for the next one. */
  finish(): GatheredBlock {
    const { kernel } = this;
    const needed = payloadHeadBytes + this.#bytes + this.records * 8;
    if (needed > this.#targetBytes) {
      this.#targetBytes = 2 * needed;
      this.grown += 1;
      this.#targetAt = kernel.allocate(this.#targetBytes);
    }
    const start = this.#targetAt;
    const end = kernel.calls.putGathered(this.#blockAt, start) >>> 0;
    this.#block.fill(0, keysUsedWord);
    return { bytes: kernel.bytes, start, end };
  }

  get #bytes(): number {
    const block = this.#block;
    return block[keysUsedWord]! + block[valuesUsedWord]! + 2 * block[recordsWord]!;
  }

  /** Room for a value over the usual size. Keys always have it. */
  #growValues(valueLength: number): void {
    const { kernel } = this;
    const used = this.#block[valuesUsedWord]!;
    const valuesMax = 2 * (used + valueLength);
    this.grown += 1;
    const valuesAt = kernel.allocate(valuesMax + looseBytes);
    kernel.bytes.copyWithin(valuesAt, this.#block[1]!, this.#block[1]! + used);
    this.#block[1] = valuesAt;
    this.#block[valuesMaxWord] = valuesMax;
  }
}
