/**
 * Sorts the records of a buffer by partition, then key bytes, stably.
 *
 * Intuition: comparing keys costs two cache misses, sorting 64-bit numbers costs none. So each record becomes one
 * number, `first five key bytes << 24 | index of the record`, and the platform's native sort of numbers does the
 * work. The index makes equal prefixes come in emission order. Runs of equal prefixes are refined on their next
 * bytes, after skipping what the whole run shares, so that long common prefixes and equal keys cost one linear
 * pass (most significant digit first radix sort with common-prefix skipping; see Kärkkäinen & Rantala, "Engineering
 * Radix Sort for Strings", 2008).
 */
import { compareBytes } from "./compare-bytes.js";

/** Records whose keys lie in `bytes`. */
export interface Sortable {
  readonly bytes: Buffer;
  /**
   * Four words a record: where its key starts, the key's length, the value's length (the value follows the key), and
   * its partition. Side by side, since they are looked up in random order: one cache miss instead of four.
   */
  readonly rows: Uint32Array;
  readonly count: number;
  readonly partitionCount: number;
}

export interface SortedOrder {
  /** The index of the i-th record in order is `words[2 * i] & 0xffffff`. */
  readonly words: Uint32Array;
  /** Partition p is at positions `[starts[p], starts[p + 1])`. */
  readonly starts: Uint32Array;
}

export const indexMask = 0xffffff;
export const rowWords = 4;
const prefixBytes = 5;
/** Runs this short are sorted by comparing. */
const insertionMax = 12;

/** Sorts into `space`, which must have room for all records; at most 2^24 of them. */
export function sortRecords(input: Sortable, space: BigUint64Array<ArrayBuffer>): SortedOrder {
  const words = new Uint32Array(space.buffer, space.byteOffset, space.length * 2);
  const shared = sharedPrefix(input);
  const starts = dealToPartitions(input, words, shared);
  const sorter = new RunSorter(input, space, words);
  for (let p = 0; p < input.partitionCount; p++) sorter.sort(starts[p]!, starts[p + 1]!, shared);
  return { words, starts };
}

/** How many leading bytes all keys share: the type's tag at least, when there is one type. */
function sharedPrefix(input: Sortable): number {
  if (input.count === 0) return 0;
  const { bytes, rows } = input;
  const first = rows[0]!;
  let shared = rows[1]!;
  for (let i = 1; i < input.count && shared > 0; i++) {
    shared = commonLength(bytes, first, rows[rowWords * i]!, Math.min(shared, rows[rowWords * i + 1]!));
  }
  return shared;
}

function commonLength(bytes: Buffer, a: number, b: number, most: number): number {
  let length = 0;
  while (length < most && bytes[a + length] === bytes[b + length]) length += 1;
  return length;
}

/** Counting sort by partition, packing each record as it goes. */
function dealToPartitions(input: Sortable, words: Uint32Array, depth: number): Uint32Array {
  const { rows, count } = input;
  const starts = new Uint32Array(input.partitionCount + 1);
  for (let i = 0; i < count; i++) {
    const next = rows[rowWords * i + 3]! + 1;
    starts[next] = starts[next]! + 1;
  }
  for (let p = 0; p < input.partitionCount; p++) starts[p + 1] = starts[p + 1]! + starts[p]!;
  const cursors = starts.slice();
  for (let i = 0; i < count; i++) {
    const partition = rows[rowWords * i + 3]!;
    const at = cursors[partition]!;
    cursors[partition] = at + 1;
    pack(input, words, at, i, depth);
  }
  return starts;
}

/** Writes the number for record `index`: its five key bytes from `depth` on, zeros after the key's end. */
function pack(input: Sortable, words: Uint32Array, at: number, index: number, depth: number): void {
  const bytes = input.bytes;
  const left = input.rows[rowWords * index + 1]! - depth;
  const from = input.rows[rowWords * index]! + depth;
  let high = 0;
  let low = 0;
  if (left >= prefixBytes) {
    high = (bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!;
    low = bytes[from + 4]!;
  } else {
    if (left > 0) high = bytes[from]! << 24;
    if (left > 1) high |= bytes[from + 1]! << 16;
    if (left > 2) high |= bytes[from + 2]! << 8;
    if (left > 3) high |= bytes[from + 3]!;
  }
  words[2 * at + 1] = high;
  words[2 * at] = (low << 24) | index;
}

class RunSorter {
  readonly #input: Sortable;
  readonly #space: BigUint64Array;
  readonly #words: Uint32Array;
  /** Runs still to be sorted, as start, end, depth: a stack of its own, since keys may be a megabyte deep. */
  readonly #pending: number[] = [];

  constructor(input: Sortable, space: BigUint64Array, words: Uint32Array) {
    this.#input = input;
    this.#space = space;
    this.#words = words;
  }

  /** Sorts positions `[start, end)`, packed from `depth` on. */
  sort(start: number, end: number, depth: number): void {
    this.#sortPacked(start, end, depth);
    while (this.#pending.length > 0) {
      const runDepth = this.#pending.pop()!;
      const runEnd = this.#pending.pop()!;
      this.#refine(this.#pending.pop()!, runEnd, runDepth);
    }
  }

  #sortPacked(start: number, end: number, depth: number): void {
    if (end - start < 2) return;
    this.#space.subarray(start, end).sort();
    const words = this.#words;
    let runStart = start;
    for (let i = start + 1; i <= end; i++) {
      const isSame =
        i < end && words[2 * i + 1] === words[2 * i - 1] && words[2 * i]! >>> 24 === words[2 * i - 2]! >>> 24;
      if (isSame) continue;
      if (i - runStart > 1) this.#pending.push(runStart, i, depth + prefixBytes);
      runStart = i;
    }
  }

  /** Sorts a run of records, in emission order, whose keys agree before `depth`, counting ended keys as zeros. */
  #refine(start: number, end: number, depth: number): void {
    if (end - start <= insertionMax) {
      this.#insertionSort(start, end, depth - prefixBytes);
      return;
    }
    const from = this.#putEndedFirst(start, end, depth);
    if (end - from < 2) return;
    const shared = this.#sharedFrom(from, end, depth);
    if (shared < 0) return;
    for (let i = from; i < end; i++) pack(this.#input, this.#words, i, this.#indexAt(i), shared);
    this.#sortPacked(from, end, shared);
  }

  /** Keys that end before `depth` are prefixes of all others here: they come first, the shorter the earlier. */
  #putEndedFirst(start: number, end: number, depth: number): number {
    const rows = this.#input.rows;
    let areAllEnded = true;
    let isAnyEnded = false;
    let areSameLength = true;
    const first = rows[rowWords * this.#indexAt(start) + 1]!;
    for (let i = start; i < end; i++) {
      const length = rows[rowWords * this.#indexAt(i) + 1]!;
      if (length <= depth) isAnyEnded = true;
      else areAllEnded = false;
      if (length !== first) areSameLength = false;
    }
    if (!isAnyEnded) return start;
    if (areAllEnded && areSameLength) return end;
    return this.#splitEnded(start, end, depth);
  }

  #splitEnded(start: number, end: number, depth: number): number {
    const rows = this.#input.rows;
    const ended: number[] = [];
    const others: number[] = [];
    for (let i = start; i < end; i++) {
      const index = this.#indexAt(i);
      (rows[rowWords * index + 1]! <= depth ? ended : others).push(index);
    }
    ended.sort((a, b) => rows[rowWords * a + 1]! - rows[rowWords * b + 1]! || a - b);
    let at = start;
    for (const index of ended) this.#words[2 * at++] = index;
    for (const index of others) this.#words[2 * at++] = index;
    return start + ended.length;
  }

  /** Where the first difference among the run's keys lies; -1 when they are all equal. */
  #sharedFrom(start: number, end: number, depth: number): number {
    const { bytes, rows } = this.#input;
    const head = this.#indexAt(start);
    const headLength = rows[rowWords * head + 1]!;
    const headAt = rows[rowWords * head]! + depth;
    let shared = headLength;
    let areSameLength = true;
    for (let i = start + 1; i < end; i++) {
      const index = this.#indexAt(i);
      const length = rows[rowWords * index + 1]!;
      if (length !== headLength) areSameLength = false;
      const most = Math.min(length, shared) - depth;
      shared = depth + commonLength(bytes, headAt, rows[rowWords * index]! + depth, most);
      if (shared === depth) return depth;
    }
    return areSameLength && shared === headLength ? -1 : shared;
  }

  #insertionSort(start: number, end: number, depth: number): void {
    const words = this.#words;
    for (let i = start + 1; i < end; i++) {
      const index = this.#indexAt(i);
      let at = i;
      while (at > start && this.#compare(this.#indexAt(at - 1), index, depth) > 0) {
        words[2 * at] = words[2 * at - 2]!;
        at -= 1;
      }
      words[2 * at] = index;
    }
  }

  /** Compares from `depth` on, where both keys have been found to agree. */
  #compare(a: number, b: number, depth: number): number {
    const { bytes, rows } = this.#input;
    const startA = rows[rowWords * a]!;
    const endA = startA + rows[rowWords * a + 1]!;
    const startB = rows[rowWords * b]!;
    const endB = startB + rows[rowWords * b + 1]!;
    return compareBytes(
      bytes,
      Math.min(startA + depth, endA),
      endA,
      bytes,
      Math.min(startB + depth, endB),
      endB,
    );
  }

  #indexAt(position: number): number {
    return this.#words[2 * position]! & indexMask;
  }
}
