/**
 * Turns a key into bytes whose order is the order of keys.
 *
 * Intuition: a tag byte orders the types; within a type the bytes are arranged so that comparing them as unsigned
 * numbers, left to right, gives the documented order. A string or byte string on its own needs no end mark, since the
 * length of a key is known wherever keys are stored; inside a tuple each element ends itself, with zero bytes escaped
 * (the tuple layer of FoundationDB does likewise). The encoding is injective: different keys never share bytes.
 *
 * Strings are UTF-8 generalised to lone surrogates (WTF-8), so that order is by code point and no two strings merge.
 */
import { FanfoldError } from "@fanfold/job";
import {
  bigintShortMax,
  bigintZero,
  escapedZero,
  tagBigint,
  tagBytes,
  tagDate,
  tagEnd,
  tagFalse,
  tagNull,
  tagNumber,
  tagString,
  tagTrue,
  tagTuple,
} from "./key-tags.js";
import { keyBytesMax, keyDepthMax } from "./limits.js";
import { utf8Write } from "./native-text.js";

const doubleView = new Float64Array(1);
/** The same eight bytes as words: low first, as on every platform that Node runs on today. */
const wordView = new Uint32Array(doubleView.buffer);

const scratchBytes = 4096;
/** Up to this length a loop over the characters beats a native call. */
const loopedStringMax = 24;
/** Strings up to this length fit the smallest scratch buffer, however they are encoded. */
const fastStringLengthMax = 1000;

/** Encodes one key at a time into `bytes`, which it reuses. Not re-entrant. */
export class KeyEncoder {
  /** The last key, in `[0, length)`. Replaced when a key outgrows it. */
  bytes: Buffer = Buffer.from(new ArrayBuffer(scratchBytes));
  length = 0;
  /** The first 16 bytes as words; zeros after the end of a shorter key. */
  words: Int32Array<ArrayBufferLike> = new Int32Array(this.bytes.buffer, 0, 4);

  /**
   * Encodes `key` and returns its length in bytes.
   *
   * @throws `KEY_UNSUPPORTED` for anything but the types of `Key`, for an invalid date, and beyond the limits.
   */
  encode(key: unknown): number {
    const words = this.words;
    words[0] = 0;
    words[1] = 0;
    words[2] = 0;
    words[3] = 0;
    if (typeof key === "string" && key.length <= fastStringLengthMax) {
      const bytes = this.bytes;
      const length = key.length;
      if (length > loopedStringMax) return this.#encodeLonger(key);
      let i = 0;
      for (; i < length; i++) {
        const unit = key.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[i + 1] = unit;
      }
      if (i === length) {
        bytes[0] = tagString;
        this.length = length + 1;
        return length + 1;
      }
    }
    return this.#encodeAny(key);
  }

  /** A string too long for the loop, short enough for the scratch buffer. UTF-8 and WTF-8 agree on it if well-formed. */
  #encodeLonger(key: string): number {
    if (!(key as string & { isWellFormed(): boolean }).isWellFormed()) return this.#encodeAny(key);
    this.bytes[0] = tagString;
    this.length = 1 + utf8Write(this.bytes, key, 1);
    return this.length;
  }

  #encodeAny(key: unknown): number {
    this.words.fill(0);
    this.length = 0;
    this.#write(key, 0, []);
    return this.length;
  }

  /** A copy of the last encoded key. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.length);
    this.bytes.copy(copy, 0, 0, this.length);
    return copy;
  }

  #write(key: unknown, depth: number, path: number[]): void {
    switch (typeof key) {
      case "string":
        this.#put(tagString);
        this.#writeString(key, depth > 0);
        return;
      case "number":
        this.#put(tagNumber);
        this.#writeNumber(key);
        return;
      case "boolean":
        this.#put(key ? tagTrue : tagFalse);
        return;
      case "bigint":
        this.#put(tagBigint);
        this.#writeBigint(key);
        return;
      default:
        this.#writeObject(key, depth, path);
    }
  }

  #writeObject(key: unknown, depth: number, path: number[]): void {
    if (key === null) {
      this.#put(tagNull);
    } else if (Array.isArray(key)) {
      this.#writeTuple(key, depth, path);
    } else if (key instanceof Date) {
      const time = key.getTime();
      if (Number.isNaN(time)) throw unsupported("an invalid Date", path);
      this.#put(tagDate);
      this.#writeNumber(time);
    } else if (key instanceof Uint8Array) {
      this.#put(tagBytes);
      this.#writeBytes(key, depth > 0);
    } else {
      throw unsupported(describe(key), path);
    }
  }

  #writeTuple(tuple: readonly unknown[], depth: number, path: number[]): void {
    if (depth >= keyDepthMax) throw unsupported(`a tuple nested deeper than ${keyDepthMax}`, path);
    this.#put(tagTuple);
    for (let i = 0; i < tuple.length; i++) {
      path.push(i);
      this.#write(tuple[i], depth + 1, path);
      path.pop();
    }
    this.#put(tagEnd);
  }

  /** Big-endian IEEE 754 with the sign flipped, and all bits of negatives, so that bytes sort like numbers. */
  #writeNumber(value: number): void {
    doubleView[0] = value === 0 ? 0 : value;
    let high = wordView[1]!;
    let low = wordView[0]!;
    if (Number.isNaN(value)) {
      high = 0x7ff80000;
      low = 0;
    }
    if (high >= 0x80000000) {
      high = ~high;
      low = ~low;
    } else {
      high ^= 0x80000000;
    }
    this.#putWord(high);
    this.#putWord(low);
  }

  /** Head byte with sign and length, then the magnitude, big-endian; all complemented for negatives. */
  #writeBigint(value: bigint): void {
    if (value === 0n) {
      this.#put(bigintZero);
      return;
    }
    const flip = value < 0n ? 0xff : 0;
    let digits = (value < 0n ? -value : value).toString(16);
    if (digits.length % 2 === 1) digits = `0${digits}`;
    const count = digits.length / 2;
    this.#reserve(count + 5);
    if (count <= bigintShortMax) {
      this.#put((bigintZero + count) ^ flip);
    } else {
      this.#put(0xff ^ flip);
      this.#putWord(flip === 0 ? count : ~count);
    }
    this.bytes.write(digits, this.length, "hex");
    const end = this.length + count;
    if (flip !== 0) for (let i = this.length; i < end; i++) this.bytes[i] = this.bytes[i]! ^ flip;
    this.length = end;
  }

  #writeString(text: string, isInTuple: boolean): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i)!;
      if (point > 0xffff) i += 1;
      this.#writePoint(point);
      if (point === 0 && isInTuple) this.#put(escapedZero);
    }
    if (isInTuple) this.#put(tagEnd);
  }

  #writePoint(point: number): void {
    if (point < 0x80) {
      this.#put(point);
    } else if (point < 0x800) {
      this.#put(0xc0 | (point >> 6));
      this.#put(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
      this.#put(0xe0 | (point >> 12));
      this.#put(0x80 | ((point >> 6) & 0x3f));
      this.#put(0x80 | (point & 0x3f));
    } else {
      this.#put(0xf0 | (point >> 18));
      this.#put(0x80 | ((point >> 12) & 0x3f));
      this.#put(0x80 | ((point >> 6) & 0x3f));
      this.#put(0x80 | (point & 0x3f));
    }
  }

  #writeBytes(data: Uint8Array, isInTuple: boolean): void {
    this.#reserve(data.length);
    if (!isInTuple) {
      this.bytes.set(data, this.length);
      this.length += data.length;
      return;
    }
    for (let i = 0; i < data.length; i++) {
      this.#put(data[i]!);
      if (data[i] === 0) this.#put(escapedZero);
    }
    this.#put(tagEnd);
  }

  #put(byte: number): void {
    if (this.length === this.bytes.length) this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  #putWord(word: number): void {
    this.#reserve(4);
    this.length = this.bytes.writeUInt32BE(word >>> 0, this.length);
  }

  /** Makes room for `count` more bytes. The buffer may pass the limit by its spare room, so `length` is what counts. */
  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed > keyBytesMax) {
      throw new FanfoldError("KEY_UNSUPPORTED", `the key is longer than ${keyBytesMax} bytes when encoded`);
    }
    if (needed <= this.bytes.length) return;
    const grown = Buffer.from(
      new ArrayBuffer(Math.min(keyBytesMax, Math.max(needed, this.bytes.length * 2))),
    );
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.words = new Int32Array(grown.buffer, 0, 4);
  }
}

function describe(key: unknown): string {
  if (key === undefined) return "undefined";
  if (typeof key === "function") return "a function";
  if (typeof key === "symbol") return "a symbol";
  const name = (key as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name !== "Object" ? `an object of class ${name}` : "a plain object";
}

function unsupported(what: string, path: readonly number[]): FanfoldError {
  const where = path.map((index) => `[${index}]`).join("");
  const place = where === "" ? "" : ` at ${where}`;
  return new FanfoldError(
    "KEY_UNSUPPORTED",
    `a key cannot be ${where === "" ? what : `a tuple with ${what}${place}`}: keys are null, booleans, numbers, bigints, strings, bytes, valid dates, and tuples of those`,
    { details: { what, where } },
  );
}
