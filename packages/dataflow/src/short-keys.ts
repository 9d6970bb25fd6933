/**
 * Gathers pairs of short ASCII strings and numbers, the usual ones, to be folded into the combiner's table by a kernel.
 *
 * Intuition: one by one, each look-up of a rarer key waits for memory twice, with nothing else to do. Copying the characters of a key
 * is all that is done at once; of some hundred keys a kernel then lets the waits overlap.
 */
import type { Kernel } from "./kernel.js";
import type { NumericFold, NumericTable } from "./numeric-table.js";

const keysMax = 512;
/** With its tag in front, such a key lies within its entry. */
const lengthMax = 15;
/** Before the first key, and behind the last, for kernels that look at sixteen bytes at a time. */
const paddingBytes = 64;
/** By the numbers that the kernel gives them. */
const folds: readonly NumericFold[] = ["sum", "min", "max"];

export class ShortKeys {
  count = 0;
  readonly #fold: number;
  readonly #kernel: Kernel;
  /** Where the kernel finds keys, lengths and numbers. */
  readonly #keysAt: number;
  readonly #lengthsAt: number;
  readonly #numbersAt: number;
  // Gathered outside of the kernel's memory, which may move.
  readonly #keys: Buffer = Buffer.alloc(keysMax * lengthMax);
  readonly #lengths: Buffer = Buffer.alloc(keysMax);
  readonly #numbers: Float64Array = new Float64Array(keysMax);
  #used = 0;

  constructor(kernel: Kernel, fold: NumericFold) {
    this.#kernel = kernel;
    this.#fold = folds.indexOf(fold);
    this.#keysAt = kernel.allocate(keysMax * lengthMax + 2 * paddingBytes) + paddingBytes;
    this.#lengthsAt = kernel.allocate(keysMax);
    this.#numbersAt = kernel.allocate(keysMax * 8);
  }

  get isFull(): boolean {
    return this.count === keysMax;
  }

  /** Takes a pair; false, and nothing done, when the key is not short, or not ASCII. There must be room. */
  add(key: string, value: number): boolean {
    const { length } = key;
    if (length > lengthMax) return false;
    const keys = this.#keys;
    const at = this.#used;
    let units = 0;
    for (let i = 0; i < length; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      keys[at + i] = unit;
    }
    if (units > 0x7f) return false;
    this.#lengths[this.count] = length;
    this.#numbers[this.count] = value;
    this.#used = at + length;
    this.count += 1;
    return true;
  }

  /** Folds all of them into `table`; `makeRoom` is called when that is full. */
  flush(table: NumericTable, makeRoom: () => void): void {
    const { count } = this;
    if (count === 0) return;
    const used = this.#used;
    // What empties the table must find nothing here.
    this.count = 0;
    this.#used = 0;
    const kernel = this.#kernel;
    this.#keys.copy(kernel.bytes, this.#keysAt, 0, used);
    this.#lengths.copy(kernel.bytes, this.#lengthsAt, 0, count);
    const { buffer, byteOffset } = kernel.bytes;
    new Float64Array(buffer, byteOffset + this.#numbersAt, count).set(this.#numbers.subarray(0, count));
    let key = this.#keysAt;
    for (let done = 0; done < count; ) {
      const from = done;
      table.lend(kernel, () => {
        const [lengths, numbers] = [this.#lengthsAt + from, this.#numbersAt + from * 8];
        done += kernel.calls.foldKeys(key, lengths, numbers, count - from, this.#fold);
      });
      if (done === count) break;
      for (let i = from; i < done; i++) key += this.#lengths[i]!;
      makeRoom();
    }
  }
}
