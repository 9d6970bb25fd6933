/**
 * The combiner table of `src/numeric-table.ts`, found and filled from here. Both sides work on the same index and entries,
 * so layout and hashes must be those of that file.
 *
 * Whoever has many keys gathers up to `batchMax` of them and has them resolved together: the loads of the index, and then
 * those of the entries, do not wait for each other, nor for a wrongly predicted branch before them.
 */

/** In place of an inline key's length. */
const longKey: u32 = 31;
export const batchMax: u32 = 64;

let indexAt: usize = 0;
let mask: u32 = 0;
/** Entry 0, which is no entry: all zeros, so that it equals no key. */
let entriesAt: usize = 0;
let arenaEnd: usize = 0;
let countMax: u32 = 0;
/** Entries in use, and the first free byte of the arena; the caller reads them back. */
let count: u32 = 0;
let arenaNext: usize = 0;
/** Whether the entry last found was made then. */
export let isFresh: bool = false;

/**
 * What the next calls work on. When there are `most` entries, no batch is begun any more, and no single one made; one that was
 * begun may make `batchMax` more. No long key is kept beyond `arenaLimit`.
 */
export function useTable(
  index: usize,
  slots: u32,
  entries: usize,
  used: u32,
  most: u32,
  arena: usize,
  arenaLimit: usize,
): void {
  indexAt = index;
  mask = slots - 1;
  entriesAt = entries;
  count = used;
  countMax = most;
  arenaNext = arena;
  arenaEnd = arenaLimit;
  memory.fill(entries, 0, 32);
}

export function tableCount(): u32 {
  return count;
}

export function tableArena(): usize {
  return arenaNext;
}

// @ts-ignore: decorator
@inline
export function hasRoom(): bool {
  return count < countMax;
}

/** The number of an entry, from 0, in the order in which they were made. */
// @ts-ignore: decorator
@inline
export function numberOf(entry: usize): u32 {
  return (((entry - entriesAt) >> 5) as u32) - 1;
}

// @ts-ignore: decorator
@inline
export function entryAt(number: u32): usize {
  return entriesAt + (((number + 1) as usize) << 5);
}

// @ts-ignore: decorator
@inline
export function isLong(entry: usize): bool {
  return (load<u32>(entry, 4) & longKey) == longKey;
}

// @ts-ignore: decorator
@inline
export function keyLengthOf(entry: usize): u32 {
  const length = load<u32>(entry, 4) & longKey;
  return length == longKey ? load<u32>(entry, 12) : length;
}

// @ts-ignore: decorator
@inline
export function keyAtOf(entry: usize): usize {
  return isLong(entry) ? (load<u32>(entry, 8) as usize) : entry + 8;
}

// @ts-ignore: decorator
@inline
export function hashOfShort(key: v128): u32 {
  const k0 = i32x4.extract_lane(key, 0) as u32;
  const k1 = i32x4.extract_lane(key, 1) as u32;
  const k2 = i32x4.extract_lane(key, 2) as u32;
  const k3 = i32x4.extract_lane(key, 3) as u32;
  let hash: u32 = (k0 * 0x9e3779b1) ^ (k1 * 0x85ebca77) ^ (k2 * 0x27d4eb2f) ^ (k3 * 0x165667b1);
  hash = (hash ^ (hash >> 15)) * 0xc2b2ae3d;
  return hash ^ (hash >> 16);
}

/** A slot holds the first byte of the hash and the entry's number from 1; zero is a free one. */
// @ts-ignore: decorator
@inline
function mayBe(slot: u32, hash: u32): bool {
  return (slot ^ hash) >> 24 == 0;
}

// @ts-ignore: decorator
@inline
function entryOfSlot(slot: u32): usize {
  return entriesAt + (((slot & 0xffffff) as usize) << 5);
}

/** Puts a new entry of the next number, without its key, into a free slot. */
// @ts-ignore: decorator
@inline
function newEntry(slotAt: usize, hash: u32, length: u32): usize {
  count += 1;
  isFresh = true;
  store<u32>(slotAt, (hash & 0xff000000) | count);
  const entry = entryOfSlot(count);
  store<u32>(entry, hash);
  store<u32>(entry, length, 4);
  store<f64>(entry, 0, 24);
  return entry;
}

/** The entry of a key of 1 to 16 bytes, zero-padded; made if there was none, whether there is room or not. */
function foundOrMade(key: v128, length: u32, hash: u32): usize {
  isFresh = false;
  let slot = hash & mask;
  while (true) {
    const slotAt = indexAt + ((slot as usize) << 2);
    const found = load<u32>(slotAt);
    if (found == 0) {
      const entry = newEntry(slotAt, hash, length);
      v128.store(entry, key, 8);
      return entry;
    }
    slot = (slot + 1) & mask;
    if (!mayBe(found, hash)) continue;
    const entry = entryOfSlot(found);
    if (isKeyOf(entry, key, length)) return entry;
  }
}

// @ts-ignore: decorator
@inline
function isKeyOf(entry: usize, key: v128, length: u32): bool {
  return (load<u32>(entry, 4) & longKey) == length && !v128.any_true(v128.xor(v128.load(entry, 8), key));
}

/** The entry of a key of 1 to 16 bytes, zero-padded; made if there was none; 0 when there is no room left. */
// @ts-ignore: decorator
@inline
export function entryOfShort(key: v128, length: u32): usize {
  return hasRoom() ? foundOrMade(key, length, hashOfShort(key)) : 0;
}

/** MurmurHash3 x86_32, as `keyHash` of `placement`. */
export function hashOfBytes(at: usize, length: u32): u32 {
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
  if (!hasRoom()) return 0;
  const hash = hashOfBytes(key, length);
  isFresh = false;
  let slot = hash & mask;
  while (true) {
    const slotAt = indexAt + ((slot as usize) << 2);
    const found = load<u32>(slotAt);
    if (found == 0) {
      if (arenaNext + length > arenaEnd) return 0;
      memory.copy(arenaNext, key, length);
      const entry = newEntry(slotAt, hash, longKey);
      store<u32>(entry, arenaNext as u32, 8);
      store<u32>(entry, length, 12);
      arenaNext += length;
      return entry;
    }
    slot = (slot + 1) & mask;
    if (!mayBe(found, hash)) continue;
    const entry = entryOfSlot(found);
    if (load<u32>(entry) != hash || !isLong(entry) || load<u32>(entry, 12) != length) continue;
    if (equalBytes(load<u32>(entry, 8) as usize, key, length)) return entry;
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
export function shortKey(at: usize, length: u32): v128 {
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

/** A gathered key: 16 bytes, length, hash, and once resolved its entry, and whether that was made then. */
const gathered: usize = memory.data(2048, 64);
let touched: u32 = 0;

// @ts-ignore: decorator
@inline
export function gather(place: u32, key: v128, length: u32, hash: u32): void {
  const at = gathered + ((place as usize) << 5);
  v128.store(at, key);
  store<u32>(at, length, 16);
  store<u32>(at, hash, 20);
}

// @ts-ignore: decorator
@inline
export function resolvedEntry(place: u32): usize {
  return load<u32>(gathered + ((place as usize) << 5), 24) as usize;
}

// @ts-ignore: decorator
@inline
export function isResolvedFresh(place: u32): bool {
  return load<u32>(gathered + ((place as usize) << 5), 28) != 0;
}

/** Finds or makes the entries of the first `n` gathered keys, in their order. */
export function resolve(n: u32): void {
  const end = gathered + ((n as usize) << 5);
  const index = indexAt;
  const entries = entriesAt;
  const slotMask = mask;
  let touching: u32 = 0;
  for (let at = gathered; at < end; at += 32) {
    const slot = load<u32>(index + (((load<u32>(at, 20) & slotMask) as usize) << 2));
    const entry = entries + (((slot & 0xffffff) as usize) << 5);
    store<u32>(at, entry as u32, 24);
    touching += load<u32>(entry);
  }
  // Kept, so that the loads are not left out.
  touched = touching;
  for (let at = gathered; at < end; at += 32) {
    const key = v128.load(at);
    const length = load<u32>(at, 16);
    store<u32>(at, 0, 28);
    if (isKeyOf(load<u32>(at, 24), key, length)) continue;
    store<u32>(at, foundOrMade(key, length, load<u32>(at, 20)) as u32, 24);
    store<u32>(at, isFresh ? 1 : 0, 28);
  }
}

export function lastTouched(): u32 {
  return touched;
}
