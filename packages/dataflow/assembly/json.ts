/**
 * Objects of JSON, one a line: the declared fields go to their columns, the others are passed over. What is taken here
 * is checked to be JSON to the last byte; a line with anything unusual in a declared field or a name (an escape, an exponent,
 * a long number, the wrong type) is left to the caller. The caller puts a line feed and some zeros behind the text.
 *
 * Lines mostly have the same members in the same order. So each member's name is expected to be the one that stood there in
 * the line before: one comparison of the bytes from quote to colon; only where that fails is the name read and looked up.
 */
import {
  cellAt,
  fieldCount,
  fieldsAt,
  fieldType,
  isOptional,
  putMissing,
  putNumber,
  typeBoolean,
  typeString,
} from "./columns";
import { numberRead, readNumber, skipNumber } from "./numbers";
import { loadPadded } from "./table";

const quote: u32 = 34;
const depthMax: u32 = 32;

/** How many members are expected, then each: 32 bytes of its name with quotes and colon, their number, its field or -1. */
let layoutAt: usize = 0;
const memberBytes: usize = 48;
const memberTextMax: u32 = 32;
let membersMax: u32 = 0;

/** Where the layout is kept between calls: `most` members of 48 bytes behind 16 that are zero at first. */
export function useJson(layout: usize, most: u32): void {
  layoutAt = layout;
  membersMax = most;
}

let stoppedAt: usize = 0;
let isOdd: bool = false;

export function jsonStop(): usize {
  return stoppedAt;
}

/** Whether the last call stopped at a line that it cannot read. */
export function jsonIsOdd(): bool {
  return isOdd;
}

/** Reads lines of `[from, to)`, at most `most` records; where each starts goes to `starts`. Returns how many. */
export function scanJson(from: usize, to: usize, starts: usize, most: u32): u32 {
  let p = from;
  let records: u32 = 0;
  isOdd = false;
  while (p < to && records < most) {
    const byte = load<u8>(p);
    if (byte == 10) {
      p += 1;
      continue;
    }
    const next = byte == 123 ? readObject(p + 1, records) : 0;
    if (next == 0) {
      isOdd = true;
      break;
    }
    store<u32>(starts + ((records as usize) << 2), p as u32);
    records += 1;
    p = next;
  }
  stoppedAt = min<usize>(p, to);
  return records;
}

/** `{` has been read. Returns what follows the line, or 0. */
function readObject(at: usize, record: u32): usize {
  let p = at;
  let seen: u64 = 0;
  let expected = layoutAt + 16;
  const expectedEnd = expected + (load<u32>(layoutAt) as usize) * memberBytes;
  while (true) {
    let field: i32;
    if (expected < expectedEnd && isExpected(expected, p)) {
      field = load<i32>(expected, 36);
      p += load<u32>(expected, 32) as usize;
    } else {
      const end = nameEnd(p);
      if (end == 0) return 0;
      field = fieldRead;
      expect(expected, p, (end - p) as u32, field);
      p = end;
    }
    expected += memberBytes;
    p = field < 0 ? skipValue(p, 0) : readValue(p, field as u32, record);
    if (p == 0) return 0;
    if (field >= 0) seen |= (1 as u64) << (field as u64);
    const byte = load<u8>(p);
    p += 1;
    if (byte == 44) {
      if (load<u8>(p) == 32) p += 1;
      continue;
    }
    if (byte != 125) return 0;
    break;
  }
  if (load<u8>(p) == 13) p += 1;
  if (load<u8>(p) != 10) return 0;
  if ((popcnt<u64>(seen) as u32) < fieldCount && !fillMissing(seen, record)) return 0;
  return p + 1;
}

// @ts-ignore: decorator
@inline
function isExpected(member: usize, at: usize): bool {
  const length = load<u32>(member, 32);
  if (v128.any_true(v128.xor(v128.load(member), loadPadded(at, length)))) return false;
  return length <= 16 || !v128.any_true(v128.xor(v128.load(member, 16), loadPadded(at + 16, length - 16)));
}

/** From the next line on, these bytes are expected as that member; members are kept without a gap. */
function expect(member: usize, at: usize, length: u32, field: i32): void {
  const number = ((member - layoutAt) / memberBytes) as u32;
  const known = load<u32>(layoutAt);
  if (length > memberTextMax || number >= membersMax || number > known) return;
  v128.store(member, loadPadded(at, length));
  v128.store(member, length > 16 ? loadPadded(at + 16, length - 16) : i8x16.splat(0), 16);
  store<u32>(member, length, 32);
  store<i32>(member, field, 36);
  if (number == known) store<u32>(layoutAt, known + 1);
}

/** The field whose name was last read; -1 for none. */
let fieldRead: i32 = -1;

/** Reads the name at `at`, and returns where its value begins, or 0. */
function nameEnd(at: usize): usize {
  if (load<u8>(at) != quote) return 0;
  const name = at + 1;
  let p = closingQuote(name);
  if (p == 0) return 0;
  fieldRead = fieldNamed(name, (p - name) as u32);
  p += 1;
  if (load<u8>(p) != 58) return 0;
  p += 1;
  return load<u8>(p) == 32 ? p + 1 : p;
}

function fillMissing(seen: u64, record: u32): bool {
  for (let field: u32 = 0; field < fieldCount; field++) {
    if ((seen >> (field as u64)) & 1) continue;
    if (!isOptional(field)) return false;
    putMissing(field, record);
  }
  return true;
}

/** What follows the string that starts at `at`, whose escapes are checked but not read; 0 when it is not JSON. */
// @ts-ignore: decorator
@inline
function skipString(at: usize): usize {
  let p = at;
  while (true) {
    const bytes = v128.load(p);
    const special = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92))),
        i8x16.lt_u(bytes, i8x16.splat(32)),
      ),
    );
    if (special == 0) {
      p += 16;
      continue;
    }
    p += ctz<i32>(special);
    const byte = load<u8>(p);
    if (byte == quote) return p + 1;
    if (byte != 92) return 0;
    p = escapeEnd(p + 1);
    if (p == 0) return 0;
  }
}

/** What follows the escape whose backslash was read; 0 when there is no such escape. */
function escapeEnd(at: usize): usize {
  const byte: u32 = load<u8>(at);
  if (byte == 117) {
    for (let i: usize = 1; i <= 4; i++) {
      const digit: u32 = load<u8>(at + i);
      if (digit - 48 >= 10 && (digit | 32) - 97 >= 6) return 0;
    }
    return at + 5;
  }
  // One of " / \ b f n r t
  const isShort =
    byte == quote || byte == 47 || byte == 92 || byte == 98 || byte == 102 || byte == 110 || byte == 114 || byte == 116;
  return isShort ? at + 1 : 0;
}

/** Where the string that starts at `at` ends; 0 when it holds an escape or a control character. */
// @ts-ignore: decorator
@inline
function closingQuote(at: usize): usize {
  let p = at;
  while (true) {
    const bytes = v128.load(p);
    const special = i8x16.bitmask(
      v128.or(
        v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92))),
        i8x16.lt_u(bytes, i8x16.splat(32)),
      ),
    );
    if (special != 0) {
      p += ctz<i32>(special);
      return load<u8>(p) == quote ? p : 0;
    }
    p += 16;
  }
}

// @ts-ignore: decorator
@inline
function fieldNamed(at: usize, length: u32): i32 {
  for (let field: u32 = 0; field < fieldCount; field++) {
    const spec = fieldsAt + ((field as usize) << 4);
    if (load<u32>(spec, 4) == length && isSame(load<u32>(spec) as usize, at, length)) return field as i32;
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function isSame(a: usize, b: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

const wordTrue: u32 = 0x65757274;
const wordFals: u32 = 0x736c6166;
const wordNull: u32 = 0x6c6c756e;

function readValue(at: usize, field: u32, record: u32): usize {
  const byte = load<u8>(at);
  if (byte == quote) {
    if (fieldType(field) != typeString) return 0;
    const end = closingQuote(at + 1);
    if (end == 0) return 0;
    const cell = cellAt(field, record);
    store<u32>(cell, (at + 1) as u32);
    store<u32>(cell, (end - at - 1) as u32, 4);
    return end + 1;
  }
  if (byte == 45 || byte - 48 < 10) {
    const end = readNumber(at);
    return end != 0 && putNumber(field, record, numberRead) ? end : 0;
  }
  const word = load<u32>(at);
  if (word == wordNull) {
    if (!isOptional(field)) return 0;
    putMissing(field, record);
    return at + 4;
  }
  if (fieldType(field) != typeBoolean) return 0;
  if (word == wordTrue) {
    store<f64>(cellAt(field, record), 1);
    return at + 4;
  }
  if (word != wordFals || load<u8>(at, 4) != 101) return 0;
  store<f64>(cellAt(field, record), 0);
  return at + 5;
}

/** Checks the value at `at` and returns what follows it; 0 for what is not JSON, or unusual. */
function skipValue(at: usize, depth: u32): usize {
  const byte = load<u8>(at);
  if (byte == quote) return skipString(at + 1);
  if (byte == 45 || byte - 48 < 10) return skipNumber(at);
  if (byte == 123 || byte == 91) return depth < depthMax ? skipNested(at + 1, byte == 123, depth + 1) : 0;
  const word = load<u32>(at);
  if (word == wordNull || word == wordTrue) return at + 4;
  return word == wordFals && load<u8>(at, 4) == 101 ? at + 5 : 0;
}

function skipNested(at: usize, isObject: bool, depth: u32): usize {
  const close: u32 = isObject ? 125 : 93;
  let p = at;
  if (load<u8>(p) == close) return p + 1;
  while (true) {
    if (isObject) {
      if (load<u8>(p) != quote) return 0;
      p = closingQuote(p + 1);
      if (p == 0) return 0;
      p += 1;
      if (load<u8>(p) != 58) return 0;
      p += 1;
      if (load<u8>(p) == 32) p += 1;
    }
    p = skipValue(p, depth);
    if (p == 0) return 0;
    const byte = load<u8>(p);
    p += 1;
    if (byte == close) return p;
    if (byte != 44) return 0;
    if (load<u8>(p) == 32) p += 1;
  }
}
