/** Gives back the key that `KeyEncoder` encoded, exactly; bytes of another shape are refused. */
import { FanfoldError, type Key } from "@fanfold/job";
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
import { keyDepthMax } from "./limits.js";
import { latin1Slice, utf8Slice } from "./native-text.js";

const doubleView = new Float64Array(1);
const wordView = new Uint32Array(doubleView.buffer);

/** Where the element just read ended; module state, so that reading an element allocates nothing but it. */
let position = 0;

/**
 * The key encoded in `bytes[start, end)`.
 *
 * @throws `SEGMENT_CORRUPT` for bytes that are not an encoded key.
 */
export function decodeKeyAt(bytes: Buffer, start: number, end: number): Key {
  if (bytes[start] === tagString && start < end) return readText(bytes, start + 1, end);
  if (bytes[start] === tagBytes && start < end) return new Uint8Array(bytes.subarray(start + 1, end));
  const key = readElement(bytes, start, end, 0);
  if (position !== end) throw corrupt(start);
  return key;
}

function readElement(bytes: Buffer, start: number, end: number, depth: number): Key {
  if (start >= end) throw corrupt(start);
  position = start + 1;
  switch (bytes[start]) {
    case tagNull:
      return null;
    case tagFalse:
      return false;
    case tagTrue:
      return true;
    case tagNumber:
      return readNumber(bytes, end);
    case tagDate:
      return new Date(readNumber(bytes, end));
    case tagBigint:
      return readBigint(bytes, end);
    case tagString: {
      const plain = readEscaped(bytes, end);
      return readText(plain, 0, plain.length);
    }
    case tagBytes:
      return new Uint8Array(readEscaped(bytes, end));
    case tagTuple:
      return readTuple(bytes, end, depth);
    default:
      throw corrupt(start);
  }
}

function readTuple(bytes: Buffer, end: number, depth: number): Key {
  if (depth >= keyDepthMax) throw corrupt(position);
  const tuple: Key[] = [];
  while (position < end && bytes[position] !== tagEnd)
    tuple.push(readElement(bytes, position, end, depth + 1));
  if (position >= end) throw corrupt(position);
  position += 1;
  return tuple;
}

function readNumber(bytes: Buffer, end: number): number {
  if (position + 8 > end) throw corrupt(position);
  const high = bytes.readUInt32BE(position);
  const low = bytes.readUInt32BE(position + 4);
  position += 8;
  const isNegative = high < 0x80000000;
  wordView[1] = isNegative ? ~high : high ^ 0x80000000;
  wordView[0] = isNegative ? ~low : low;
  return doubleView[0]!;
}

function readBigint(bytes: Buffer, end: number): bigint {
  const head = bytes[position]!;
  if (position >= end) throw corrupt(position);
  position += 1;
  if (head === bigintZero) return 0n;
  const flip = head < bigintZero ? 0xff : 0;
  let count = (head ^ flip) - bigintZero;
  if (count > bigintShortMax) {
    if (position + 4 > end) throw corrupt(position);
    count = (bytes.readUInt32BE(position) ^ (flip === 0 ? 0 : -1)) >>> 0;
    position += 4;
  }
  if (count === 0 || position + count > end) throw corrupt(position);
  const digits = Buffer.from(bytes.subarray(position, position + count));
  position += count;
  for (let i = 0; i < count; i++) digits[i] = digits[i]! ^ flip;
  const magnitude = BigInt(`0x${digits.toString("hex")}`);
  return flip === 0 ? magnitude : -magnitude;
}

/** The bytes of a string or byte string within a tuple, its zeros restored. */
function readEscaped(bytes: Buffer, end: number): Buffer {
  const start = position;
  let zeros = 0;
  let i = start;
  for (; ; i++) {
    if (i >= end) throw corrupt(start);
    if (bytes[i] !== 0) continue;
    if (i + 1 >= end || bytes[i + 1] !== escapedZero) break;
    zeros += 1;
    i += 1;
  }
  position = i + 1;
  if (zeros === 0) return bytes.subarray(start, i);
  const plain = Buffer.allocUnsafe(i - start - zeros);
  for (let from = start, to = 0; from < i; from++, to++) {
    plain[to] = bytes[from]!;
    if (bytes[from] === 0) from += 1;
  }
  return plain;
}

/** Decodes WTF-8. The native decoder takes all but lone surrogates. */
function readText(bytes: Buffer, start: number, end: number): string {
  let isAscii = true;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte < 0x80) continue;
    isAscii = false;
    if (byte === 0xed && bytes[i + 1]! >= 0xa0) return readSurrogates(bytes, start, end);
  }
  return isAscii ? latin1Slice(bytes, start, end) : utf8Slice(bytes, start, end);
}

function readSurrogates(bytes: Buffer, start: number, end: number): string {
  let text = "";
  let from = start;
  for (let i = start; i < end; i++) {
    if (bytes[i] !== 0xed || bytes[i + 1]! < 0xa0) continue;
    if (i + 2 >= end) throw corrupt(i);
    const unit = 0xd000 | ((bytes[i + 1]! & 0x3f) << 6) | (bytes[i + 2]! & 0x3f);
    text += utf8Slice(bytes, from, i) + String.fromCharCode(unit);
    from = i + 3;
    i += 2;
  }
  return text + utf8Slice(bytes, from, end);
}

function corrupt(at: number): FanfoldError {
  return new FanfoldError("SEGMENT_CORRUPT", `not an encoded key (byte ${at})`, { details: { offset: at } });
}
