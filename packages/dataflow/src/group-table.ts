/**
 * Numbers the different keys of emitted pairs, from 0 on, in the order in which they are first met.
 *
 * Intuition: of pairs with few different keys, what is sorted, written and merged need be the keys alone. An entry is 32
 * flat bytes, as in the table of numeric combiners, so that finding the usual key touches one cache line and makes nothing.
 *
 * An entry is eight 32-bit words: hash, length of the key (0 marks a free slot), its number, unused, and the first 16 bytes
 * of the key, zero-padded. All keys lie in an arena, one behind the other.
 */
import { keyHash } from "@fanfold/placement";
import { copyBytes, equalBytes } from "./compare-bytes.js";
import type { KeyEncoder } from "./key-encoder.js";
import { tagString } from "./key-tags.js";
import { rowWords } from "./sort-records.js";

const entryWords = 8;
const entryBytes = entryWords * 4;
const keyAt = 4;
const inlineBytesMax = 16;
/** Linear probing stays short below this. */
const loadMax = 0.6;
/** An entry at the emptiest, and a row. */
const groupBytes: number = Math.ceil((2 * entryBytes) / loadMax) + rowWords * 4;
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
  #slots: number;
  #words: Int32Array;

  /** Takes at first what the last table needed, as far as that is a fraction of `bytesMax`. */
  constructor(bytesMax: number) {
    const fit = 2 ** Math.floor(Math.log2(bytesMax / (4 * entryBytes)));
    this.#slots = Math.max(slotsAtFirst, Math.min(slotsExpected, fit));
    this.#words = new Int32Array(this.#slots * entryWords);
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
    const at = this.#find(hashWords(k0, k1, k2, k3), k0, k1, k2, k3, length + 1);
    return this.#words[at + 1] === 0 ? -1 : this.#words[at + 2]!;
  }

  /** The group of the key that was just encoded; -1 when there is none. */
  groupOf(encoder: KeyEncoder): number {
    const at = this.#findEncoded(encoder);
    return this.#words[at + 1] === 0 ? -1 : this.#words[at + 2]!;
  }

  /** Makes a group of the key that was just encoded, of which there is none, in `partition`, and returns its number. */
  add(encoder: KeyEncoder, partition: number): number {
    if (this.count >= Math.floor(this.#slots * loadMax)) this.#grow();
    const group = this.count;
    const { length } = encoder;
    const words = this.#words;
    const at = this.#findEncoded(encoder);
    words[at] = hashOf(encoder);
    words[at + 1] = length;
    words[at + 2] = group;
    for (let i = 0; i < 4; i++) words[at + keyAt + i] = length > inlineBytesMax ? 0 : encoder.words[i]!;
    if (rowWords * (group + 1) > this.rows.length) {
      const rows = new Uint32Array(this.rows.length * 2);
      rows.set(this.rows);
      this.rows = rows;
    }
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
    this.#words.fill(0);
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

  #findEncoded(encoder: KeyEncoder): number {
    const { words, length } = encoder;
    const hash = hashOf(encoder);
    if (length > inlineBytesMax) return this.#findLong(encoder, hash);
    return this.#find(hash, words[0]!, words[1]!, words[2]!, words[3]!, length);
  }

  /** The first word of a short key's entry, or of the free slot where it would go. */
  #find(hash: number, k0: number, k1: number, k2: number, k3: number, length: number): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * entryWords;
      const known = words[at + 1]!;
      if (known === 0) return at;
      if (
        words[at + keyAt] === k0 &&
        words[at + keyAt + 1] === k1 &&
        words[at + keyAt + 2] === k2 &&
        words[at + keyAt + 3] === k3 &&
        known === length
      ) {
        return at;
      }
    }
  }

  #findLong(encoder: KeyEncoder, hash: number): number {
    const words = this.#words;
    const mask = this.#slots - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = slot * entryWords;
      if (words[at + 1] === 0) return at;
      if (words[at] !== hash || words[at + 1] !== encoder.length) continue;
      const start = this.rows[rowWords * words[at + 2]!]!;
      if (equalBytes(this.keys, start, start + encoder.length, encoder.bytes, 0, encoder.length)) return at;
    }
  }

  #grow(): void {
    const old = this.#words;
    this.#slots *= 2;
    const words = new Int32Array(this.#slots * entryWords);
    const mask = this.#slots - 1;
    for (let from = 0; from < old.length; from += entryWords) {
      if (old[from + 1] === 0) continue;
      let slot = old[from]! & mask;
      while (words[slot * entryWords + 1] !== 0) slot = (slot + 1) & mask;
      for (let i = 0; i < entryWords; i++) words[slot * entryWords + i] = old[from + i]!;
    }
    this.#words = words;
  }
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
