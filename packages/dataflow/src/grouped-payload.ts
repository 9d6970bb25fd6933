/** Steps through the payload of a grouped block: the other side of `GroupedBlockBuilder`. */
import type { Block } from "./block-reader.js";
import type { RecordView } from "./record-view.js";
import { groupedHeadBytes, layoutNumbers, readLength, valueScratchBytes } from "./segment-format.js";
import { ValueEncoder } from "./value-encoder.js";

/** All payloads can use the same one, since nothing happens between encoding and copying. */
const encoder: ValueEncoder = new ValueEncoder();

export class GroupedPayload {
  readonly #view: RecordView;
  readonly #raw: Buffer;
  readonly #scratchAt: number;
  readonly #keyWidth: number;
  readonly #countWidth: number;
  readonly #valueWidth: number;
  readonly #keyLength: number;
  readonly #count: number;
  readonly #valueLength: number;
  readonly #areNumbers: boolean;
  #keyLengthAt: number;
  #countAt: number;
  #valueLengthAt: number;
  /** Numbers: where the next difference lies, and the number at hand. */
  #at = 0;
  #number = 0;

  /** Shows a block's records in `view`, into which the first `next` steps. */
  constructor({ bytes: raw, at, end, records }: Block, view: RecordView) {
    this.#view = view;
    this.#raw = raw;
    this.#scratchAt = end - valueScratchBytes;
    this.#keyWidth = raw[at]!;
    this.#valueWidth = raw[at + 1]!;
    this.#areNumbers = raw[at + 2] === layoutNumbers;
    this.#countWidth = raw[at + 3]!;
    this.#keyLength = raw.readUInt32LE(at + 4);
    this.#valueLength = raw.readUInt32LE(at + 8);
    const groups = raw.readUInt32LE(at + 12);
    this.#count = raw.readUInt32LE(at + 16);
    this.#keyLengthAt = at + groupedHeadBytes;
    this.#countAt = this.#keyLengthAt + groups * this.#keyWidth;
    this.#valueLengthAt = this.#countAt + groups * this.#countWidth;
    const keysAt = this.#valueLengthAt + records * this.#valueWidth;
    let keyBytes = groups * this.#keyLength;
    for (let i = 0; this.#keyWidth > 0 && i < groups; i++) {
      keyBytes += readLength(raw, this.#keyLengthAt + i * this.#keyWidth, this.#keyWidth);
    }
    view.bytes = raw;
    view.keyEnd = keysAt;
    view.valueEnd = keysAt + keyBytes;
    view.repeats = 0;
    this.#at = view.valueEnd;
  }

  /** Steps to the next record; there must be one. */
  next(): void {
    const view = this.#view;
    if (view.repeats === 0) this.#nextGroup();
    else view.repeats -= 1;
    if (this.#areNumbers) {
      this.#number += this.#difference();
      this.#showNumber();
      return;
    }
    view.valueStart = view.valueEnd;
    if (this.#valueWidth === 0) {
      view.valueEnd += this.#valueLength;
    } else {
      view.valueEnd += readLength(this.#raw, this.#valueLengthAt, this.#valueWidth);
      this.#valueLengthAt += this.#valueWidth;
    }
  }

  /** As of a stream. */
  takeNumbers(into: Float64Array): number {
    if (!this.#areNumbers) return 0;
    const view = this.#view;
    const count = Math.min(into.length, view.repeats + 1);
    let number = this.#number;
    into[0] = number;
    for (let i = 1; i < count; i++) {
      number += this.#difference();
      into[i] = number;
    }
    this.#number = number;
    view.repeats -= count - 1;
    return count;
  }

  #nextGroup(): void {
    const view = this.#view;
    view.keyStart = view.keyEnd;
    if (this.#keyWidth === 0) {
      view.keyEnd += this.#keyLength;
    } else {
      view.keyEnd += readLength(this.#raw, this.#keyLengthAt, this.#keyWidth);
      this.#keyLengthAt += this.#keyWidth;
    }
    view.repeats = this.#count - 1;
    if (this.#countWidth > 0) {
      view.repeats = readLength(this.#raw, this.#countAt, this.#countWidth) - 1;
      this.#countAt += this.#countWidth;
    }
    this.#number = 0;
  }

  #difference(): number {
    const raw = this.#raw;
    let byte = raw[this.#at++]!;
    let bits = byte & 0x7f;
    if (byte > 0x7f) {
      byte = raw[this.#at++]!;
      bits |= (byte & 0x7f) << 7;
      if (byte > 0x7f) {
        byte = raw[this.#at++]!;
        bits |= (byte & 0x7f) << 14;
        if (byte > 0x7f) return this.#longDifference(bits);
      }
    }
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** Of more than three bytes, which hold `low`. */
  #longDifference(low: number): number {
    let bits = low;
    let unit = 2 ** 21;
    let byte: number;
    do {
      byte = this.#raw[this.#at++]!;
      bits += (byte & 0x7f) * unit;
      unit *= 128;
    } while (byte > 0x7f);
    return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2;
  }

  /** Encodes the number at hand where the payload has room for it. */
  #showNumber(): void {
    const view = this.#view;
    const at = this.#scratchAt;
    const length = encoder.encode(this.#number);
    for (let i = 0; i < length; i++) this.#raw[at + i] = encoder.bytes[i]!;
    view.valueStart = at;
    view.valueEnd = at + length;
  }
}
