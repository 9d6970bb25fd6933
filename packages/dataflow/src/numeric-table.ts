/**
 * Adds up numbers by key while they are emitted: the combiner of counting jobs.
 *
 * Intuition: a JavaScript `Map` costs a cache miss for the bucket, one for the entry and an object a string. Here an
 * entry is 32 flat bytes, half a cache line, with keys of up to 16 bytes inside it. Entries lie one behind the other in the
 * order in which their keys were first met, so that the frequent keys, which are met early, share few pages and lines; an index of four
 * bytes a slot finds them. Open addressing with linear probing; longer keys lie in an arena.
 *
 * A slot of the index is the first byte of the hash and the number of the entry from 1; zero marks a free one. An entry
 * is eight 32-bit words:
 *
 *     0      hash
 *     1      partition << 5 | length of an inline key, or 31
 *     2..5   the key, zero-padded; for long keys its address and its length
 *     6..7   the accumulator, a double
 *
 * The table lies in the memory of a kernel, where there is one: `assembly/table.ts` finds and makes the same entries. A
 * kernel knows nothing of partitions, so with one they are chosen when the entries are handed on.
 *
 * Room for as many entries as there may be is reserved at once: pages that are not touched cost nothing, and growing
 * makes a new index only.
 */
import { keyHash } from "@fanfold/placement";
import { copyBytes, equalBytes } from "./compare-bytes.js";
import type { GrowingMemory, Kernel } from "./kernel.js";
import type { KeyEncoder } from "./key-encoder.js";
import { tagString } from "./key-tags.js";
import { keyBytesMax, numericTableEntriesMax } from "./limits.js";
import type { PartitionChooser } from "./partition-chooser.js";

export type NumericFold = "sum" | "min" | "max";

export const entryBytes = 32;
const inlineBytesMax = 16;
/** In place of an inline key's length. */
const longKey = 31;
const lengthBits = 5;
const slotsAtFirst = 1 << 13;
/** What a slot may cost: its share of the index, of entries, and of what sorting them takes. */
const slotBytes = 64;
/** Of a slot: above are bits of the hash, below the number of the entry. */
const tagShift = 24;
const numberMask = (1 << tagShift) - 1;
/** A kernel that has begun a batch of keys with room for one may make so many entries; as in `assembly/table.ts`. */
const batchMax = 64;
/** Behind the last key, for kernels that look at eight bytes at a time. */
const slackBytes = 64;
/** Linear probing stays short below this. */
const loadMax = 0.6;

/**
 * Where the next table of this process starts: at the size that the last one needed. Tasks of one job are alike, and
 * growing five times from the bottom in each of them took a fifth of a word count.
 */
let slotsExpected = slotsAtFirst;

export interface NumericTableOptions {
  readonly fold: NumericFold;
  readonly chooser: PartitionChooser;
  readonly bytesMax: number;
  /** Where the table is to lie: a kernel's, or a plain one. */
  readonly memory: GrowingMemory;
}

export class NumericTable {
  count = 0;
  readonly #fold: NumericFold;
  readonly #chooser: PartitionChooser;
  readonly #memory: GrowingMemory;
  readonly #slotsMax: number;
  readonly #indexAt: number;
  /** Entry 0 is none; kernels expect it to be all zeros. */
  readonly #entriesAt: number;
  readonly #entryWords: number;
  readonly #arenaAt: number;
  readonly #arenaEnd: number;
  #arenaNext: number;
  #slots: number;
  #index: Int32Array<ArrayBuffer>;
  #words: Int32Array<ArrayBuffer>;
  #doubles: Float64Array<ArrayBuffer>;
  /** Where the key last looked for would go, and its hash. */
  #freeSlot = 0;
  #hash = 0;

  constructor(options: NumericTableOptions) {
    this.#fold = options.fold;
    this.#chooser = options.chooser;
    this.#memory = options.memory;
    const slots = Math.min(numericTableEntriesMax, options.bytesMax / slotBytes);
    this.#slotsMax = Math.max(slotsAtFirst, 2 ** Math.floor(Math.log2(slots)));
    this.#slots = Math.min(slotsExpected, this.#slotsMax);
    const entriesMax = 1 + Math.floor(this.#slotsMax * loadMax) + batchMax;
    const arenaBytes = Math.max(2 * keyBytesMax, Math.floor(options.bytesMax / 8));
    this.#indexAt = this.#memory.allocate(this.#slotsMax * 4);
    this.#entriesAt = this.#memory.allocate(entriesMax * entryBytes);
    this.#entryWords = (entriesMax * entryBytes) / 4;
    this.#arenaAt = this.#memory.allocate(arenaBytes + slackBytes);
    this.#arenaNext = this.#arenaAt;
    this.#arenaEnd = this.#arenaAt + arenaBytes;
    this.#index = this.#indexOf();
    this.#words = this.#wordsOf();
    this.#doubles = doublesOf(this.#words);
    this.#index.fill(0);
    this.#memory.onMoved(() => this.#look());
  }

  /** Views of where the table is now. */
  #look(): void {
    this.#index = this.#indexOf();
    this.#words = this.#wordsOf();
    this.#doubles = doublesOf(this.#words);
  }

  #indexOf(): Int32Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.#memory.bytes;
    return new Int32Array(buffer as ArrayBuffer, byteOffset + this.#indexAt, this.#slots);
  }

  #wordsOf(): Int32Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.#memory.bytes;
    return new Int32Array(buffer as ArrayBuffer, byteOffset + this.#entriesAt, this.#entryWords);
  }

  /** Lets a kernel work on the table; it stops where an entry finds no room, for which `makeRoom` is then to be asked. */
  lend(kernel: Kernel, work: () => void): void {
    const { calls } = kernel;
    const most = Math.floor(this.#slots * loadMax);
    calls.useTable(
      this.#indexAt,
      this.#slots,
      this.#entriesAt,
      this.count,
      most,
      this.#arenaNext,
      this.#arenaEnd,
    );
    work();
    this.count = calls.tableCount();
    this.#arenaNext = calls.tableArena();
  }

  /** Room for another entry, and for `keyBytes` more of long keys; false when the table is full. */
  makeRoom(keyBytes: number): boolean {
    if (!this.#hasArena(keyBytes)) return false;
    if (this.count < Math.floor(this.#slots * loadMax)) return true;
    if (this.#slots >= this.#slotsMax) return false;
    this.#grow();
    return true;
  }

  /** Grows until so many more entries fit, or for as long as it may. */
  expect(entries: number): void {
    while (this.count + entries > Math.floor(this.#slots * loadMax) && this.#slots < this.#slotsMax)
      this.#grow();
  }

  /**
   * Folds `value` into the entry of the key that was just encoded; false, and nothing done, when the table is full.
   *
   * @throws what the chooser of a new key's partition throws.
   */
  add(key: unknown, encoder: KeyEncoder, value: number): boolean {
    const length = encoder.length;
    const entry =
      length <= inlineBytesMax ? this.#findInline(encoder, length) : this.#findLong(encoder, length);
    if (entry === 0) return this.#insert(key, encoder, value);
    this.#accumulate(entry * 4 + 3, value);
    return true;
  }

  /**
   * Folds `value` into the entry of a short ASCII string, if there is one: the usual emit, kept in registers from the
   * characters to the entry. False, and nothing done, for any other key; then `add` is to be used.
   */
  addKnown(key: string, value: number): boolean {
    const length = key.length;
    if (length >= inlineBytesMax) return false;
    let k0 = tagString;
    let k1 = 0;
    let k2 = 0;
    let k3 = 0;
    let units = 0;
    let i = 0;
    for (; i < length && i < 3; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      k0 |= unit << (8 * i + 8);
    }
    for (; i < length && i < 7; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      k1 |= unit << (8 * i - 24);
    }
    for (; i < length && i < 11; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      k2 |= unit << (8 * i - 56);
    }
    for (; i < length; i++) {
      const unit = key.charCodeAt(i);
      units |= unit;
      k3 |= unit << (8 * i - 88);
    }
    if (units > 0x7f) return false;
    const entry = this.#find(k0, k1, k2, k3, length + 1);
    if (entry === 0) return false;
    this.#accumulate(entry * 4 + 3, value);
    return true;
  }

  /** Hands every entry to `take`, in the order in which they were made; the key is in `bytes[start, end)`. */
  forEach(take: (partition: number, bytes: Buffer, start: number, end: number, value: number) => void): void {
    this.noteSize();
    const words = this.#words;
    const bytes = this.#memory.bytes;
    const chooser = this.#chooser;
    for (let entry = 1; entry <= this.count; entry++) {
      const base = entry * 8;
      const meta = words[base + 1]!;
      const length = meta & longKey;
      const isLong = length === longKey;
      const start = isLong ? words[base + 2]! : this.#entriesAt + base * 4 + 8;
      const end = start + (isLong ? words[base + 3]! : length);
      const partition = chooser.looksAtBytes ? chooser.place(bytes, start, end) : meta >>> lengthBits;
      take(partition, bytes, start, end, this.#doubles[entry * 4 + 3]!);
    }
  }

  /** Writes its partition into each entry, where a kernel cannot tell it. */
  choosePartitions(): void {
    const chooser = this.#chooser;
    if (!chooser.looksAtBytes) return;
    const { bytes } = this.#memory;
    for (let number = 0; number < this.count; number++) {
      const { start, end } = this.keyAt(number);
      const at = (number + 1) * 8 + 1;
      this.#words[at] = (chooser.place(bytes, start, end) << lengthBits) | (this.#words[at]! & longKey);
    }
  }

  /** The next table of this process starts at the size that this one has needed. */
  noteSize(): void {
    slotsExpected = Math.max(slotsAtFirst, 2 ** Math.ceil(Math.log2((this.count + 1) / loadMax)));
  }

  /** Where the key of the `number`-th entry lies, counted from 0. */
  keyAt(number: number): { readonly start: number; readonly end: number } {
    const base = (number + 1) * 8;
    const words = this.#words;
    const length = words[base + 1]! & longKey;
    const isLong = length === longKey;
    const start = isLong ? words[base + 2]! : this.#entriesAt + base * 4 + 8;
    return { start, end: start + (isLong ? words[base + 3]! : length) };
  }

  /** Copies entries `[from, to)`, counted from 0, to `at`: their keys are good where they are inline. */
  copyEntries(from: number, to: number, target: Buffer, at: number): void {
    const start = this.#entriesAt + entryBytes;
    this.#memory.bytes.copy(target, at, start + from * entryBytes, start + to * entryBytes);
  }

  /** The accumulator of the `number`-th entry, counted from 0. */
  valueAt(number: number): number {
    return this.#doubles[(number + 1) * 4 + 3]!;
  }

  clear(): void {
    this.#index.fill(0);
    this.count = 0;
    this.#arenaNext = this.#arenaAt;
  }

  #findInline(encoder: KeyEncoder, length: number): number {
    const key = encoder.words;
    return this.#find(key[0]!, key[1]!, key[2]!, key[3]!, length);
  }

  /** The number, from 1, of a short key's entry; 0 when it has none. */
  #find(k0: number, k1: number, k2: number, k3: number, length: number): number {
    const words = this.#words;
    const index = this.#index;
    const mask = this.#slots - 1;
    const hash = hashWords(k0, k1, k2, k3);
    let slot = hash & mask;
    for (;;) {
      const found = index[slot]!;
      if (found === 0) break;
      if ((found ^ hash) >>> tagShift === 0) {
        const entry = found & numberMask;
        const base = entry * 8;
        if (
          words[base + 2] === k0 &&
          words[base + 3] === k1 &&
          words[base + 4] === k2 &&
          words[base + 5] === k3 &&
          (words[base + 1]! & longKey) === length
        ) {
          return entry;
        }
      }
      slot = (slot + 1) & mask;
    }
    this.#freeSlot = slot;
    this.#hash = hash;
    return 0;
  }

  #findLong(encoder: KeyEncoder, length: number): number {
    const hash = keyHash(encoder.bytes, 0, length) | 0;
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const found = this.#index[slot]!;
      if (found === 0) break;
      const entry = found & numberMask;
      const base = entry * 8;
      if (words[base] !== hash || (words[base + 1]! & longKey) !== longKey) continue;
      const start = words[base + 2]!;
      if (equalBytes(this.#memory.bytes, start, start + words[base + 3]!, encoder.bytes, 0, length))
        return entry;
    }
    this.#freeSlot = slot;
    this.#hash = hash;
    return 0;
  }

  #accumulate(at: number, value: number): void {
    const doubles = this.#doubles;
    if (this.#fold === "sum") {
      doubles[at] = doubles[at]! + value;
    } else if (this.#fold === "min") {
      if (value < doubles[at]!) doubles[at] = value;
    } else if (value > doubles[at]!) {
      doubles[at] = value;
    }
  }

  /** Makes an entry of the key that was just looked for. */
  #insert(key: unknown, encoder: KeyEncoder, value: number): boolean {
    const length = encoder.length;
    const isLong = length > inlineBytesMax;
    if (this.count >= Math.floor(this.#slots * loadMax)) {
      if (this.#slots >= this.#slotsMax) return false;
      this.#grow();
      return this.add(key, encoder, value);
    }
    if (isLong && !this.#hasArena(length)) return false;
    const chooser = this.#chooser;
    const partition = chooser.looksAtBytes ? 0 : chooser.choose(key, encoder.bytes, length);
    this.count += 1;
    const base = this.count * 8;
    const words = this.#words;
    this.#index[this.#freeSlot] = (this.#hash & ~numberMask) | this.count;
    words[base] = this.#hash;
    words[base + 1] = (partition << lengthBits) | (isLong ? longKey : length);
    if (isLong) {
      words[base + 2] = this.#keep(encoder.bytes, length);
      words[base + 3] = length;
    } else {
      for (let i = 0; i < 4; i++) words[base + 2 + i] = encoder.words[i]!;
    }
    // A sum starts from zero, which turns a lone -0 into 0 as the aggregator does.
    this.#doubles[this.count * 4 + 3] = this.#fold === "sum" ? 0 + value : value;
    return true;
  }

  #keep(bytes: Buffer, length: number): number {
    const start = this.#arenaNext;
    copyBytes(this.#memory.bytes, start, bytes, 0, length);
    this.#arenaNext = start + length;
    return start;
  }

  #hasArena(length: number): boolean {
    return this.#arenaNext + length <= this.#arenaEnd;
  }

  #grow(): void {
    this.#slots *= 2;
    this.#index = this.#indexOf();
    const index = this.#index;
    const words = this.#words;
    const mask = this.#slots - 1;
    index.fill(0);
    for (let entry = 1; entry <= this.count; entry++) {
      const hash = words[entry * 8]!;
      let slot = hash & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      index[slot] = (hash & ~numberMask) | entry;
    }
  }
}

function doublesOf(words: Int32Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}

/** Only spreads keys over slots; partitions have a hash of their own, which is part of the format. */
function hashWords(k0: number, k1: number, k2: number, k3: number): number {
  let hash =
    Math.imul(k0, 0x9e3779b1) ^
    Math.imul(k1, 0x85ebca77) ^
    Math.imul(k2, 0x27d4eb2f) ^
    Math.imul(k3, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae3d);
  return hash ^ (hash >>> 16);
}
