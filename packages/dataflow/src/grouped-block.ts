/**
 * Gathers records of few different keys into the payload of one block: each key once, with the number of its records.
 *
 * Intuition: where nothing is combined, a segment holds a frequent key thousands of times; written once it need not be
 * copied, compared or merged again. Values that are whole numbers, which positions and identifiers are, become
 * differences to the one before, mostly of one or two bytes.
 *
 * What is written depends on the records alone, however they come: one by one, or many numbers of a key at once.
 */
import { spread, writeLengths } from "./block-builder.js";
import { copyBytes, equalBytes } from "./compare-bytes.js";
import { blockBytes } from "./limits.js";
import { groupedHeadBytes, layoutGrouped, layoutNumbers, valueScratchBytes } from "./segment-format.js";
import { decodeNumberAt, isNumberHead } from "./value-decoder.js";
import { ValueEncoder } from "./value-encoder.js";

/** Differences of two such numbers are exact in a double, doubled as well. */
const wholeMax = 2 ** 51;
const groupsAtFirst = 1024;
const recordsAtFirst = 4096;
/** What a group adds to a block besides its key: two lengths. */
const groupOverheadBytes = 4;
const lengthBytes = 2;
/** Of a difference, seven bits a byte. */
const varintBytesMax = 8;
/** Differences within this are written by 32-bit arithmetic. */
const smallMax = 2 ** 29;

/** Whether a number is one that is written as a difference. */
export function isWhole(value: number): boolean {
  if ((value | 0) === value) return value !== 0 || 1 / value > 0;
  return Number.isInteger(value) && value <= wholeMax && value >= -wholeMax;
}

export class GroupedBlockBuilder {
  records = 0;
  #groups = 0;
  #keys: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #keysUsed = 0;
  /** Where the last group's key starts. */
  #lastKeyAt = 0;
  #keyLengths: Uint32Array = new Uint32Array(groupsAtFirst);
  #counts: Uint32Array = new Uint32Array(groupsAtFirst);
  #values: Buffer = Buffer.allocUnsafeSlow(blockBytes);
  #valuesUsed = 0;
  /** Of values kept as they are encoded. */
  #valueLengths: Uint32Array = new Uint32Array(recordsAtFirst);
  #areNumbers = true;
  #lastNumber = 0;
  readonly #encoder: ValueEncoder = new ValueEncoder();

  /** Bytes gathered: a block is full when this passes `blockBytes`. */
  get bytes(): number {
    const lengths = this.#areNumbers ? 0 : this.records * lengthBytes;
    return this.#keysUsed + this.#valuesUsed + this.#groups * groupOverheadBytes + lengths;
  }

  /** Bytes that `write` can need at most. */
  get payloadBytesMax(): number {
    const lengths = this.#groups * 8 + this.records * 4;
    return groupedHeadBytes + lengths + this.#keysUsed + this.#valuesUsed + valueScratchBytes;
  }

  /** Appends a record; false, and nothing done, when that has to wait for the next block. An empty one takes any record. */
  append(
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): boolean {
    if (this.bytes >= blockBytes) return false;
    if (this.#areNumbers) {
      const number = isNumberHead(values[valueStart]!) ? decodeNumberAt(values, valueStart) : Number.NaN;
      if (isWhole(number)) {
        this.#enterGroup(keys, keyStart, keyEnd);
        this.#putNumber(number);
        return true;
      }
      if (this.records > 0) return false;
      this.#areNumbers = false;
    }
    this.#enterGroup(keys, keyStart, keyEnd);
    this.#putBytes(values, valueStart, valueEnd);
    return true;
  }

  /** Appends records of one key with the values `numbers[from, to)`, all whole, and returns up to which it took them. */
  appendNumbers(
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    numbers: Float64Array,
    from: number,
    to: number,
  ): number {
    let at = from;
    while (at < to && this.bytes < blockBytes) {
      this.#enterGroup(keys, keyStart, keyEnd);
      if (this.#areNumbers) {
        at = this.#putNumbers(numbers, at, to);
        continue;
      }
      const length = this.#encoder.encode(numbers[at]);
      this.#putBytes(this.#encoder.bytes, 0, length);
      at += 1;
    }
    return at;
  }

  /** Writes the payload at `at` and returns where it ends; the builder is empty afterwards. */
  write(target: Buffer, at: number): number {
    const groups = this.#groups;
    const keys = spread(this.#keyLengths, groups);
    const counts = spread(this.#counts, groups);
    const values = this.#areNumbers ? { width: 0, most: 0 } : spread(this.#valueLengths, this.records);
    target[at] = keys.width;
    target[at + 1] = values.width;
    target[at + 2] = this.#areNumbers ? layoutNumbers : layoutGrouped;
    target[at + 3] = counts.width;
    target.writeUInt32LE(keys.width === 0 ? keys.most : 0, at + 4);
    target.writeUInt32LE(values.width === 0 ? values.most : 0, at + 8);
    target.writeUInt32LE(groups, at + 12);
    target.writeUInt32LE(counts.width === 0 ? counts.most : 0, at + 16);
    let end = at + groupedHeadBytes;
    end = writeLengths(target, end, this.#keyLengths, groups, keys.width);
    end = writeLengths(target, end, this.#counts, groups, counts.width);
    end = writeLengths(target, end, this.#valueLengths, this.records, values.width);
    target.set(this.#keys.subarray(0, this.#keysUsed), end);
    end += this.#keysUsed;
    target.set(this.#values.subarray(0, this.#valuesUsed), end);
    end += this.#valuesUsed;
    if (this.#areNumbers) {
      target.fill(0, end, end + valueScratchBytes);
      end += valueScratchBytes;
    }
    this.#reset();
    return end;
  }

  #reset(): void {
    this.records = 0;
    this.#groups = 0;
    this.#keysUsed = 0;
    this.#valuesUsed = 0;
    this.#areNumbers = true;
    // A value far over the usual size must not hold its memory for the rest of the attempt.
    if (this.#values.length > blockBytes * 16) this.#values = Buffer.allocUnsafeSlow(blockBytes);
  }

  /** Makes the key the last group's: the next record is of that. */
  #enterGroup(keys: Buffer, keyStart: number, keyEnd: number): void {
    const group = this.#groups;
    if (group > 0 && equalBytes(this.#keys, this.#lastKeyAt, this.#keysUsed, keys, keyStart, keyEnd)) return;
    if (group === this.#keyLengths.length) {
      this.#keyLengths = grownLengths(this.#keyLengths);
      this.#counts = grownLengths(this.#counts);
    }
    const length = keyEnd - keyStart;
    this.#keys = withRoom(this.#keys, this.#keysUsed, length);
    copyBytes(this.#keys, this.#keysUsed, keys, keyStart, keyEnd);
    this.#lastKeyAt = this.#keysUsed;
    this.#keysUsed += length;
    this.#keyLengths[group] = length;
    this.#counts[group] = 0;
    this.#groups = group + 1;
    this.#lastNumber = 0;
  }

  #putNumbers(numbers: Float64Array, from: number, to: number): number {
    // So many more fit into the block, whatever they are, so that its size needs no look after each.
    const room = Math.max(1, Math.ceil((blockBytes - this.bytes) / varintBytesMax));
    const end = Math.min(to, from + room);
    for (let i = from; i < end; i++) this.#putNumber(numbers[i]!);
    return end;
  }

  #putNumber(number: number): void {
    let at = this.#valuesUsed;
    if (at + varintBytesMax > this.#values.length) {
      this.#values = withRoom(this.#values, at, varintBytesMax);
    }
    const values = this.#values;
    const difference = number - this.#lastNumber;
    if (difference < smallMax && difference > -smallMax) {
      let rest = (difference << 1) ^ (difference >> 31);
      while (rest > 0x7f) {
        values[at++] = (rest & 0x7f) | 0x80;
        rest >>>= 7;
      }
      values[at++] = rest;
    } else {
      let rest = difference < 0 ? -2 * difference - 1 : 2 * difference;
      while (rest > 0x7f) {
        values[at++] = (rest % 128) | 0x80;
        rest = Math.floor(rest / 128);
      }
      values[at++] = rest;
    }
    this.#lastNumber = number;
    this.#valuesUsed = at;
    this.#count();
  }

  #putBytes(values: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.records === this.#valueLengths.length) this.#valueLengths = grownLengths(this.#valueLengths);
    this.#valueLengths[this.records] = length;
    this.#values = withRoom(this.#values, this.#valuesUsed, length);
    copyBytes(this.#values, this.#valuesUsed, values, start, end);
    this.#valuesUsed += length;
    this.#count();
  }

  #count(): void {
    this.records += 1;
    this.#counts[this.#groups - 1] = this.#counts[this.#groups - 1]! + 1;
  }
}

function withRoom(buffer: Buffer, used: number, more: number): Buffer {
  if (used + more <= buffer.length) return buffer;
  const grown = Buffer.allocUnsafeSlow(Math.max(used + more, buffer.length * 2));
  buffer.copy(grown, 0, 0, used);
  return grown;
}

function grownLengths(lengths: Uint32Array): Uint32Array {
  const grown = new Uint32Array(lengths.length * 2);
  grown.set(lengths);
  return grown;
}
