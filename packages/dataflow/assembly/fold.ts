/**
 * Folds the records of a segment's block into the table: what a reducer by a built-in aggregator does to numbers. Sources are
 * folded one after the other, so that the values of a key come in the order in which a merge would have given them.
 */
import {
  batchMax,
  entryOfLong,
  gather,
  hashOfShort,
  hasRoom,
  isFresh,
  isResolvedFresh,
  loadPadded,
  resolve,
  resolvedEntry,
  shortKey,
} from "./table";

const foldSum: u32 = 0;
const foldMin: u32 = 1;
const foldCount: u32 = 3;

/** What `foldBlock` says. */
const isDone: u32 = 0;
const isFull: u32 = 1;
const isOdd: u32 = 2;

/** The values of the gathered keys. */
const values: usize = memory.data(512, 64);

// @ts-ignore: decorator
@inline
function lengthAt(column: usize, index: u32, width: u32, common: u32): u32 {
  if (width == 1) return load<u8>(column + index);
  if (width == 0) return common;
  return width == 2 ? load<u16>(column + ((index as usize) << 1)) : load<u32>(column + ((index as usize) << 2));
}

function lengthsOf(column: usize, records: u32, width: u32, common: u32): u64 {
  if (width == 0) return (records as u64) * (common as u64);
  let total: u64 = 0;
  for (let i: u32 = 0; i < records; i++) total += lengthAt(column, i, width, common) as u64;
  return total;
}

/**
 * Folds the payload in `[at, end)`, of so many records: 0 sums, 1 keeps the least value, 2 the greatest, 3 counts. Returns 0; 1
 * when the table has no room for all of them, 2 when there is a value that is no number: then what was folded is of no use.
 */
export function foldBlock(at: usize, end: usize, records: u32, fold: u32): u32 {
  const keyWidth = load<u8>(at) as u32;
  const valueWidth = load<u8>(at, 1) as u32;
  const keyCommon = load<u32>(at, 4);
  const valueCommon = load<u32>(at, 8);
  const keyLengths = at + 12;
  const valueLengths = keyLengths + (records as usize) * keyWidth;
  let key = valueLengths + (records as usize) * valueWidth;
  if (key > end) return isOdd;
  const keyBytes = lengthsOf(keyLengths, records, keyWidth, keyCommon);
  const valueBytes = lengthsOf(valueLengths, records, valueWidth, valueCommon);
  if ((key as u64) + keyBytes + valueBytes != (end as u64)) return isOdd;
  let value = key + (keyBytes as usize);
  let n: u32 = 0;
  for (let i: u32 = 0; i < records; i++) {
    const keyLength = lengthAt(keyLengths, i, keyWidth, keyCommon);
    const valueLength = lengthAt(valueLengths, i, valueWidth, valueCommon);
    if (fold != foldCount && !readNumber(value, valueLength)) return isOdd;
    const number = fold == foldCount ? 1 : numberRead;
    if (keyLength <= 16) {
      const padded = loadPadded(key, keyLength);
      gather(n, padded, keyLength, hashOfShort(padded));
      store<f64>(values + ((n as usize) << 3), number);
      n += 1;
      if (n == batchMax) {
        if (!foldGathered(n, fold)) return isFull;
        n = 0;
      }
    } else {
      if (!foldGathered(n, fold)) return isFull;
      n = 0;
      const entry = entryOfLong(key, keyLength);
      if (entry == 0) return isFull;
      accumulate(entry, number, isFresh, fold);
    }
    key += keyLength;
    value += valueLength;
  }
  return foldGathered(n, fold) ? isDone : isFull;
}

function foldGathered(n: u32, fold: u32): bool {
  if (n == 0) return true;
  if (!hasRoom()) return false;
  resolve(n);
  for (let i: u32 = 0; i < n; i++) {
    accumulate(resolvedEntry(i), load<f64>(values + ((i as usize) << 3)), isResolvedFresh(i), fold);
  }
  return true;
}

// @ts-ignore: decorator
@inline
function accumulate(entry: usize, value: f64, isFirst: bool, fold: u32): void {
  const old = load<f64>(entry, 24);
  if (fold == foldSum || fold == foldCount) store<f64>(entry, old + value, 24);
  else if (isFirst || (fold == foldMin ? value < old : value > old)) store<f64>(entry, value, 24);
}

let numberRead: f64 = 0;

/** Reads a number as `value-encoder.ts` writes it; false for any other value. */
// @ts-ignore: decorator
@inline
function readNumber(at: usize, length: u32): bool {
  const head = load<u8>(at) as u32;
  if (head >= 0x80) {
    numberRead = (head & 0x7f) as f64;
    return length == 1;
  }
  return readLongNumber(at, head, length);
}

function readLongNumber(at: usize, head: u32, length: u32): bool {
  if (head == 6) {
    numberRead = load<f64>(at, 1);
    return length == 9;
  }
  if (head != 4 && head != 5) return false;
  let magnitude: u64 = 0;
  // Five bytes hold 31 bits.
  if (length < 2 || length > 6) return false;
  for (let i: u32 = 1; i < length; i++) {
    magnitude |= ((load<u8>(at + i) as u64) & 0x7f) << ((7 * (i - 1)) as u64);
  }
  numberRead = head == 4 ? (magnitude as f64) : -1 - (magnitude as f64);
  return true;
}

/** In place of a sum where nothing was added. */
const nothing: u64 = 0x8000_0000_0000_0000;

/**
 * Adds the `n` sums at `sums` to the entries of the same keys as the `n` entries at `at`, which are of another table. Stops before a
 * long key, and when there is no room; returns how many were done.
 */
export function addEntries(at: usize, sums: usize, n: u32): u32 {
  let done: u32 = 0;
  while (done < n && hasRoom()) {
    let gathered: u32 = 0;
    let next = done;
    while (next < n && gathered < batchMax) {
      const sum = sums + ((next as usize) << 3);
      if (load<u64>(sum) != nothing) {
        const entry = at + ((next as usize) << 5);
        const length = load<u32>(entry, 4) & 31;
        if (length > 16) break;
        gather(gathered, v128.load(entry, 8), length, load<u32>(entry));
        store<f64>(values + ((gathered as usize) << 3), load<f64>(sum));
        gathered += 1;
      }
      next += 1;
    }
    foldGathered(gathered, foldSum);
    if (next == done) break;
    done = next;
  }
  return done;
}

/**
 * Folds the `n` doubles at `numbers` into the entries of strings of less than 16 bytes, which lie one behind the other at `keys`, their
 * lengths at `lengths`. Stops when there is no room, and returns how many were done. Leaves a byte before `keys` alone, but reads it.
 */
export function foldKeys(keys: usize, lengths: usize, numbers: usize, n: u32, fold: u32): u32 {
  let key = keys;
  let done: u32 = 0;
  while (done < n && hasRoom()) {
    const some = min<u32>(n - done, batchMax);
    for (let i: u32 = 0; i < some; i++) {
      const length = load<u8>(lengths + done + i) as u32;
      const padded = shortKey(key, length);
      gather(i, padded, length + 1, hashOfShort(padded));
      store<f64>(values + ((i as usize) << 3), load<f64>(numbers + (((done + i) as usize) << 3)));
      key += length;
    }
    foldGathered(some, fold);
    done += some;
  }
  return done;
}
