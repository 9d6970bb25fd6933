/**
 * Words between blanks: found sixteen bytes at a time, and counted or numbered in the table. The caller puts blanks
 * behind the text, and leaves a byte before it.
 */
import { entryOfString, isFresh } from "./table";

/** Where the last call stopped, and how many words it took. */
let stoppedAt: usize = 0;
let taken: u32 = 0;

export function wordsStop(): usize {
  return stoppedAt;
}

export function wordsTaken(): u32 {
  return taken;
}

/** Space, tab, line feed, vertical tab, form feed, carriage return. */
// @ts-ignore: decorator
@inline
function isBlank(byte: u32): bool {
  return byte == 32 || byte - 9 < 5;
}

// @ts-ignore: decorator
@inline
function blanksIn(bytes: v128): i32 {
  const isSpace = i8x16.eq(bytes, i8x16.splat(32));
  const isControl = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(9)), i8x16.splat(5));
  return i8x16.bitmask(v128.or(isSpace, isControl));
}

/** How many bytes from `at` on are no blanks. */
// @ts-ignore: decorator
@inline
function wordLength(at: usize): u32 {
  const blanks = blanksIn(v128.load(at));
  if (blanks != 0) return ctz<i32>(blanks);
  return longWordLength(at);
}

function longWordLength(at: usize): u32 {
  let p = at + 16;
  while (true) {
    const blanks = blanksIn(v128.load(p));
    if (blanks != 0) return (p - at) as u32 + ctz<i32>(blanks);
    p += 16;
  }
}

/** Adds one to the entry of each word in `[from, to)`. Stops before a word that has no room; `wordsStop` tells. */
export function countWords(from: usize, to: usize): void {
  let p = from;
  let words: u32 = 0;
  while (p < to) {
    if (isBlank(load<u8>(p))) {
      p += 1;
      continue;
    }
    const length = wordLength(p);
    const entry = entryOfString(p, length);
    if (entry == 0) break;
    store<f64>(entry, load<f64>(entry, 24) + 1, 24);
    words += 1;
    // The blank behind it as well.
    p += length + 1;
  }
  stoppedAt = min<usize>(p, to);
  taken = words;
}

/**
 * Numbers the words in `[from, to)`, at most `most` of them: the number of each at `numbers`, where it starts at
 * `starts`; of each that is new, in order of their numbers, start and length at `fresh`.
 */
export function numberWords(
  from: usize,
  to: usize,
  numbers: usize,
  starts: usize,
  fresh: usize,
  most: u32,
  nextNumber: u32,
): void {
  let p = from;
  let words: u32 = 0;
  let next = nextNumber;
  let freshAt = fresh;
  while (p < to && words < most) {
    if (isBlank(load<u8>(p))) {
      p += 1;
      continue;
    }
    const length = wordLength(p);
    const entry = entryOfString(p, length);
    if (entry == 0) break;
    if (isFresh) {
      store<u32>(entry, next, 24);
      next += 1;
      store<u32>(freshAt, p as u32);
      store<u32>(freshAt, length, 4);
      freshAt += 8;
    }
    store<u32>(numbers + ((words as usize) << 2), load<u32>(entry, 24));
    store<u32>(starts + ((words as usize) << 2), p as u32);
    words += 1;
    p += length + 1;
  }
  stoppedAt = min<usize>(p, to);
  taken = words;
}

/** Numbers the strings of a column of places as `numberWords` does; a missing one (place 0) gets `missing`. Returns how many. */
export function numberColumn(
  column: usize,
  count: u32,
  numbers: usize,
  fresh: usize,
  nextNumber: u32,
  missing: u32,
): u32 {
  let next = nextNumber;
  let freshAt = fresh;
  for (let i: u32 = 0; i < count; i++) {
    const start = load<u32>(column + ((i as usize) << 3));
    const length = load<u32>(column + ((i as usize) << 3), 4);
    let number = missing;
    if (start != 0) {
      const entry = entryOfString(start as usize, length);
      if (entry == 0) return i;
      if (isFresh) {
        store<u32>(entry, next, 24);
        next += 1;
        store<u32>(freshAt, start);
        store<u32>(freshAt, length, 4);
        freshAt += 8;
      }
      number = load<u32>(entry, 24);
    }
    store<u32>(numbers + ((i as usize) << 2), number);
  }
  return count;
}
