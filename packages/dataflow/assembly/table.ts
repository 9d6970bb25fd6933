/**
 * The combiner table of `src/numeric-table.ts`, found and filled from here. Both sides work on the same entries, so
 * layout and hashes must be those of that file: eight 32-bit words, `hash, partition << 5 | length, key × 4, double`.
 */

/** In place of an inline key's length. */
const longKey: u32 = 31;

let tableAt: usize = 0;
let mask: u32 = 0;
let arenaEnd: usize = 0;
let countMax: u32 = 0;
/** Entries in use, and the first free byte of the arena; the caller reads them back. */
let count: u32 = 0;
let arenaNext: usize = 0;
/** Whether the entry last found was made then. */
export let isFresh: bool = false;

/** What the next calls work on. No entry is made beyond `most`, no long key kept beyond `arenaLimit`. */
export function useTable(
  at: usize,
  slots: u32,
  entries: u32,
  most: u32,
  arena: usize,
  arenaLimit: usize,
): void {
  tableAt = at;
  mask = slots - 1;
  count = entries;
  countMax = most;
  arenaNext = arena;
  arenaEnd = arenaLimit;
}

export function tableCount(): u32 {
  return count;
}

export function tableArena(): usize {
  return arenaNext;
}

// @ts-ignore: decorator
@inline
function hashOfWords(key: v128): u32 {
  const k0 = i32x4.extract_lane(key, 0) as u32;
  const k1 = i32x4.extract_lane(key, 1) as u32;
  const k2 = i32x4.extract_lane(key, 2) as u32;
  const k3 = i32x4.extract_lane(key, 3) as u32;
  let hash: u32 = (k0 * 0x9e3779b1) ^ (k1 * 0x85ebca77);
  hash = (hash ^ (hash >> 15)) * 0xc2b2ae3d;
  hash ^= (k2 * 0x27d4eb2f) ^ (k3 * 0x165667b1);
  hash = (hash ^ (hash >> 13)) * 0x9e3779b1;
  return hash ^ (hash >> 16);
}

/** The entry of a key of 1 to 16 bytes, zero-padded; made if there was none; 0 when there is no room for it. */
// @ts-ignore: decorator
@inline
export function entryOfShort(key: v128, length: u32): usize {
  const hash = hashOfWords(key);
  let slot = hash & mask;
  while (true) {
    const at = tableAt + ((slot as usize) << 5);
    const meta = load<u32>(at, 4);
    if (meta == 0) {
      if (count >= countMax) return 0;
      store<u32>(at, hash);
      store<u32>(at, length, 4);
      v128.store(at, key, 8);
      store<f64>(at, 0, 24);
      count += 1;
      isFresh = true;
      return at;
    }
    if ((meta & longKey) == length && !v128.any_true(v128.xor(v128.load(at, 8), key))) {
      isFresh = false;
      return at;
    }
    slot = (slot + 1) & mask;
  }
}

/** MurmurHash3 x86_32, as `keyHash` of `placement`. */
function hashOfBytes(at: usize, length: u32): u32 {
  let hash: u32 = 0;
  const blocksEnd = at + (length & ~3);
  for (let p = at; p < blocksEnd; p += 4) {
    hash ^= rotl<u32>(load<u32>(p) * 0xcc9e2d51, 15) * 0x1b873593;
    hash = rotl<u32>(hash, 13) * 5 + 0xe6546b64;
  }
  let tail: u32 = 0;
  if ((length & 3) == 3) tail ^= (load<u8>(blocksEnd, 2) as u32) << 16;
  if ((length & 3) >= 2) tail ^= (load<u8>(blocksEnd, 1) as u32) << 8;
  if ((length & 3) >= 1) {
    tail ^= load<u8>(blocksEnd) as u32;
    hash ^= rotl<u32>(tail * 0xcc9e2d51, 15) * 0x1b873593;
  }
  hash ^= length;
  hash ^= hash >> 16;
  hash *= 0x85ebca6b;
  hash ^= hash >> 13;
  hash *= 0xc2b2ae35;
  return hash ^ (hash >> 16);
}

function equalBytes(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  for (; i + 16 <= length; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false;
  }
  for (; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

/** As `entryOfShort`, for a key of more than 16 bytes in memory. */
export function entryOfLong(key: usize, length: u32): usize {
  const hash = hashOfBytes(key, length);
  let slot = hash & mask;
  while (true) {
    const at = tableAt + ((slot as usize) << 5);
    const meta = load<u32>(at, 4);
    if (meta == 0) {
      if (count >= countMax || arenaNext + length > arenaEnd) return 0;
      memory.copy(arenaNext, key, length);
      store<u32>(at, hash);
      store<u32>(at, longKey, 4);
      store<u32>(at, arenaNext as u32, 8);
      store<u32>(at, length, 12);
      store<f64>(at, 0, 24);
      arenaNext += length;
      count += 1;
      isFresh = true;
      return at;
    }
    if (
      load<u32>(at) == hash &&
      (meta & longKey) == longKey &&
      load<u32>(at, 12) == length &&
      equalBytes(load<u32>(at, 8) as usize, key, length)
    ) {
      isFresh = false;
      return at;
    }
    slot = (slot + 1) & mask;
  }
}

/** 0 to 15, to compare a length with. */
// @ts-ignore: decorator
@inline
function lanes(): v128 {
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** The first `length` bytes at `at`, at most 16, zero-padded. Reads 16. */
// @ts-ignore: decorator
@inline
export function loadPadded(at: usize, length: u32): v128 {
  return v128.and(v128.load(at), i8x16.lt_u(lanes(), i8x16.splat(length as i8)));
}

/** A string of less than 16 bytes as a key: the tag of strings, then its bytes. */
// @ts-ignore: decorator
@inline
function shortKey(at: usize, length: u32): v128 {
  // The tag is not stored and loaded again: a wide load of a byte just stored has to wait for the store.
  return i8x16.replace_lane(loadPadded(at - 1, length + 1), 0, 8);
}

/** The entry of the string in `[at, at + length)` as a key. Overwrites the byte before it, with the tag of strings. */
// @ts-ignore: decorator
@inline
export function entryOfString(at: usize, length: u32): usize {
  if (length < 16) return entryOfShort(shortKey(at, length), length + 1);
  store<u8>(at - 1, 8);
  return entryOfLong(at - 1, length + 1);
}
