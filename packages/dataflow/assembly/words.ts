/**
 * Words between blanks: found sixteen bytes at a time, and counted or numbered in the table. The caller puts blanks
 * behind the text, and leaves a byte before it.
 */
import {
  batchMax,
  entryOfString,
  gather,
  hashOfShort,
  hasRoom,
  numberOf,
  resolve,
  resolvedEntry,
  shortKey,
} from "./table";

/** Where the last call stopped, and how many words it took. */
let stoppedAt: usize = 0;
let taken: u32 = 0;

export function wordsStop(): usize {
  return stoppedAt;
}

export function wordsTaken(): u32 {
  return taken;
}

// @ts-ignore: decorator
@inline
function blanksIn(bytes: v128): i32 {
  const isSpace = i8x16.eq(bytes, i8x16.splat(32));
  const isControl = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(9)), i8x16.splat(5));
  return i8x16.bitmask(v128.or(isSpace, isControl));
}

function longWordLength(at: usize): u32 {
  let p = at + 16;
  while (true) {
    const blanks = blanksIn(v128.load(p));
    if (blanks != 0) return ((p - at) as u32) + ctz<i32>(blanks);
    p += 16;
  }
}

/** Where `gatherWords` stopped: at the end, before a long word, or because it had enough. */
let gatheredTo: usize = 0;

/** Gathers the words from `from` on, at most `most` and none of 16 bytes or more; where each starts, counted from `base`, goes to `starts`. */
// @ts-ignore: decorator
@inline
function gatherWords(from: usize, to: usize, most: u32, starts: usize, base: usize): u32 {
  let p = from;
  let n: u32 = 0;
  while (p < to && n < most) {
    const blanks = blanksIn(v128.load(p));
    if (blanks == 0) break;
    const length = ctz<i32>(blanks) as u32;
    if (length == 0) {
      p += 1;
      continue;
    }
    const key = shortKey(p, length);
    gather(n, key, length + 1, hashOfShort(key));
    if (starts != 0) store<u32>(starts + ((n as usize) << 2), (p - base) as u32);
    n += 1;
    // The blank behind it as well.
    p += length + 1;
  }
  gatheredTo = p;
  return n;
}

/** Adds one to the entry of each word in `[from, to)`. Stops before a word when there is no room; `wordsStop` tells. */
export function countWords(from: usize, to: usize): void {
  let p = from;
  let words: u32 = 0;
  while (p < to && hasRoom()) {
    const n = gatherWords(p, to, batchMax, 0, 0);
    p = gatheredTo;
    if (n == 0) {
      if (p >= to) break;
      const length = longWordLength(p);
      const entry = entryOfString(p, length);
      if (entry == 0) break;
      store<f64>(entry, load<f64>(entry, 24) + 1, 24);
      words += 1;
      p += length + 1;
      continue;
    }
    resolve(n);
    for (let i: u32 = 0; i < n; i++) {
      const entry = resolvedEntry(i);
      store<f64>(entry, load<f64>(entry, 24) + 1, 24);
    }
    words += n;
  }
  stoppedAt = min<usize>(p, to);
  taken = words;
}

/**
 * Numbers the words in `[from, to)`, at most `most` of them: the number of each at `numbers`, where it starts, counted from
 * `from`, at `starts`. Numbers are those of entries: new ones go on from the count before.
 */
export function numberWords(from: usize, to: usize, numbers: usize, starts: usize, most: u32): void {
  let p = from;
  let words: u32 = 0;
  while (p < to && words < most && hasRoom()) {
    const startsAt = starts + ((words as usize) << 2);
    const numbersAt = numbers + ((words as usize) << 2);
    const n = gatherWords(p, to, min<u32>(batchMax, most - words), startsAt, from);
    p = gatheredTo;
    if (n == 0) {
      if (p >= to) break;
      const length = longWordLength(p);
      const entry = entryOfString(p, length);
      if (entry == 0) break;
      store<u32>(numbersAt, numberOf(entry));
      store<u32>(startsAt, (p - from) as u32);
      words += 1;
      p += length + 1;
      continue;
    }
    resolve(n);
    for (let i: u32 = 0; i < n; i++) store<u32>(numbersAt + ((i as usize) << 2), numberOf(resolvedEntry(i)));
    words += n;
  }
  stoppedAt = min<usize>(p, to);
  taken = words;
}

/** Numbers the strings of a column of places as `numberWords` does; a missing one (place 0) gets `missing`. Returns how many. */
export function numberColumn(column: usize, count: u32, numbers: usize, missing: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(column + ((i as usize) << 3));
    let number = missing;
    if (start != 0) {
      const entry = entryOfString(start as usize, load<u32>(column + ((i as usize) << 3), 4));
      if (entry == 0) return i;
      number = numberOf(entry);
    }
    store<u32>(numbers + ((i as usize) << 2), number);
  }
  return count;
}
