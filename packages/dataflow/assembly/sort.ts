/**
 * `src/sort-records.ts` in flat memory: sorts rows by partition, then key bytes, stably. That file has the idea; here the
 * packed numbers are sorted by their digits, least significant first, and runs that still have to be sorted wait
 * in a list that lies in the second array, each in its own share of it.
 */
import { commonLength, compareBytes } from "./bytes";
import { putPlace } from "./places";
import { arenaAt, rowShift, rowsAt } from "./rows";

const prefixBytes: u32 = 5;
const indexBits: u64 = 24;
const indexMask: u32 = 0xffffff;
/** Runs this short are sorted by comparing. */
const comparedMax: u32 = 12;
/** Below this many numbers, their histograms cost more than comparing them. */
const insertedMax: u32 = 64;
const digits: u32 = 5;
const noRun: u32 = 0xffffffff;

/** Packed numbers, `first five key bytes << 24 | index`; a second array like it; counts of digits. */
let spaceAt: usize = 0;
let otherAt: usize = 0;
let histogramsAt: usize = 0;
/** Position of the run that comes next. */
let pending: u32 = noRun;
/** Keeps what is touched from being taken for useless. */
let touched: u32 = 0;

// @ts-ignore: decorator
@inline
function rowOf(index: u32): usize {
  return rowsAt + ((index as usize) << rowShift);
}

// @ts-ignore: decorator
@inline
function packedAt(position: u32): usize {
  return spaceAt + ((position as usize) << 3);
}

// @ts-ignore: decorator
@inline
function indexAt(position: u32): u32 {
  return load<u32>(packedAt(position)) & indexMask;
}

/** Five key bytes from `depth` on, zeros after the key's end, and the index. */
// @ts-ignore: decorator
@inline
function packedOf(index: u32, depth: u32): u64 {
  const row = rowOf(index);
  const left = (load<u32>(row, 4) as i32) - (depth as i32);
  if (left <= 0) return index as u64;
  let bytes = bswap<u64>(load<u64>(arenaAt + load<u32>(row) + depth));
  if (left < 5) bytes &= ~(u64.MAX_VALUE >> ((left as u64) << 3));
  return (bytes & 0xffffffffff000000) | (index as u64);
}

/**
 * Sorts `count` rows. `starts` has room for `2 * partitions + 1` words, and tells afterwards where each partition begins and
 * the last one ends; `space` and `other` have eight bytes a row, `histograms` 5,120.
 */
export function sortRows(
  count: u32,
  partitions: u32,
  starts: usize,
  space: usize,
  other: usize,
  histograms: usize,
): void {
  spaceAt = space;
  otherAt = other;
  histogramsAt = histograms;
  pending = noRun;
  const shared = sharedPrefix(count);
  deal(count, partitions, starts, shared);
  for (let p: u32 = 0; p < partitions; p++) {
    const at = starts + ((p as usize) << 2);
    sortPacked(load<u32>(at), load<u32>(at, 4), shared);
    while (pending != noRun) {
      const start = pending;
      const run = otherAt + ((start as usize) << 3);
      pending = load<u32>(run, 8);
      refine(start, load<u32>(run), load<u32>(run, 4));
    }
  }
}

/** How many leading bytes all keys share. */
function sharedPrefix(count: u32): u32 {
  if (count == 0) return 0;
  const first = arenaAt + load<u32>(rowsAt);
  let shared = load<u32>(rowsAt, 4);
  for (let i: u32 = 1; i < count && shared > 0; i++) {
    const row = rowOf(i);
    shared = commonLength(first, arenaAt + load<u32>(row), min<u32>(shared, load<u32>(row, 4)));
  }
  return shared;
}

/** Counting sort by partition, packing each row as it goes. */
function deal(count: u32, partitions: u32, starts: usize, depth: u32): void {
  const cursors = starts + ((partitions as usize) << 2) + 4;
  memory.fill(starts, 0, ((partitions as usize) << 2) + 4);
  for (let i: u32 = 0; i < count; i++) {
    const at = starts + ((load<u32>(rowOf(i), 12) as usize) << 2);
    store<u32>(at, load<u32>(at, 4) + 1, 4);
  }
  for (let p: u32 = 0; p < partitions; p++) {
    const at = starts + ((p as usize) << 2);
    store<u32>(cursors + ((p as usize) << 2), load<u32>(at));
    store<u32>(at, load<u32>(at) + load<u32>(at, 4), 4);
  }
  for (let i: u32 = 0; i < count; i++) {
    const at = cursors + ((load<u32>(rowOf(i), 12) as usize) << 2);
    const position = load<u32>(at);
    store<u32>(at, position + 1);
    store<u64>(packedAt(position), packedOf(i, depth));
  }
}

/** Sorts positions `[start, end)`, packed from `depth` on, and lists the runs of equal bytes. */
function sortPacked(start: u32, end: u32, depth: u32): void {
  if (end - start < 2) return;
  sortNumbers(start, end);
  let runStart = start;
  let before = load<u64>(packedAt(start)) >> indexBits;
  for (let i = start + 1; i < end; i++) {
    const prefix = load<u64>(packedAt(i)) >> indexBits;
    if (prefix == before) continue;
    before = prefix;
    if (i - runStart > 1) list(runStart, i, depth + prefixBytes);
    runStart = i;
  }
  if (end - runStart > 1) list(runStart, end, depth + prefixBytes);
}

/** A run is two records at least, whose share of the second array holds these three words. */
function list(start: u32, end: u32, depth: u32): void {
  const run = otherAt + ((start as usize) << 3);
  store<u32>(run, end);
  store<u32>(run, depth, 4);
  store<u32>(run, pending, 8);
  pending = start;
}

/** Sorts the packed numbers at `[start, end)`, whose indexes ascend already. */
function sortNumbers(start: u32, end: u32): void {
  if (end - start <= insertedMax) {
    insertNumbers(packedAt(start), packedAt(end));
    return;
  }
  countDigits(start, end);
  let from = packedAt(start);
  let to = otherAt + ((start as usize) << 3);
  const bytes = ((end - start) as usize) << 3;
  for (let digit: u32 = 0; digit < digits; digit++) {
    const counts = histogramsAt + ((digit as usize) << 10);
    const shift = indexBits + ((digit as u64) << 3);
    // Nothing moves when all have the same digit.
    const any = ((load<u64>(from) >> shift) as u32) & 0xff;
    if (load<u32>(counts + ((any as usize) << 2)) == end - start) continue;
    moveByDigit(from, from + bytes, to, counts, shift);
    const swapped = from;
    from = to;
    to = swapped;
  }
  if (from != packedAt(start)) memory.copy(packedAt(start), from, bytes);
}

function insertNumbers(start: usize, end: usize): void {
  for (let i = start + 8; i < end; i += 8) {
    const number = load<u64>(i);
    let at = i;
    while (at > start && load<u64>(at - 8) > number) {
      store<u64>(at, load<u64>(at - 8));
      at -= 8;
    }
    store<u64>(at, number);
  }
}

function countDigits(start: u32, end: u32): void {
  memory.fill(histogramsAt, 0, (digits as usize) << 10);
  for (let at = packedAt(start); at < packedAt(end); at += 8) {
    const number = load<u64>(at);
    count(histogramsAt, (number >> 24) as u32);
    count(histogramsAt + 1024, (number >> 32) as u32);
    count(histogramsAt + 2048, (number >> 40) as u32);
    count(histogramsAt + 3072, (number >> 48) as u32);
    count(histogramsAt + 4096, (number >> 56) as u32);
  }
}

// @ts-ignore: decorator
@inline
function count(counts: usize, digit: u32): void {
  const at = counts + (((digit & 0xff) as usize) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

function moveByDigit(from: usize, end: usize, to: usize, counts: usize, shift: u64): void {
  let sum: u32 = 0;
  for (let at = counts; at < counts + 1024; at += 4) {
    const own = load<u32>(at);
    store<u32>(at, sum);
    sum += own;
  }
  for (let at = from; at < end; at += 8) {
    const number = load<u64>(at);
    const cursor = counts + ((((number >> shift) as u32) & 0xff) << 2);
    const position = load<u32>(cursor);
    store<u32>(cursor, position + 1);
    store<u64>(to + ((position as usize) << 3), number);
  }
}

/** Sorts a run of records, in order of their indexes, whose keys agree before `depth`, counting ended keys as zeros. */
function refine(start: u32, end: u32, depth: u32): void {
  if (end - start <= comparedMax) {
    compareAll(start, end, depth - prefixBytes);
    return;
  }
  const from = putEndedFirst(start, end, depth);
  if (end - from < 2) return;
  const shared = sharedFrom(from, end, depth);
  if (shared < 0) return;
  for (let i = from; i < end; i++) store<u64>(packedAt(i), packedOf(indexAt(i), shared as u32));
  sortPacked(from, end, shared as u32);
}

/** Keys that end before `depth` are prefixes of all others here: they come first, the shorter the earlier. */
function putEndedFirst(start: u32, end: u32, depth: u32): u32 {
  const first = load<u32>(rowOf(indexAt(start)), 4);
  let ended: u32 = 0;
  let areSameLength = true;
  for (let i = start; i < end; i++) {
    const length = load<u32>(rowOf(indexAt(i)), 4);
    if (length <= depth) ended += 1;
    if (length != first) areSameLength = false;
  }
  if (ended == 0) return start;
  if (ended == end - start && areSameLength) return end;
  splitEnded(start, end, depth);
  sortNumbers(start, start + ended);
  return start + ended;
}

/** Puts ended keys in front, packed by their length, and the others behind; both in order of their indexes. */
function splitEnded(start: u32, end: u32, depth: u32): void {
  let ended = packedAt(start);
  const others = otherAt + ((start as usize) << 3);
  let other = others;
  for (let i = start; i < end; i++) {
    const index = indexAt(i);
    const length = load<u32>(rowOf(index), 4);
    if (length <= depth) {
      store<u64>(ended, ((length as u64) << indexBits) | (index as u64));
      ended += 8;
    } else {
      store<u64>(other, index as u64);
      other += 8;
    }
  }
  memory.copy(ended, others, other - others);
}

/** Where the first difference among the run's keys lies; -1 when they are all equal. */
function sharedFrom(start: u32, end: u32, depth: u32): i32 {
  const head = rowOf(indexAt(start));
  const headLength = load<u32>(head, 4);
  const headAt = arenaAt + load<u32>(head) + depth;
  let shared = headLength;
  let areSameLength = true;
  for (let i = start + 1; i < end; i++) {
    const row = rowOf(indexAt(i));
    const length = load<u32>(row, 4);
    if (length != headLength) areSameLength = false;
    const most = min<u32>(length, shared) - depth;
    shared = depth + commonLength(headAt, arenaAt + load<u32>(row) + depth, most);
    if (shared == depth) return depth as i32;
  }
  return areSameLength && shared == headLength ? -1 : (shared as i32);
}

function compareAll(start: u32, end: u32, depth: u32): void {
  for (let i = start + 1; i < end; i++) {
    const index = indexAt(i);
    let at = i;
    while (at > start && compareRows(indexAt(at - 1), index, depth) > 0) {
      store<u64>(packedAt(at), load<u64>(packedAt(at - 1)));
      at -= 1;
    }
    store<u64>(packedAt(at), index as u64);
  }
}

/** Compares from `depth` on, where both keys have been found to agree. */
function compareRows(a: u32, b: u32, depth: u32): i32 {
  const rowA = rowOf(a);
  const rowB = rowOf(b);
  const skippedA = min<u32>(depth, load<u32>(rowA, 4));
  const skippedB = min<u32>(depth, load<u32>(rowB, 4));
  return compareBytes(
    arenaAt + load<u32>(rowA) + skippedA,
    load<u32>(rowA, 4) - skippedA,
    arenaAt + load<u32>(rowB) + skippedB,
    load<u32>(rowB, 4) - skippedB,
  );
}

/**
 * The places of the rows at positions `[from, from + count)` in order. It touches what lies there: in key order each
 * record is a cache miss or two, and here the processor waits for many at a time instead of for one after the other.
 */
export function placesOf(from: u32, count: u32, places: usize): void {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const row = rowOf(indexAt(from + i));
    const key = arenaAt + load<u32>(row);
    const keyLength = load<u32>(row, 4);
    putPlace(places + ((i as usize) << 4), key, keyLength, key + keyLength, load<u32>(row, 8));
    sum += (load<u8>(key) as u32) + (load<u8>(key, 64) as u32);
  }
  touched = sum;
}
