/**
 * Adds up numbers by the number of the record's text, in front of the combiner's table: an emit of the record at hand as the
 * key costs one addition in a small array, and no look-up.
 *
 * A sum must not depend on how it was come by. Small whole numbers add up to the same in any order; so as soon as
 * another value is met, what was gathered is added to the table, and from then on everything goes there.
 */
import type { Numbers } from "./text-numberer.js";

/** So many times as many additions as an attempt can have stay exact. */
const valueMax = 2 ** 20;
const textsAtFirst = 1 << 14;
/** Where nothing was added: what no sum of whole numbers from zero can be. */
const nothing = -0;

/** Sums by number, of the texts of `numbers`; `nothing` where there is none. */
export type TakeSums = (numbers: Pick<Numbers, "texts" | "source">, sums: Float64Array) => void;

export class NumberedSums {
  readonly #take: TakeSums;
  #sums: Float64Array = new Float64Array(0);
  #numbers: Pick<Numbers, "texts" | "source"> = { texts: [] };
  #isStopped = false;
  #isEmpty = true;
  #touched = 0;

  /** `take` adds sums to the entries of texts in the table. */
  constructor(take: TakeSums) {
    this.#take = take;
  }

  /** Numbers now mean these texts. */
  use(numbers: Numbers): void {
    const { texts } = numbers;
    if (texts !== this.#numbers.texts) this.flush();
    this.#numbers = numbers;
    if (this.#isStopped) return;
    this.#isEmpty = false;
    if (texts.length <= this.#sums.length) return;
    const grown = new Float64Array(Math.max(texts.length, 2 * this.#sums.length, textsAtFirst)).fill(nothing);
    grown.set(this.#sums);
    this.#sums = grown;
  }

  /** Whether the value is one whose sums are exact. */
  accepts(value: number): boolean {
    return (value | 0) === value && value <= valueMax && value >= -valueMax;
  }

  /** Adds to the sum of a text; false, and nothing done, when the table is to do it. */
  add(number: number, value: unknown): boolean {
    const whole = (value as number) | 0;
    if (whole !== value || whole > valueMax || whole < -valueMax || this.#isStopped) return false;
    this.#sums[number]! += whole;
    return true;
  }

  /**
   * Touches the sums and the texts of the records `[from, to)`, which are about to be mapped. One by one each of the rarer words is
   * a cache miss or two; here the processor waits for many at a time.
   */
  touch({ numbers, texts }: Numbers, from: number, to: number): void {
    const sums = this.#sums;
    let touched = 0;
    for (let i = from; i < to; i++) {
      const number = numbers[i]!;
      touched += texts[number]!.length + sums[number]!;
    }
    // Kept, so that the loads are not left out.
    this.#touched = touched;
  }

  get touched(): number {
    return this.#touched;
  }

  /** Adds everything to the table. */
  flush(): void {
    if (this.#isEmpty) return;
    this.#isEmpty = true;
    this.#take(this.#numbers, this.#sums.subarray(0, this.#numbers.texts.length));
    this.#sums.fill(nothing);
  }

  /** From now on everything goes to the table. */
  stop(): void {
    if (this.#isStopped) return;
    this.flush();
    this.#isStopped = true;
    this.#sums = new Float64Array(0);
  }
}
