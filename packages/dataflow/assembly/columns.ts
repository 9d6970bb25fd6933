/**
 * The columns that scanners fill, one a declared field, and the combiner's fold over them. A column has eight bytes a
 * record: of a string where it starts and how long it is (a missing one starts at 0); of a number the double (a missing
 * one is NaN); of a boolean 0 or 1.
 */
import { entryOfLong, entryOfShort, isFresh, loadPadded } from "./table";

export const typeString: u32 = 0;
export const typeInt32: u32 = 1;
export const typeNumber: u32 = 2;
export const typeBoolean: u32 = 3;

/** The declared fields: name's place, its length, type, whether it may be missing. */
export let fieldsAt: usize = 0;
export let fieldCount: u32 = 0;
let columnsAt: usize = 0;
let columnBytes: usize = 0;

export function useColumns(fields: usize, count: u32, columns: usize, recordsMax: u32): void {
  fieldsAt = fields;
  fieldCount = count;
  columnsAt = columns;
  columnBytes = (recordsMax as usize) << 3;
}

// @ts-ignore: decorator
@inline
export function cellAt(field: u32, record: u32): usize {
  return columnsAt + (field as usize) * columnBytes + ((record as usize) << 3);
}

// @ts-ignore: decorator
@inline
export function fieldType(field: u32): u32 {
  return load<u32>(fieldsAt + ((field as usize) << 4), 8);
}

// @ts-ignore: decorator
@inline
export function isOptional(field: u32): bool {
  return load<u32>(fieldsAt + ((field as usize) << 4), 12) != 0;
}

export function putMissing(field: u32, record: u32): void {
  const cell = cellAt(field, record);
  if (fieldType(field) == typeString) store<u64>(cell, 0);
  else store<f64>(cell, NaN);
}

/** Writes a number as a field of its type; false when it is not of it. */
// @ts-ignore: decorator
@inline
export function putNumber(field: u32, record: u32, value: f64): bool {
  const type = fieldType(field);
  if (type == typeInt32) {
    if (value < -2147483648 || value > 2147483647) return false;
    const whole = value as i32;
    if ((whole as f64) != value) return false;
    store<f64>(cellAt(field, record), whole as f64);
    return true;
  }
  if (type != typeNumber) return false;
  store<f64>(cellAt(field, record), value);
  return true;
}

/** Keys are put together here; longer ones are the caller's. */
let keyAt: usize = 0;
let keyEnd: usize = 0;
let keyFields: usize = 0;
let keyFieldCount: u32 = 0;
let isTuple: bool = false;
let valueField: i32 = -1;
let foldKind: u32 = 0;

const foldSum: u32 = 0;
const foldMin: u32 = 1;

/** What the key is made of: numbers of fields at `fields`; the value's field, or -1 for 1; 0 sum, 1 min, 2 max. */
export function useKey(
  scratch: usize,
  scratchEnd: usize,
  fields: usize,
  count: u32,
  tuple: bool,
  value: i32,
  fold: u32,
): void {
  keyAt = scratch;
  keyEnd = scratchEnd;
  keyFields = fields;
  keyFieldCount = count;
  isTuple = tuple;
  valueField = value;
  foldKind = fold;
}

/** Folds records `[from, to)` into the table and returns the first that was not: it has no room, or too long a key. */
export function foldColumns(from: u32, to: u32): u32 {
  for (let record = from; record < to; record++) {
    const end = writeKey(record);
    if (end == 0) return record;
    const length = (end - keyAt) as u32;
    const entry = length <= 16 ? entryOfShort(loadPadded(keyAt, length), length) : entryOfLong(keyAt, length);
    if (entry == 0) return record;
    const value = valueField < 0 ? 1 : load<f64>(cellAt(valueField as u32, record));
    const old = load<f64>(entry, 24);
    if (foldKind == foldSum) {
      store<f64>(entry, old + value, 24);
    } else if (isFresh || (foldKind == foldMin ? value < old : value > old)) {
      store<f64>(entry, value, 24);
    }
  }
  return to;
}

function writeKey(record: u32): usize {
  let p = keyAt;
  if (isTuple) {
    store<u8>(p, 0x0a);
    p += 1;
  }
  for (let i: u32 = 0; i < keyFieldCount; i++) {
    const field = load<u32>(keyFields + ((i as usize) << 2));
    p = writePart(field, cellAt(field, record), p);
    if (p == 0) return 0;
  }
  if (isTuple) {
    store<u8>(p, 0);
    p += 1;
  }
  return p;
}

function writePart(field: u32, cell: usize, at: usize): usize {
  const type = fieldType(field);
  if (type == typeString) return writeString(load<u32>(cell) as usize, load<u32>(cell, 4), at);
  const value = load<f64>(cell);
  if (type == typeBoolean) {
    if (at + 16 > keyEnd) return 0;
    store<u8>(at, value == 0 ? 3 : 4);
    return at + 1;
  }
  return writeDouble(value, at);
}

/** Big-endian, the sign flipped, all bits of negatives: as `key-encoder.ts` does. */
function writeDouble(value: f64, at: usize): usize {
  if (at + 32 > keyEnd) return 0;
  let bits = value == 0 ? 0 : reinterpret<u64>(value);
  bits = bits >> 63 != 0 ? ~bits : bits ^ (1 << 63);
  store<u8>(at, 5);
  store<u64>(at, bswap<u64>(bits), 1);
  return at + 9;
}

/** In a tuple, zero bytes are escaped and a zero byte ends the string. */
function writeString(start: usize, length: u32, at: usize): usize {
  // Room for the worst case, and for writing sixteen bytes at a time.
  if (at + 2 * (length as usize) + 32 > keyEnd) return 0;
  store<u8>(at, 8);
  let p = at + 1;
  let zeros: i32 = 0;
  for (let i: u32 = 0; i < length; i += 16) {
    const bytes = v128.load(start + i);
    v128.store(p + i, bytes);
    let found = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(0)));
    if (length - i < 16) found &= (1 << (length - i)) - 1;
    zeros |= found;
  }
  if (!isTuple) return p + length;
  if (zeros != 0) {
    for (let i: u32 = 0; i < length; i++) {
      const byte = load<u8>(start + i);
      store<u8>(p, byte);
      p += 1;
      if (byte != 0) continue;
      store<u8>(p, 0xff);
      p += 1;
    }
  } else {
    p += length;
  }
  store<u8>(p, 0);
  return p + 1;
}
