/**
 * Adds up numbers by key while they are emitted: the combiner of counting jobs.
 *
 * Intuition: a JavaScript `Map` costs a cache miss for the bucket, one for the entry and an object a string. Here an
 * entry is 32 flat bytes, half a cache line, with keys of up to 16 bytes inside it, so that the usual emit touches one
 * line and allocates nothing. Open addressing with linear probing; longer keys lie in an arena.
 *
 * An entry is eight 32-bit words:
 *
 *     0      hash
 *     1      partition << 5 | length of an inline key, or 31; zero marks a free slot
 *     2..5   the key, zero-padded; for long keys its address and its length
 *     6..7   the accumulator, a double
 *
 * The table lies in the memory of a kernel, where there is one: `assembly/table.ts` finds and makes the same entries. A
 * kernel knows nothing of partitions, so with one they are chosen when the entries are handed on.
 */
import { keyHash } from "@fanfold/placement";
import { copyBytes, equalBytes } from "./compare-bytes.js";
import type { GrowingMemory, Kernel } from "./kernel.js";
import type { KeyEncoder } from "./key-encoder.js";
import { tagString } from "./key-tags.js";
import { numericTableEntriesMax } from "./limits.js";
import type { PartitionChooser } from "./partition-chooser.js";

export type NumericFold = "sum" | "min" | "max";

const entryBytes = 32;
const inlineBytesMax = 16;
/** In place of an inline key's length. */
const longKey = 31;
const lengthBits = 5;
const slotsAtFirst = 1 << 13;
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
  readonly #arenaBytesMax: number;
  #slots: number;
  #tableAt: number;
  #words: Int32Array<ArrayBuffer>;
  #doubles: Float64Array<ArrayBuffer>;
  #arenaStart = 0;
  #arenaNext = 0;
  #arenaEnd = 0;
  #arenaBytes = 0;
  /** Long keys lie in chunks, each twice the one before; addresses stay good when there are more. */
  readonly #chunks: { readonly at: number; readonly bytes: number }[] = [];
  #chunk = -1;

  constructor(options: NumericTableOptions) {
    this.#fold = options.fold;
    this.#chooser = options.chooser;
    this.#memory = options.memory;
    // While growing, the old table and the new one stand side by side.
    const slots = Math.min(numericTableEntriesMax, options.bytesMax / (2 * entryBytes));
    this.#slotsMax = Math.max(slotsAtFirst, 2 ** Math.floor(Math.log2(slots)));
    this.#slots = Math.min(slotsExpected, this.#slotsMax);
    this.#tableAt = this.#memory.allocate(this.#slots * entryBytes);
    this.#words = this.#wordsOf(this.#slots);
    this.#words.fill(0);
    this.#doubles = doublesOf(this.#words);
    this.#arenaBytesMax = Math.max(1 << 16, Math.floor(options.bytesMax / 8));
    this.#memory.onMoved(() => this.#look());
  }

  /** Views of where the table is now. */
  #look(): void {
    this.#words = this.#wordsOf(this.#slots);
    this.#doubles = doublesOf(this.#words);
  }

  #wordsOf(slots: number): Int32Array<ArrayBuffer> {
    const { buffer, byteOffset } = this.#memory.bytes;
    return new Int32Array(buffer as ArrayBuffer, byteOffset + this.#tableAt, slots * 8);
  }

  /** Lets a kernel work on the table; it stops where an entry finds no room, for which `makeRoom` is then to be asked. */
  lend(kernel: Kernel, work: () => void): void {
    const most = Math.floor(this.#slots * loadMax);
    kernel.calls.useTable(this.#tableAt, this.#slots, this.count, most, this.#arenaNext, this.#arenaEnd);
    work();
    this.count = kernel.calls.tableCount();
    this.#arenaNext = kernel.calls.tableArena();
  }

  /** Room for another entry, and for `keyBytes` more of long keys; false when the table is full. */
  makeRoom(keyBytes: number): boolean {
    if (!this.#reserve(keyBytes)) return false;
    if (this.count < Math.floor(this.#slots * loadMax)) return true;
    if (this.#slots >= this.#slotsMax) return false;
    this.#grow();
    return true;
  }

  /**
   * Folds `value` into the entry of the key that was just encoded; false, and nothing done, when the table is full.
   *
   * @throws what the chooser of a new key's partition throws.
   */
  add(key: unknown, encoder: KeyEncoder, value: number): boolean {
    const length = encoder.length;
    const base =
      length <= inlineBytesMax ? this.#findInline(encoder, length) : this.#findLong(encoder, length);
    if (this.#words[base + 1] !== 0) {
      this.#accumulate((base >> 1) + 3, value);
      return true;
    }
    return this.#insert(base, key, encoder, value);
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
    const base = this.#find(k0, k1, k2, k3, length + 1);
    if (this.#words[base + 1] === 0) return false;
    this.#accumulate((base >> 1) + 3, value);
    return true;
  }

  /** Hands every entry to `take`, in no particular order; the key is in `bytes[start, end)`. */
  forEach(take: (partition: number, bytes: Buffer, start: number, end: number, value: number) => void): void {
    slotsExpected = Math.max(slotsAtFirst, 2 ** Math.ceil(Math.log2((this.count + 1) / loadMax)));
    const words = this.#words;
    const bytes = this.#memory.bytes;
    const chooser = this.#chooser;
    for (let base = 0; base < words.length; base += 8) {
      const meta = words[base + 1]!;
      if (meta === 0) continue;
      const length = meta & longKey;
      const isLong = length === longKey;
      const start = isLong ? words[base + 2]! : this.#tableAt + base * 4 + 8;
      const end = start + (isLong ? words[base + 3]! : length);
      const partition = chooser.looksAtBytes ? chooser.place(bytes, start, end) : meta >>> lengthBits;
      take(partition, bytes, start, end, this.#doubles[(base >> 1) + 3]!);
    }
  }

  clear(): void {
    this.#words.fill(0);
    this.count = 0;
    if (this.#chunks.length > 0) this.#openChunk(0);
  }

  #findInline(encoder: KeyEncoder, length: number): number {
    const key = encoder.words;
    return this.#find(key[0]!, key[1]!, key[2]!, key[3]!, length);
  }

  /** The first word of a short key's entry, or of the free slot where it would go. */
  #find(k0: number, k1: number, k2: number, k3: number, length: number): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = hashWords(k0, k1, k2, k3) & mask;
    for (;;) {
      const base = slot << 3;
      const meta = words[base + 1]!;
      if (meta === 0) return base;
      if (
        words[base + 2] === k0 &&
        words[base + 3] === k1 &&
        words[base + 4] === k2 &&
        words[base + 5] === k3 &&
        (meta & longKey) === length
      ) {
        return base;
      }
      slot = (slot + 1) & mask;
    }
  }

  #findLong(encoder: KeyEncoder, length: number): number {
    const hash = keyHash(encoder.bytes, 0, length) | 0;
    const words = this.#words;
    const mask = this.#slots - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const base = slot << 3;
      const meta = words[base + 1]!;
      if (meta === 0) return base;
      if (words[base] !== hash || (meta & longKey) !== longKey) continue;
      const start = words[base + 2]!;
      if (equalBytes(this.#memory.bytes, start, start + words[base + 3]!, encoder.bytes, 0, length))
        return base;
    }
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

  #insert(base: number, key: unknown, encoder: KeyEncoder, value: number): boolean {
    const length = encoder.length;
    const isLong = length > inlineBytesMax;
    if (this.count >= this.#slots * loadMax) {
      if (this.#slots >= this.#slotsMax) return false;
      this.#grow();
      return this.add(key, encoder, value);
    }
    if (isLong && !this.#reserve(length)) return false;
    const chooser = this.#chooser;
    const partition = chooser.looksAtBytes ? 0 : chooser.choose(key, encoder.bytes, length);
    const words = this.#words;
    if (isLong) {
      words[base] = keyHash(encoder.bytes, 0, length) | 0;
      words[base + 2] = this.#keep(encoder.bytes, length);
      words[base + 3] = length;
    } else {
      words[base] = hashWords(encoder.words[0]!, encoder.words[1]!, encoder.words[2]!, encoder.words[3]!);
      for (let i = 0; i < 4; i++) words[base + 2 + i] = encoder.words[i]!;
    }
    words[base + 1] = (partition << lengthBits) | (isLong ? longKey : length);
    // A sum starts from zero, which turns a lone -0 into 0 as the aggregator does.
    this.#doubles[(base >> 1) + 3] = this.#fold === "sum" ? 0 + value : value;
    this.count += 1;
    return true;
  }

  #keep(bytes: Buffer, length: number): number {
    const start = this.#arenaNext;
    copyBytes(this.#memory.bytes, start, bytes, 0, length);
    this.#arenaNext = start + length;
    return start;
  }

  /** Room for a long key, in a further chunk if need be; an empty table takes any. */
  #reserve(length: number): boolean {
    if (this.#arenaNext + length <= this.#arenaEnd) return true;
    while (this.#chunk + 1 < this.#chunks.length) {
      this.#openChunk(this.#chunk + 1);
      if (length <= this.#arenaEnd - this.#arenaNext) return true;
    }
    const last = this.#arenaEnd - this.#arenaStart;
    const wanted = Math.max(arenaBytesAtFirst, length, 2 * last);
    const chunk = Math.max(length, Math.min(wanted, this.#arenaBytesMax - this.#arenaBytes));
    if (this.#arenaBytes + chunk > this.#arenaBytesMax && this.count > 0) return false;
    this.#chunks.push({ at: this.#memory.allocate(chunk), bytes: chunk });
    this.#arenaBytes += chunk;
    this.#openChunk(this.#chunks.length - 1);
    return true;
  }

  #openChunk(index: number): void {
    const { at, bytes } = this.#chunks[index]!;
    this.#chunk = index;
    this.#arenaStart = at;
    this.#arenaNext = at;
    this.#arenaEnd = at + bytes;
  }

  #grow(): void {
    const slots = this.#slots * 2;
    const oldSlots = this.#slots;
    const oldAt = this.#tableAt;
    const tableAt = this.#memory.allocate(slots * entryBytes);
    this.#tableAt = oldAt;
    const old = this.#wordsOf(oldSlots);
    this.#tableAt = tableAt;
    this.#slots = slots;
    this.#look();
    const words = this.#words;
    words.fill(0);
    for (let from = 0; from < old.length; from += 8) {
      if (old[from + 1] === 0) continue;
      let slot = old[from]! & (slots - 1);
      while (words[(slot << 3) + 1] !== 0) slot = (slot + 1) & (slots - 1);
      const to = slot << 3;
      for (let i = 0; i < 8; i++) words[to + i] = old[from + i]!;
    }
  }
}

const arenaBytesAtFirst = 1 << 16;

function doublesOf(words: Int32Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  return new Float64Array(words.buffer, words.byteOffset, words.length / 2);
}

/** Only spreads keys over slots; partitions have a hash of their own, which is part of the format. */
function hashWords(k0: number, k1: number, k2: number, k3: number): number {
  let hash = Math.imul(k0, 0x9e3779b1) ^ Math.imul(k1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae3d);
  hash ^= Math.imul(k2, 0x27d4eb2f) ^ Math.imul(k3, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 13), 0x9e3779b1);
  return hash ^ (hash >>> 16);
}
