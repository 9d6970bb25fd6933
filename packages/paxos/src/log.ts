/**
 * Decides nothing: holds the slots of the log that are not truncated, accepted and decided ones alike. Gaps are
 * possible above the decided index only.
 */
import type { Slot } from "./messages.js";

export class Log {
  readonly #slots: Map<number, Slot>;
  #truncatedTo: number;

  /** Slots up to `truncatedTo` are dropped. */
  constructor(slots: Iterable<readonly [number, Slot]> = [], truncatedTo = 0) {
    this.#slots = new Map(slots);
    this.#truncatedTo = 0;
    this.truncate(truncatedTo);
  }

  /** The highest index whose slot may be gone. */
  get truncatedTo(): number {
    return this.#truncatedTo;
  }

  get size(): number {
    return this.#slots.size;
  }

  get(index: number): Slot | undefined {
    return this.#slots.get(index);
  }

  set(index: number, slot: Slot): void {
    if (index > this.#truncatedTo) this.#slots.set(index, slot);
  }

  /** The slots from `first` on without a gap, at most `limit`, none above `last`. */
  run(first: number, last: number, limit: number): Slot[] {
    const slots: Slot[] = [];
    for (let index = first; index <= last && slots.length < limit; index++) {
      const slot = this.#slots.get(index);
      if (slot === undefined) break;
      slots.push(slot);
    }
    return slots;
  }

  /** Every slot above `index`, in order of index. */
  above(index: number): [number, Slot][] {
    return [...this.#slots].filter(([at]) => at > index).sort(([a], [b]) => a - b);
  }

  truncate(upTo: number): void {
    if (upTo <= this.#truncatedTo) return;
    if (upTo - this.#truncatedTo > this.#slots.size) {
      for (const index of this.#slots.keys()) if (index <= upTo) this.#slots.delete(index);
    } else {
      for (let index = this.#truncatedTo + 1; index <= upTo; index++) this.#slots.delete(index);
    }
    this.#truncatedTo = upTo;
  }
}
