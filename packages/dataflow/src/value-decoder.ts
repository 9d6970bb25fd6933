/** Gives back the value that `ValueEncoder` encoded; bytes of another shape are refused. */
import { FanfoldError } from "@fanfold/job";
import { valueDepthMax } from "./limits.js";
import { latin1Slice, ucs2Slice, utf8Slice } from "./native-text.js";
import * as tag from "./value-tags.js";

const doubleView = new Float64Array(1);
const doubleBytes = new Uint8Array(doubleView.buffer);

/** Where the next part starts and where the value must end; module state, so that decoding allocates only values. */
let position = 0;
let limit = 0;

/**
 * The value encoded in `bytes[start, end)`.
 *
 * @throws `SEGMENT_CORRUPT` for bytes that are not an encoded value.
 */
export function decodeValueAt(bytes: Buffer, start: number, end: number): unknown {
  const head = bytes[start]!;
  if (head >= tag.valueSmallInt && end === start + 1) return head & 0x7f;
  position = start;
  limit = end;
  const value = read(bytes, 0);
  if (position !== end) throw corrupt();
  return value;
}

/** Whether the value that starts with this byte is a number. */
export function isNumberHead(head: number): boolean {
  return head >= tag.valueSmallInt || (head >= tag.valueInt && head <= tag.valueDouble);
}

/** The number encoded at `start`; the head byte must have passed `isNumberHead`. Makes no object. */
export function decodeNumberAt(bytes: Buffer, start: number): number {
  const head = bytes[start]!;
  if (head >= tag.valueSmallInt) return head & 0x7f;
  position = start + 1;
  limit = bytes.length;
  if (head === tag.valueDouble) return readDouble(bytes);
  const magnitude = readVarint(bytes);
  return head === tag.valueInt ? magnitude : -1 - magnitude;
}

function read(bytes: Buffer, depth: number): unknown {
  const head = readByte(bytes);
  if (head >= tag.valueSmallInt) return head & 0x7f;
  if (head >= tag.valueShortString) {
    if (head > tag.valueShortString + tag.shortStringMax) throw corrupt();
    return readLatin1(bytes, head - tag.valueShortString);
  }
  if (head >= tag.valueArray) {
    if (depth >= valueDepthMax) throw corrupt();
    return readContainer(bytes, head, depth);
  }
  return readScalar(bytes, head);
}

function readScalar(bytes: Buffer, head: number): unknown {
  switch (head) {
    case tag.valueUndefined:
      return undefined;
    case tag.valueNull:
      return null;
    case tag.valueFalse:
      return false;
    case tag.valueTrue:
      return true;
    case tag.valueInt:
      return readVarint(bytes);
    case tag.valueNegativeInt:
      return -1 - readVarint(bytes);
    case tag.valueDouble:
      return readDouble(bytes);
    case tag.valueBigint:
      return readBigint(bytes);
    case tag.valueNegativeBigint:
      return -readBigint(bytes);
    case tag.valueDate:
      return new Date(readDouble(bytes));
    case tag.valueArrayBuffer:
      return readBytes(bytes);
    case tag.valueView:
      return readView(bytes);
    default:
      return readStringBody(bytes, head);
  }
}

function readContainer(bytes: Buffer, head: number, depth: number): unknown {
  switch (head) {
    case tag.valueArray:
      return readArray(bytes, depth);
    case tag.valueObject:
      return readFields(bytes, {}, depth);
    case tag.valueBareObject:
      return readFields(bytes, Object.create(null), depth);
    case tag.valueMap: {
      const map = new Map<unknown, unknown>();
      for (let left = readCount(bytes); left > 0; left--) {
        const key = read(bytes, depth + 1);
        map.set(key, read(bytes, depth + 1));
      }
      return map;
    }
    case tag.valueSet: {
      const set = new Set<unknown>();
      for (let left = readCount(bytes); left > 0; left--) set.add(read(bytes, depth + 1));
      return set;
    }
    case tag.valueRegExp:
      return readRegExp(bytes);
    case tag.valueError:
      return readError(bytes, depth);
    default:
      throw corrupt();
  }
}

function readArray(bytes: Buffer, depth: number): unknown[] {
  const count = readCount(bytes);
  const array: unknown[] = [];
  for (let i = 0; i < count; i++) array.push(read(bytes, depth + 1));
  return array;
}

function readFields(bytes: Buffer, target: Record<string, unknown>, depth: number): Record<string, unknown> {
  for (let left = readCount(bytes); left > 0; left--) {
    const name = readString(bytes);
    const value = read(bytes, depth + 1);
    // Assignment would set the prototype.
    if (name === "__proto__") {
      Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
    } else {
      target[name] = value;
    }
  }
  return target;
}

function readRegExp(bytes: Buffer): RegExp {
  const source = readString(bytes);
  const flags = readString(bytes);
  try {
    return new RegExp(source, flags);
  } catch {
    throw corrupt();
  }
}

function readError(bytes: Buffer, depth: number): Error {
  const ErrorClass = tag.errorClasses[readByte(bytes)];
  if (ErrorClass === undefined) throw corrupt();
  const name = readString(bytes);
  const error = new ErrorClass(readString(bytes));
  const cause = read(bytes, depth + 1);
  if (error.name !== name) define(error, "name", name);
  if (cause !== undefined) define(error, "cause", cause);
  return error;
}

function define(error: Error, field: string, value: unknown): void {
  Object.defineProperty(error, field, { value, writable: true, enumerable: false, configurable: true });
}

function readView(bytes: Buffer): ArrayBufferView {
  const ViewClass = tag.viewClasses[readByte(bytes)];
  if (ViewClass === undefined) throw corrupt();
  const data = readBytes(bytes);
  const width = (ViewClass as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  if (data.byteLength % width !== 0) throw corrupt();
  return new ViewClass(data);
}

/** A copy in memory of its own, so that the value does not keep a block alive. */
function readBytes(bytes: Buffer): ArrayBuffer {
  const count = readCount(bytes);
  const copy = new Uint8Array(count);
  copy.set(bytes.subarray(position, position + count));
  position += count;
  return copy.buffer;
}

function readString(bytes: Buffer): string {
  const head = readByte(bytes);
  if (head >= tag.valueShortString && head <= tag.valueShortString + tag.shortStringMax) {
    return readLatin1(bytes, head - tag.valueShortString);
  }
  return readStringBody(bytes, head);
}

function readStringBody(bytes: Buffer, head: number): string {
  if (head === tag.valueUtf8 || head === tag.valueAscii) {
    if (position + 4 > limit) throw corrupt();
    const start = position + 4;
    const end = start + bytes.readUInt32LE(position);
    if (end > limit) throw corrupt();
    position = end;
    return head === tag.valueAscii ? latin1Slice(bytes, start, end) : utf8Slice(bytes, start, end);
  }
  if (head !== tag.valueUtf16) throw corrupt();
  const count = readVarint(bytes) * 2;
  if (position + count > limit) throw corrupt();
  position += count;
  return ucs2Slice(bytes, position - count, position);
}

function readLatin1(bytes: Buffer, count: number): string {
  const start = position;
  if (start + count > limit) throw corrupt();
  position = start + count;
  return latin1Slice(bytes, start, position);
}

function readBigint(bytes: Buffer): bigint {
  const count = readCount(bytes);
  position += count;
  return count === 0 ? 0n : BigInt(`0x${bytes.toString("hex", position - count, position)}`);
}

function readDouble(bytes: Buffer): number {
  if (position + 8 > limit) throw corrupt();
  for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[position + i]!;
  position += 8;
  return doubleView[0]!;
}

/** A count of things that take at least a byte each, so that a wrong one cannot ask for endless memory. */
function readCount(bytes: Buffer): number {
  const count = readVarint(bytes);
  if (position + count > limit) throw corrupt();
  return count;
}

function readVarint(bytes: Buffer): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 5; i++) {
    const byte = readByte(bytes);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw corrupt();
}

function readByte(bytes: Buffer): number {
  if (position >= limit) throw corrupt();
  return bytes[position++]!;
}

function corrupt(): FanfoldError {
  return new FanfoldError("SEGMENT_CORRUPT", `not an encoded value (byte ${position})`, {
    details: { offset: position },
  });
}
