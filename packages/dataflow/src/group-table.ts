/**
 * Numbers the different keys of emitted pairs, from 0 on, in the order in which they are first met.
 *
 * Intuition: of pairs with few different keys, what is sorted, written and merged need be the keys alone. What finding a key
 * costs is cache misses; so the index is four bytes a slot, and entries lie in the order in which their keys were met: the
 * frequent ones, which are met first, side by side.
 *
 * A slot of the index is free when zero; else it holds the first byte of the hash and the key's number from 1. An entry is six
 * 32-bit words: the first 16 bytes of the key, zero-padded, its length, its hash. All keys lie in an arena as well, whole.
 */
import { keyHash } from "@fanfold/placement";
import { copyBytes, equalBytes } from "./compare-bytes.js";
import type { KeyEncoder } from "./key-encoder.js";
import { tagString } from "./key-tags.js";
import { rowWords } from "./sort-records.js";

const entryWords = 6;
const lengthWord = 4;
const hashWord = 5;
/** Of a slot: the number; the rest is of the hash. */
const numberMask = 0xffffff;
const inlineBytesMax = 16;
/** Linear probing stays short below this. */
const loadMax = 0.6;
/** Slots, entry and row, where their arrays have just grown. */
const groupBytes: number = Math.ceil((2 * 4) / loadMax) + 2 * (entryWords + rowWords) * 4;
const slotsAtFirst = 1 << 13;
const arenaBytesAtFirst = 1 << 16;
const groupsAtFirst = 1 << 12;

/** Where the next table of this process starts: at the size that the last one needed, since tasks of a job are alike. */
let slotsExpected: number = slotsAtFirst;

export class GroupTable {
  count = 0;
  /** The keys; that of group g is at `rows[4 * g]`, its length behind that: rows as `sortRecords` takes them. */
  keys: Buffer = Buffer.allocUnsafeSlow(arenaBytesAtFirst);
  rows: Uint32Array = new Uint32Array(groupsAtFirst * rowWords);
  /** Of all keys together. */
  keyBytes = 0;
  #index: Int32Array;
  #entries: Int32Array = new Int32Array(groupsAtFirst * entryWords);

  /** Takes at first what the last table needed, as far as that is a fraction of `bytesMax`. */
  constructor(bytesMax: number) {
    const fit = 2 ** Math.floor(Math.log2(bytesMax / 32));
    this.#index = new Int32Array(Math.max(slotsAtFirst, Math.min(slotsExpected, fit)));
  }

  /** Bytes that the keys held need, with the table that they need at most. */
  get bytes(): number {
    return this.count * groupBytes + this.keyBytes;
  }

  /** The group of a short ASCII string, kept in registers from the characters to the entry; -1 for any other key. */
  groupOfText(key: string): number {
    const { length } = key;
    if (length >= inlineBytesMax) return -1;
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
    if (units > 0x7f) return -1;
    const hash = hashWords(k0, k1, k2, k3);
    const index = this.#index;
    const entries = this.#entries;
    const mask = index.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = index[slot]!;
      if (found === 0) return -1;
      if ((found ^ hash) >>> 24 !== 0) continue;
      const group = (found & numberMask) - 1;
      const at = group * entryWords;
      if (
        entries[at] === k0 &&
        entries[at + 1] === k1 &&
        entries[at + 2] === k2 &&
        entries[at + 3] === k3 &&
        entries[at + lengthWord] === length + 1
      ) {
        return group;
      }
    }
  }

  /** The group of the key that was just encoded; -1 when there is none. */
  groupOf(encoder: KeyEncoder): number {
    return (this.#index[this.#slotOf(encoder)]! & numberMask) - 1;
  }

  /** Makes a group of the key that was just encoded, of which there is none, in `partition`, and returns its number. */
  add(encoder: KeyEncoder, partition: number): number {
    const group = this.count;
    if (group >= Math.floor(this.#index.length * loadMax)) this.#growIndex();
    if (rowWords * (group + 1) > this.rows.length) {
      this.rows = doubled(this.rows);
      this.#entries = doubled(this.#entries);
    }
    const { length, words } = encoder;
    const hash = hashOf(encoder);
    this.#index[this.#slotOf(encoder)] = (hash & ~numberMask) | (group + 1);
    const at = group * entryWords;
    const isLong = length > inlineBytesMax;
    for (let i = 0; i < 4; i++) this.#entries[at + i] = isLong ? 0 : words[i]!;
    this.#entries[at + lengthWord] = length;
    this.#entries[at + hashWord] = hash;
    const row = rowWords * group;
    this.rows[row] = this.keyBytes;
    this.rows[row + 1] = length;
    this.rows[row + 2] = 0;
    this.rows[row + 3] = partition;
    this.#keep(encoder);
    this.count = group + 1;
    return group;
  }

  clear(): void {
    slotsExpected = Math.max(slotsAtFirst, 2 ** Math.ceil(Math.log2((this.count + 1) / loadMax)));
    this.#index.fill(0);
    this.count = 0;
    this.keyBytes = 0;
  }

  #keep(encoder: KeyEncoder): void {
    const end = this.keyBytes + encoder.length;
    if (end > this.keys.length) {
      const keys = Buffer.allocUnsafeSlow(Math.max(end, this.keys.length * 2));
      this.keys.copy(keys, 0, 0, this.keyBytes);
      this.keys = keys;
    }
    copyBytes(this.keys, this.keyBytes, encoder.bytes, 0, encoder.length);
    this.keyBytes = end;
  }

  /** The slot of the key that was just encoded, or the free one where it would go. */
  #slotOf(encoder: KeyEncoder): number {
    const hash = hashOf(encoder);
    const index = this.#index;
    const mask = index.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = index[slot]!;
      if (found === 0) return slot;
      if ((found ^ hash) >>> 24 === 0 && this.#isKey((found & numberMask) - 1, encoder, hash)) return slot;
    }
  }

  #isKey(group: number, { bytes, words, length }: KeyEncoder, hash: number): boolean {
    const entries = this.#entries;
    const at = group * entryWords;
    if (entries[at + hashWord] !== hash || entries[at + lengthWord] !== length) return false;
    if (length > inlineBytesMax) {
      const start = this.rows[rowWords * group]!;
      return equalBytes(this.keys, start, start + length, bytes, 0, length);
    }
    for (let i = 0; i < 4; i++) if (entries[at + i] !== words[i]) return false;
    return true;
  }

  #growIndex(): void {
    const index = new Int32Array(this.#index.length * 2);
    const mask = index.length - 1;
    for (let group = 0; group < this.count; group++) {
      const hash = this.#entries[group * entryWords + hashWord]!;
      let slot = hash & mask;
      while (index[slot] !== 0) slot = (slot + 1) & mask;
      index[slot] = (hash & ~numberMask) | (group + 1);
    }
    this.#index = index;
  }
}

function doubled<T extends Int32Array | Uint32Array>(words: T): T {
  const grown = new (words.constructor as new (length: number) => T)(words.length * 2);
  grown.set(words);
  return grown;
}

function hashOf(encoder: KeyEncoder): number {
  const { words, length } = encoder;
  if (length > inlineBytesMax) return keyHash(encoder.bytes, 0, length) | 0;
  return hashWords(words[0]!, words[1]!, words[2]!, words[3]!);
}

function hashWords(k0: number, k1: number, k2: number, k3: number): number {
  let hash = Math.imul(k0, 0x9e3779b1) ^ Math.imul(k1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae3d);
  hash ^= Math.imul(k2, 0x27d4eb2f) ^ Math.imul(k3, 0x165667b1);
  hash = Math.imul(hash ^ (hash >>> 13), 0x9e3779b1);
  return hash ^ (hash >>> 16);
}
