/**
 * Lines of delimited fields without quotes: the wanted ones go to their columns. A line with anything unusual is left to
 * the caller, who puts a line feed and some zeros behind the text.
 */
import { cellAt, fieldCount, fieldType, isOptional, putMissing, putNumber, typeBoolean, typeString } from "./columns";
import { numberRead, readNumber } from "./numbers";

let stoppedAt: usize = 0;
let isOdd: bool = false;

export function delimitedStop(): usize {
  return stoppedAt;
}

/** Whether the last call stopped at a line that it cannot read. */
export function delimitedIsOdd(): bool {
  return isOdd;
}

/** Number of the column that each field of a line goes to, or -1; fields beyond are not looked at. */
let columnsOfFields: usize = 0;
let fieldsLookedAt: u32 = 0;
/** A line may have so many fields; with fewer, the missing ones are empty (CSV). 0: any number, none may be missing. */
let rowFields: u32 = 0;
let delimiter: u32 = 9;

export function useDelimited(columns: usize, fields: u32, row: u32, byte: u32): void {
  columnsOfFields = columns;
  fieldsLookedAt = fields;
  rowFields = row;
  delimiter = byte;
}

/** Reads lines of `[from, to)`, at most `most`; where each starts goes to `starts`. Returns how many. */
export function scanDelimited(from: usize, to: usize, starts: usize, most: u32): u32 {
  let p = from;
  let records: u32 = 0;
  isOdd = false;
  while (p < to && records < most) {
    const isCsv = rowFields > 0;
    if (isCsv && (load<u8>(p) == 10 || load<u16>(p) == 0x0a0d)) {
      p += load<u8>(p) == 10 ? 1 : 2;
      continue;
    }
    const next = readLine(p, to, records);
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

function readLine(at: usize, to: usize, record: u32): usize {
  let p = at;
  let field: u32 = 0;
  while (true) {
    const isWanted = field < fieldsLookedAt;
    const end = isWanted || rowFields > 0 ? fieldEnd(p) : lineEnd(p);
    const isLast = load<u8>(end) == 10;
    let valueEnd = end;
    if (isLast && end > p && load<u8>(end - 1) == 13) {
      // Without a line feed of its own behind it, a return is data.
      if (end >= to) return 0;
      valueEnd -= 1;
    }
    if (isWanted && !putCell(p, valueEnd, field, record)) return 0;
    field += 1;
    p = end + 1;
    if (isLast) break;
  }
  if (rowFields > 0 && field > rowFields) return 0;
  while (field < fieldsLookedAt) {
    if (rowFields == 0 || !putCell(p, p, field, record)) return 0;
    field += 1;
  }
  return p;
}

// @ts-ignore: decorator
@inline
function fieldEnd(at: usize): usize {
  let p = at;
  while (true) {
    const bytes = v128.load(p);
    const ends = i8x16.bitmask(
      v128.or(i8x16.eq(bytes, i8x16.splat(delimiter as i8)), i8x16.eq(bytes, i8x16.splat(10))),
    );
    if (ends != 0) return p + ctz<i32>(ends);
    p += 16;
  }
}

// @ts-ignore: decorator
@inline
function lineEnd(at: usize): usize {
  let p = at;
  while (true) {
    const ends = i8x16.bitmask(i8x16.eq(v128.load(p), i8x16.splat(10)));
    if (ends != 0) return p + ctz<i32>(ends);
    p += 16;
  }
}

function putCell(start: usize, end: usize, field: u32, record: u32): bool {
  let column = load<i32>(columnsOfFields + ((field as usize) << 2));
  if (column < 0) return true;
  const type = fieldType(column as u32);
  const cell = cellAt(column as u32, record);
  if (isOptional(column as u32) && start == end) {
    putMissing(column as u32, record);
    return true;
  }
  if (type == typeString) {
    store<u32>(cell, start as u32);
    store<u32>(cell, (end - start) as u32, 4);
    return true;
  }
  if (type != typeBoolean) return readNumber(start) == end && putNumber(column as u32, record, numberRead);
  if (end - start == 4 && load<u32>(start) == 0x65757274) {
    store<f64>(cell, 1);
    return true;
  }
  if (end - start != 5 || load<u32>(start) != 0x736c6166 || load<u8>(start, 4) != 101) return false;
  store<f64>(cell, 0);
  return true;
}
