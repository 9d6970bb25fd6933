/** What `sortRecords` has sorted, in order. */
import type { RecordStream } from "./record-view.js";
import { RecordView } from "./record-view.js";
import { indexMask, rowWords, type Sortable, type SortedOrder } from "./sort-records.js";

/** Records touched ahead of their turn: more than the misses that a core can have outstanding. */
const fetchRecords = 32;
const cacheLineBytes = 64;

export class SortedStream implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #input: Sortable;
  readonly #words: Uint32Array;
  #at: number;
  /** The first position that has not been fetched. */
  #fetchAt: number;
  #fetched = 0;
  readonly #end: number;

  constructor(input: Sortable, order: SortedOrder, partition: number) {
    this.#input = input;
    this.#words = order.words;
    this.#at = order.starts[partition]!;
    this.#fetchAt = this.#at;
    this.#end = order.starts[partition + 1]!;
    this.view.bytes = input.bytes;
  }

  next(): boolean {
    if (this.#at === this.#end) return false;
    if (this.#at === this.#fetchAt) this.#fetch();
    const index = this.#words[2 * this.#at]! & indexMask;
    this.#at += 1;
    const view = this.view;
    const rows = this.#input.rows;
    const start = rows[rowWords * index]!;
    const valueStart = start + rows[rowWords * index + 1]!;
    view.keyStart = start;
    view.keyEnd = valueStart;
    view.valueStart = valueStart;
    view.valueEnd = valueStart + rows[rowWords * index + 2]!;
    return true;
  }

  /**
   * Touches the next records. In key order each one is a cache miss or two; here the processor waits for many at a
   * time instead of for one after the other.
   */
  #fetch(): void {
    const { bytes, rows } = this.#input;
    const end = Math.min(this.#at + fetchRecords, this.#end);
    let touched = 0;
    for (let i = this.#at; i < end; i++) {
      const start = rows[rowWords * (this.#words[2 * i]! & indexMask)]!;
      touched += bytes[start]! + (bytes[start + cacheLineBytes] ?? 0);
    }
    this.#fetched = (this.#fetched + touched) | 0;
    this.#fetchAt = end;
  }
}
