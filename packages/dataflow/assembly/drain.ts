/**
 * The entries of the table in the order of their partitions and keys, and what they look like in the blocks of a segment.
 *
 * An item is 16 bytes: eight bytes of the key, as a number that sorts like them, the entry's number, and its partition. Items are
 * dealt out by one digit after the other, the last first, which keeps equal ones in order; those that are equal in all of
 * it are then merged by their whole keys.
 */
import { compareBytes } from "./bytes";
import { entryAt, hashOfBytes, keyAtOf, keyLengthOf } from "./table";

const itemBytes: usize = 16;
const digitBits: u32 = 11;
const digitMask: u64 = 0x7ff;
const digits: u32 = 6;
/** Longer runs of equal prefixes are merged, shorter ones inserted one by one. */
const insertedMax: u32 = 12;

/** Counts of the six digits, and behind them those of the partitions. */
let countersAt: usize = 0;
let partitionCount: u32 = 1;

/** Bytes that all keys begin with. */
function commonPrefix(count: u32): u32 {
  const first = entryAt(0);
  const firstKey = keyAtOf(first);
  let common = keyLengthOf(first);
  for (let i: u32 = 1; i < count && common > 0; i++) {
    const entry = entryAt(i);
    const key = keyAtOf(entry);
    const most = min<u32>(common, keyLengthOf(entry));
    let same: u32 = 0;
    while (same < most && load<u8>(key + same) == load<u8>(firstKey + same)) same += 1;
    common = same;
  }
  return common;
}

/** The eight bytes from `skip` on, zeros behind the end. */
// @ts-ignore: decorator
@inline
function prefixOf(key: usize, length: u32, skip: u32): u64 {
  const left = length - skip;
  // Entries and arena have bytes behind them that may be read.
  const bytes = left == 0 ? 0 : bswap<u64>(load<u64>(key + skip));
  return left >= 8 ? bytes : left == 0 ? 0 : bytes & ~((~(0 as u64)) >> ((left << 3) as u64));
}

/**
 * Sorts the first `count` entries: fills `items` or `other`, each of which has room for them, and returns which.
 * The partition is the hash's of `partitions`, or was written into the entries by the caller.
 */
export function sortEntries(
  items: usize,
  other: usize,
  counters: usize,
  count: u32,
  partitions: u32,
  isHashed: bool,
): usize {
  if (count == 0) return items;
  countersAt = counters;
  partitionCount = partitions;
  memory.fill(counters, 0, (((digits << digitBits) + partitions) as usize) << 2);
  fillItems(items, count, partitions, isHashed);
  let from = items;
  let to = other;
  for (let digit: u32 = 0; digit <= digits; digit++) {
    if (digit == digits ? partitions == 1 : isTrivial(digit, count)) continue;
    if (digit == digits) dealByPartition(from, to, count);
    else deal(from, to, count, digit);
    const swapped = from;
    from = to;
    to = swapped;
  }
  settleTies(from, to, count);
  return from;
}

function fillItems(items: usize, count: u32, partitions: u32, isHashed: bool): void {
  const skip = commonPrefix(count);
  const counters = countersAt;
  const partitionsAt = counters + (((digits << digitBits) as usize) << 2);
  for (let i: u32 = 0; i < count; i++) {
    const entry = entryAt(i);
    const key = keyAtOf(entry);
    const length = keyLengthOf(entry);
    const prefix = prefixOf(key, length, skip);
    let partition: u32 = 0;
    if (partitions > 1) {
      partition = isHashed
        ? (((hashOfBytes(key, length) as u64) * (partitions as u64)) >> 32) as u32
        : load<u32>(entry, 4) >> 5;
    }
    const item = items + (i as usize) * itemBytes;
    store<u64>(item, prefix);
    store<u32>(item, i, 8);
    store<u32>(item, partition, 12);
    for (let digit: u32 = 0; digit < digits; digit++) {
      const value = ((prefix >> ((digit * digitBits) as u64)) & digitMask) as usize;
      bump(counters + ((((digit << digitBits) as usize) + value) << 2));
    }
    bump(partitionsAt + ((partition as usize) << 2));
  }
}

// @ts-ignore: decorator
@inline
function bump(counter: usize): void {
  store<u32>(counter, load<u32>(counter) + 1);
}

/** Whether all items have the same digit. */
function isTrivial(digit: u32, count: u32): bool {
  const counters = countersAt + (((digit << digitBits) as usize) << 2);
  for (let value: usize = 0; value <= (digitMask as usize); value++) {
    const found = load<u32>(counters + (value << 2));
    if (found != 0) return found == count;
  }
  return true;
}

/** Turns `values` counts into positions. */
function toPositions(counters: usize, values: u32): void {
  let position: u32 = 0;
  for (let value: u32 = 0; value < values; value++) {
    const counter = counters + ((value as usize) << 2);
    const found = load<u32>(counter);
    store<u32>(counter, position);
    position += found;
  }
}

function deal(from: usize, to: usize, count: u32, digit: u32): void {
  const counters = countersAt + (((digit << digitBits) as usize) << 2);
  toPositions(counters, 1 << digitBits);
  const shift = (digit * digitBits) as u64;
  const end = from + (count as usize) * itemBytes;
  for (let item = from; item < end; item += itemBytes) {
    const counter = counters + (((load<u64>(item) >> shift) & digitMask) as usize << 2);
    const position = load<u32>(counter);
    store<u32>(counter, position + 1);
    v128.store(to + (position as usize) * itemBytes, v128.load(item));
  }
}

function dealByPartition(from: usize, to: usize, count: u32): void {
  const counters = countersAt + (((digits << digitBits) as usize) << 2);
  toPositions(counters, partitionCount);
  const end = from + (count as usize) * itemBytes;
  for (let item = from; item < end; item += itemBytes) {
    const counter = counters + ((load<u32>(item, 12) as usize) << 2);
    const position = load<u32>(counter);
    store<u32>(counter, position + 1);
    v128.store(to + (position as usize) * itemBytes, v128.load(item));
  }
}

/** Sorts runs of one partition and one prefix by their whole keys. */
function settleTies(items: usize, other: usize, count: u32): void {
  let start: u32 = 0;
  while (start < count) {
    const item = items + (start as usize) * itemBytes;
    const prefix = load<u64>(item);
    const partition = load<u32>(item, 12);
    let end = start + 1;
    while (end < count) {
      const next = items + (end as usize) * itemBytes;
      if (load<u64>(next) != prefix || load<u32>(next, 12) != partition) break;
      end += 1;
    }
    if (end - start > insertedMax) mergeSort(item, other, end - start);
    else if (end - start > 1) insertAll(item, end - start);
    start = end;
  }
}

function insertAll(items: usize, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const item = v128.load(items + (i as usize) * itemBytes);
    const number = i32x4.extract_lane(item, 2) as u32;
    let at = items + (i as usize) * itemBytes;
    while (at > items && isBefore(number, load<u32>(at - itemBytes, 8))) {
      v128.store(at, v128.load(at - itemBytes));
      at -= itemBytes;
    }
    v128.store(at, item);
  }
}

/** Bottom-up: runs of two, four, and so on, from one place to the other. */
function mergeSort(items: usize, other: usize, count: u32): void {
  let from = items;
  let to = other;
  for (let width: u32 = 1; width < count; width <<= 1) {
    for (let start: u32 = 0; start < count; start += 2 * width) {
      mergeRuns(from, to, start, min<u32>(start + width, count), min<u32>(start + 2 * width, count));
    }
    const swapped = from;
    from = to;
    to = swapped;
  }
  if (from != items) memory.copy(items, from, (count as usize) * itemBytes);
}

function mergeRuns(from: usize, to: usize, start: u32, middle: u32, end: u32): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    const leftAt = from + (left as usize) * itemBytes;
    const rightAt = from + (right as usize) * itemBytes;
    const takesRight =
      right < end && (left >= middle || isBefore(load<u32>(rightAt, 8), load<u32>(leftAt, 8)));
    v128.store(to + (i as usize) * itemBytes, v128.load(takesRight ? rightAt : leftAt));
    if (takesRight) right += 1;
    else left += 1;
  }
}

/** Whether the key of the `a`-th entry sorts before that of the `b`-th; no two are equal. */
function isBefore(a: u32, b: u32): bool {
  const entryA = entryAt(a);
  const entryB = entryAt(b);
  return compareBytes(keyAtOf(entryA), keyLengthOf(entryA), keyAtOf(entryB), keyLengthOf(entryB)) < 0;
}

/** The entry of an item. */
// @ts-ignore: decorator
@inline
export function entryOfItem(items: usize, index: u32): usize {
  return entryAt(load<u32>(items + (index as usize) * itemBytes, 8));
}

/** What the last block was made of: its first item not in it, and how many bytes it has. */
let blockStop: u32 = 0;

export function blockEnd(): u32 {
  return blockStop;
}

/** The partition of an item. */
export function itemPartition(items: usize, index: u32): u32 {
  return load<u32>(items + (index as usize) * itemBytes, 12);
}

/**
 * Writes the payload of a segment's block (`segment-format.ts`) to `out`: items from `from` on, all of one partition, until
 * `bytesMost` are passed, counted as `BlockBuilder` does. Keys, values and their lengths are gathered at `keys`, `values` and
 * `lengths` first. Returns where it ends.
 */
export function writeBlock(
  items: usize,
  from: u32,
  count: u32,
  bytesMost: u32,
  lengths: usize,
  keys: usize,
  values: usize,
  out: usize,
): usize {
  const partition = itemPartition(items, from);
  let keyEnd = keys;
  let valueEnd = values;
  let lengthEnd = lengths;
  let index = from;
  let keyLeast: u32 = 0xffff_ffff;
  let keyMost: u32 = 0;
  let valueLeast: u32 = 0xffff_ffff;
  let valueMost: u32 = 0;
  while (index < count && itemPartition(items, index) == partition) {
    if (((keyEnd - keys + (valueEnd - values)) as u32) + 2 * (index - from) >= bytesMost) break;
    const entry = entryOfItem(items, index);
    const keyLength = keyLengthOf(entry);
    if (keyLength <= 16) v128.store(keyEnd, v128.load(entry, 8));
    else memory.copy(keyEnd, keyAtOf(entry), keyLength);
    keyEnd += keyLength;
    const valueStart = valueEnd;
    valueEnd = writeNumber(load<f64>(entry, 24), valueEnd);
    const valueLength = (valueEnd - valueStart) as u32;
    store<u32>(lengthEnd, keyLength);
    store<u32>(lengthEnd, valueLength, 4);
    lengthEnd += 8;
    keyLeast = min<u32>(keyLeast, keyLength);
    keyMost = max<u32>(keyMost, keyLength);
    valueLeast = min<u32>(valueLeast, valueLength);
    valueMost = max<u32>(valueMost, valueLength);
    index += 1;
  }
  blockStop = index;
  const keyWidth = widthOf(keyLeast, keyMost);
  const valueWidth = widthOf(valueLeast, valueMost);
  store<u32>(out, keyWidth | (valueWidth << 8));
  store<u32>(out, keyWidth == 0 ? keyMost : 0, 4);
  store<u32>(out, valueWidth == 0 ? valueMost : 0, 8);
  let end = writeLengths(out + 12, lengths, lengthEnd, keyWidth);
  end = writeLengths(end, lengths + 4, lengthEnd + 4, valueWidth);
  memory.copy(end, keys, keyEnd - keys);
  end += keyEnd - keys;
  memory.copy(end, values, valueEnd - values);
  return end + (valueEnd - values);
}

function widthOf(least: u32, most: u32): u32 {
  if (least == most) return 0;
  return most < 0x100 ? 1 : most < 0x10000 ? 2 : 4;
}

/** Every other word from `from` to `to`, in `width` bytes each. */
function writeLengths(at: usize, from: usize, to: usize, width: u32): usize {
  let end = at;
  if (width == 0) return end;
  for (let p = from; p < to; p += 8) {
    const length = load<u32>(p);
    if (width == 1) store<u8>(end, length);
    else if (width == 2) store<u16>(end, length);
    else store<u32>(end, length);
    end += width;
  }
  return end;
}

/** A number as `value-encoder.ts` writes it; at most nine bytes. */
function writeNumber(value: f64, at: usize): usize {
  const isInRange = value >= -2147483648 && value <= 2147483647;
  const whole = isInRange ? (value as i32) : 0;
  if ((whole as f64) != value || (whole == 0 && reinterpret<u64>(value) != 0)) {
    store<u8>(at, 6);
    if (value != value) store<u64>(at, 0x7ff8_0000_0000_0000, 1);
    else store<f64>(at, value, 1);
    return at + 9;
  }
  if (whole >= 0 && whole < 128) {
    store<u8>(at, 0x80 | whole);
    return at + 1;
  }
  store<u8>(at, whole < 0 ? 5 : 4);
  let rest = (whole < 0 ? -1 - whole : whole) as u32;
  let end = at + 1;
  while (rest > 0x7f) {
    store<u8>(end, (rest & 0x7f) | 0x80);
    rest >>= 7;
    end += 1;
  }
  store<u8>(end, rest);
  return end + 1;
}
