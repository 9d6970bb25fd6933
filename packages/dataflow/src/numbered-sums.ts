/**
 * Adds up numbers by the number of the record's text, in front of the combiner's table: an emit of the record at hand as the
 * key costs one addition in a small array, and no look-up.
 *
 * A sum must not depend on how it was come by. Small whole numbers add up to the same in any order; so as soon as
 * another value is met, what was gathered is added to the table, and from then on everything goes there.
 */

/** So many times as many additions as an attempt can have stay exact. */
const valueMax = 2 ** 20;
const textsAtFirst = 1 << 14;

export class NumberedSums {
  readonly #take: (text: string, value: number) => void;
  /** By number; NaN where nothing was added yet. */
  #sums: Float64Array = new Float64Array(0);
  #texts: readonly string[] = [];
  #isStopped = false;

  /** `take` adds to the entry of a text in the table. */
  constructor(take: (text: string, value: number) => void) {
    this.#take = take;
  }

  /** Numbers now mean these texts. */
  use(texts: readonly string[]): void {
    if (texts !== this.#texts) this.flush();
    this.#texts = texts;
    if (texts.length <= this.#sums.length || this.#isStopped) return;
    const grown = new Float64Array(Math.max(texts.length, 2 * this.#sums.length, textsAtFirst)).fill(
      Number.NaN,
    );
    grown.set(this.#sums);
    this.#sums = grown;
  }

  /** Whether the value is one whose sums are exact. */
  accepts(value: number): boolean {
    return (value | 0) === value && value <= valueMax && value >= -valueMax;
  }

  /** Adds to the sum of a text; false when the table is to do it. */
  add(number: number, value: number): boolean {
    const sum = this.#sums[number];
    if (sum === undefined) return false;
    // A sum starts from zero, which turns a lone -0 into 0 as the aggregator does.
    this.#sums[number] = Number.isNaN(sum) ? 0 + value : sum + value;
    return true;
  }

  /** Adds everything to the table. */
  flush(): void {
    const sums = this.#sums;
    for (let number = 0; number < sums.length; number++) {
      const sum = sums[number]!;
      if (!Number.isNaN(sum)) this.#take(this.#texts[number]!, sum);
    }
    sums.fill(Number.NaN);
  }

  /** From now on everything goes to the table. */
  stop(): void {
    if (this.#isStopped) return;
    this.flush();
    this.#isStopped = true;
    this.#sums = new Float64Array(0);
  }
}
