/**
 * The columns that scanners fill, one a declared field, and the combiner's fold over them. A column has eight bytes a
 * record: of a string where it starts and how long it is (a missing one starts at 0); of a number the double (a missing
 * one is NaN); of a boolean 0 or 1.
 */
import {
  batchMax,
  entryAt,
  entryOfLong,
  entryOfShort,
  isFresh,
  keyAtOf,
  keyLengthOf,
  loadPadded,
  numberOf,
  tableCount,
} from "./table";

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

/**
 * Numbers of entries, from 1, by a hash of the fields of a key: where the entry of that number has the key, which is to be
 * seen from the fields, the key need not even be put together. Whatever else stands here does no harm.
 */
let memoAt: usize = 0;
let memoMask: u32 = 0;

const foldSum: u32 = 0;
const foldMin: u32 = 1;

/** What the key is made of: numbers of fields at `fields`; the value's field, or -1 for 1; 0 sum, 1 min, 2 max; a power of two slots of a memo. */
export function useKey(
  scratch: usize,
  scratchEnd: usize,
  fields: usize,
  count: u32,
  tuple: bool,
  value: i32,
  fold: u32,
  memo: usize,
  memoSlots: u32,
): void {
  keyAt = scratch;
  keyEnd = scratchEnd;
  keyFields = fields;
  keyFieldCount = count;
  isTuple = tuple;
  valueField = value;
  foldKind = fold;
  memoAt = memo;
  memoMask = memoSlots - 1;
}

/** Folds records `[from, to)` into the table and returns the first that was not: it has no room, or too long a key. */
export function foldColumns(from: u32, to: u32): u32 {
  for (let record = from; record < to; ) {
    const end = min<u32>(to, record + batchMax);
    guessEntries(record, end);
    for (let guess = guesses; record < end; guess += 8, record++) {
      const entry = entryOfRecord(record, load<u32>(guess) as usize, load<u32>(guess, 4) as usize);
      if (entry == 0) return record;
      const value = valueField < 0 ? 1 : load<f64>(cellAt(valueField as u32, record));
      const old = load<f64>(entry, 24);
      if (foldKind == foldSum) {
        store<f64>(entry, old + value, 24);
      } else if (isNew || (foldKind == foldMin ? value < old : value > old)) {
        store<f64>(entry, value, 24);
      }
    }
  }
  return to;
}

/** For each record of a batch, where in the memo its entry is to be found, and which one is found there. */
let isNew = false;
const guesses: usize = memory.data(batchMax * 8, 64);
let touched: u64 = 0;

/** Looks a batch of records up, so that the loads that this takes do not wait for each other. */
function guessEntries(from: u32, to: u32): void {
  const count = tableCount();
  const last = guesses + (((to - from) as usize) << 3);
  let at = guesses;
  let touching: u64 = 0;
  for (let record = from; record < to; record++, at += 8) {
    const slot = memoAt + (((hashOfFields(record) & memoMask) as usize) << 2);
    const known = load<u32>(slot);
    const entry = known <= count ? entryAt(known - 1) : entryAt(-1);
    store<u32>(at, slot as u32);
    store<u32>(at, entry as u32, 4);
    touching += load<u64>(entry);
  }
  for (at = guesses; at < last; at += 8) touching += load<u64>(keyAtOf(load<u32>(at, 4) as usize));
  // Kept, so that the loads are not left out.
  touched = touching;
}

export function lastTouchedKey(): u64 {
  return touched;
}

/** The entry of a record's key; made if there was none; 0 when there is no room for it. */
// @ts-ignore: decorator
@inline
function entryOfRecord(record: u32, slot: usize, guess: usize): usize {
  if (isKeyOfRecord(guess, record)) {
    isNew = false;
    return guess;
  }
  const end = writeKey(record);
  if (end == 0) return 0;
  const length = (end - keyAt) as u32;
  const entry = length <= 16 ? entryOfShort(loadPadded(keyAt, length), length) : entryOfLong(keyAt, length);
  isNew = isFresh;
  if (entry != 0) store<u32>(slot, numberOf(entry) + 1);
  return entry;
}

/** Of a string, its length and first and last eight bytes. */
// @ts-ignore: decorator
@inline
function hashOfFields(record: u32): u32 {
  let hash: u64 = 0;
  for (let i: u32 = 0; i < keyFieldCount; i++) {
    const field = load<u32>(keyFields + ((i as usize) << 2));
    const cell = cellAt(field, record);
    if (fieldType(field) == typeString) {
      const start = load<u32>(cell) as usize;
      const length = load<u32>(cell, 4);
      const last = load<u64>(start + length - 8);
      if (length >= 8) hash ^= load<u64>(start) ^ (last * 0xff51afd7ed558ccd) ^ length;
      else if (length > 0) hash ^= (last >> ((8 - length) << 3)) ^ length;
    } else {
      hash ^= load<u64>(cell);
    }
    hash *= 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash as u32;
}

/** Whether the entry's key is what `writeKey` would write. Fields with a zero byte in a string are left to that. */
function isKeyOfRecord(entry: usize, record: u32): bool {
  let p = keyAtOf(entry);
  const end = p + keyLengthOf(entry);
  if (isTuple) {
    if (load<u8>(p) != 0x0a) return false;
    p += 1;
  }
  for (let i: u32 = 0; i < keyFieldCount; i++) {
    const field = load<u32>(keyFields + ((i as usize) << 2));
    const cell = cellAt(field, record);
    const type = fieldType(field);
    if (type == typeString) {
      const length = load<u32>(cell, 4);
      if (load<u8>(p) != 8 || p + 1 + length > end) return false;
      if (!isSameText(load<u32>(cell) as usize, p + 1, length)) return false;
      p += 1 + length;
      if (!isTuple) continue;
      if (load<u8>(p) != 0) return false;
      p += 1;
    } else if (type == typeBoolean) {
      if (load<u8>(p) != (load<f64>(cell) == 0 ? 3 : 4)) return false;
      p += 1;
    } else {
      if (load<u8>(p) != 5 || load<u64>(p, 1) != sortedBits(load<f64>(cell))) return false;
      p += 9;
    }
  }
  return isTuple ? p + 1 == end && load<u8>(p) == 0 : p == end;
}

/** Whether both are the same, without a zero byte. */
// @ts-ignore: decorator
@inline
function isSameText(text: usize, key: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i += 16) {
    const bytes = v128.load(text + i);
    let wrong = i8x16.bitmask(
      v128.or(i8x16.ne(bytes, v128.load(key + i)), i8x16.eq(bytes, i8x16.splat(0))),
    );
    if (length - i < 16) wrong &= (1 << (length - i)) - 1;
    if (wrong != 0) return false;
  }
  return true;
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

function writeDouble(value: f64, at: usize): usize {
  if (at + 32 > keyEnd) return 0;
  store<u8>(at, 5);
  store<u64>(at, sortedBits(value), 1);
  return at + 9;
}

/** Big-endian, the sign flipped, all bits of negatives: as `key-encoder.ts` does. */
// @ts-ignore: decorator
@inline
function sortedBits(value: f64): u64 {
  const bits = value == 0 ? 0 : reinterpret<u64>(value);
  return bswap<u64>(bits >> 63 != 0 ? ~bits : bits ^ (1 << 63));
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
