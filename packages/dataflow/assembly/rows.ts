/**
 * The rows of `src/record-buffer.ts`: four words a record, `start of its key in the arena, length of the key, length of the
 * value behind it, partition`.
 */
import { compareBytes, copyLoosely, prefixOf } from "./bytes";
import { hashOfBytes } from "./table";

export const rowShift: u32 = 4;

export let arenaAt: usize = 0;
export let rowsAt: usize = 0;

/** What the next calls work on. */
export function useRows(arena: usize, rows: usize): void {
  arenaAt = arena;
  rowsAt = rows;
}

/**
 * Appends `count` records of `size` bytes at `input` as rows from `index` on, and to the arena from `used` on: as key the
 * tag and the first `keyBytes`, as value the `headLength` bytes of `head` and the rest.
 */
export function appendFixed(
  input: usize,
  count: u32,
  size: u32,
  keyBytes: u32,
  tag: u32,
  head: usize,
  headLength: u32,
  index: u32,
  used: u32,
): void {
  const valueBytes = size - keyBytes;
  let row = rowsAt + ((index as usize) << rowShift);
  let at = arenaAt + used;
  let from = input;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(row, (at - arenaAt) as u32);
    store<u32>(row, keyBytes + 1, 4);
    store<u32>(row, headLength + valueBytes, 8);
    store<u32>(row, 0, 12);
    row += 1 << rowShift;
    store<u8>(at, tag);
    copyLoosely(at + 1, from, keyBytes);
    at += keyBytes + 1;
    copyLoosely(at, head, headLength);
    at += headLength;
    copyLoosely(at, from + keyBytes, valueBytes);
    at += valueBytes;
    from += size;
  }
}

/** Gives all rows their partitions, by the hash of the key. */
export function placeByHash(count: u32, partitions: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = rowsAt + ((i as usize) << rowShift);
    const hash = hashOfBytes(arenaAt + load<u32>(row), load<u32>(row, 4));
    store<u32>(row, (((hash as u64) * (partitions as u64)) >> 32) as u32, 12);
  }
}

/**
 * Gives all rows their partitions: how many boundaries are not above the key. The boundaries' first eight bytes are at
 * `prefixes`, and start and length of each at `places`.
 */
export function placeByRange(count: u32, prefixes: usize, places: usize, boundaries: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = rowsAt + ((i as usize) << rowShift);
    const key = arenaAt + load<u32>(row);
    store<u32>(row, rangeOf(key, load<u32>(row, 4), prefixes, places, boundaries), 12);
  }
}

// @ts-ignore: decorator
@inline
function rangeOf(key: usize, length: u32, prefixes: usize, places: usize, boundaries: u32): u32 {
  const prefix = prefixOf(key, length);
  let low: u32 = 0;
  let high = boundaries;
  while (low < high) {
    const middle = (low + high) >> 1;
    const boundary = load<u64>(prefixes + ((middle as usize) << 3));
    let isBelow = boundary < prefix;
    if (boundary == prefix) {
      const place = places + ((middle as usize) << 3);
      isBelow = compareBytes(load<u32>(place) as usize, load<u32>(place, 4), key, length) <= 0;
    }
    if (isBelow) low = middle + 1;
    else high = middle;
  }
  return low;
}
