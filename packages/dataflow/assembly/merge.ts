/**
 * Merges sorted blocks: `src/merged-stream.ts` in flat memory, with eight bytes of each key as a number in the tournament's
 * tree. A block that is used up is for the caller to replace, who takes first what was given of it.
 */
import { compareBytes, prefixOf } from "./bytes";
import { placeShift, putPlace, sameKey } from "./places";

/**
 * A source is sixteen words: 0 and 1 the key's prefix; key, its length, value, its length; records left in the block after
 * this one; widths of lengths, and lengths that all records have; where the columns of lengths go on; whether it has ended.
 */
const sourceShift: u32 = 6;
/** An inner node of the tree is four words: the loser's prefix, and its number. */
const nodeShift: u32 = 4;
/** Above every prefix, which begins with a tag. */
const endedPrefix: u64 = u64.MAX_VALUE;
const prefixBytes: u32 = 8;
const headBytes: usize = 12;
const nobody: u32 = 0xffffffff;

let sourcesAt: usize = 0;
let sourceCount: u32 = 0;
let nodesAt: usize = 0;
let winner: u32 = nobody;
/** The source whose block is used up. */
let waiting: u32 = nobody;
/** The key of the record given last, and where it is kept when its block goes. */
let keptAt: usize = 0;
let lastAt: usize = 0;
let lastLength: u32 = 0;
let lastPrefix: u64 = endedPrefix;
let keys: u32 = 0;

// @ts-ignore: decorator
@inline
function sourceAt(source: u32): usize {
  return sourcesAt + ((source as usize) << sourceShift);
}

// @ts-ignore: decorator
@inline
function nodeAt(node: u32): usize {
  return nodesAt + ((node as usize) << nodeShift);
}

/** Begins a merge; each source is to be opened or ended before `mergeSome`. `kept` has room for the longest key. */
export function useMerge(sources: usize, count: u32, nodes: usize, kept: usize): void {
  sourcesAt = sources;
  sourceCount = count;
  nodesAt = nodes;
  winner = nobody;
  waiting = nobody;
  keptAt = kept;
  lastLength = 0;
  lastPrefix = endedPrefix;
  keys = 0;
}

/** The source whose next block `mergeSome` waits for; all ones for none. */
export function mergeWaiting(): u32 {
  return waiting;
}

/** Different keys given so far. */
export function mergeKeys(): u32 {
  return keys;
}

export function endSource(source: u32): void {
  store<u64>(sourceAt(source), endedPrefix);
}

/** Puts a source to the first of the `count` records of the payload at `payload`. */
export function openSource(source: u32, payload: usize, count: u32): void {
  const at = sourceAt(source);
  const keyWidth = load<u8>(payload) as u32;
  const valueWidth = load<u8>(payload, 1) as u32;
  const keyLength = load<u32>(payload, 4);
  const keyLengths = payload + headBytes;
  const valueLengths = keyLengths + count * keyWidth;
  const keysStart = valueLengths + count * valueWidth;
  let keyBytes = count * keyLength;
  if (keyWidth > 0) {
    keyBytes = 0;
    for (let i: u32 = 0; i < count; i++) keyBytes += lengthAt(keyLengths + i * keyWidth, keyWidth);
  }
  store<u32>(at, keysStart as u32, 8);
  store<u32>(at, 0, 12);
  store<u32>(at, (keysStart as u32) + keyBytes, 16);
  store<u32>(at, 0, 20);
  store<u32>(at, count, 24);
  store<u32>(at, keyWidth, 28);
  store<u32>(at, valueWidth, 32);
  store<u32>(at, keyLength, 36);
  store<u32>(at, load<u32>(payload, 8), 40);
  store<u32>(at, keyLengths as u32, 44);
  store<u32>(at, valueLengths as u32, 48);
  step(at);
}

// @ts-ignore: decorator
@inline
function lengthAt(at: usize, width: u32): u32 {
  if (width == 1) return load<u8>(at);
  return width == 2 ? (load<u16>(at) as u32) : load<u32>(at);
}

/** Puts a source to the next record of its block; false when there is none. */
// @ts-ignore: decorator
@inline
function step(at: usize): bool {
  const left = load<u32>(at, 24);
  if (left == 0) return false;
  store<u32>(at, left - 1, 24);
  const key = load<u32>(at, 8) + load<u32>(at, 12);
  store<u32>(at, key, 8);
  store<u32>(at, load<u32>(at, 16) + load<u32>(at, 20), 16);
  const keyWidth = load<u32>(at, 28);
  let keyLength = load<u32>(at, 36);
  if (keyWidth > 0) {
    keyLength = lengthAt(load<u32>(at, 44) as usize, keyWidth);
    store<u32>(at, load<u32>(at, 44) + keyWidth, 44);
  }
  const valueWidth = load<u32>(at, 32);
  let valueLength = load<u32>(at, 40);
  if (valueWidth > 0) {
    valueLength = lengthAt(load<u32>(at, 48) as usize, valueWidth);
    store<u32>(at, load<u32>(at, 48) + valueWidth, 48);
  }
  store<u32>(at, keyLength, 12);
  store<u32>(at, valueLength, 20);
  store<u64>(at, prefixOf(key as usize, keyLength));
  return true;
}

// @ts-ignore: decorator
@inline
function beats(prefixA: u64, a: u32, prefixB: u64, b: u32): bool {
  if (prefixA != prefixB) return prefixA < prefixB;
  return prefixA == endedPrefix ? a < b : beatsInFull(a, b);
}

function beatsInFull(a: u32, b: u32): bool {
  const atA = sourceAt(a);
  const atB = sourceAt(b);
  const lengthA = load<u32>(atA, 12);
  const lengthB = load<u32>(atB, 12);
  // Equal prefixes need no second look, unless a key ended within them and was filled up with zeros.
  const skipped: u32 = lengthA > prefixBytes && lengthB > prefixBytes ? prefixBytes : 0;
  const keyA = (load<u32>(atA, 8) + skipped) as usize;
  const keyB = (load<u32>(atB, 8) + skipped) as usize;
  const order = compareBytes(keyA, lengthA - skipped, keyB, lengthB - skipped);
  return order != 0 ? order < 0 : a < b;
}

/** Plays all matches below `node` and returns the winner. Leaves are nodes k to 2k - 1. */
function play(node: u32): u32 {
  if (node >= sourceCount) return node - sourceCount;
  const left = play(2 * node);
  const right = play(2 * node + 1);
  const leftPrefix = load<u64>(sourceAt(left));
  const rightPrefix = load<u64>(sourceAt(right));
  const leftWins = beats(leftPrefix, left, rightPrefix, right);
  store<u64>(nodeAt(node), leftWins ? rightPrefix : leftPrefix);
  store<u32>(nodeAt(node), leftWins ? right : left, 8);
  return leftWins ? left : right;
}

// @ts-ignore: decorator
@inline
function replay(source: u32): void {
  let best = source;
  let bestPrefix = load<u64>(sourceAt(source));
  for (let node = (source + sourceCount) >> 1; node > 0; node >>= 1) {
    const at = nodeAt(node);
    const loserPrefix = load<u64>(at);
    const loser = load<u32>(at, 8);
    if (beats(loserPrefix, loser, bestPrefix, best)) {
      store<u64>(at, bestPrefix);
      store<u32>(at, best, 8);
      best = loser;
      bestPrefix = loserPrefix;
    }
  }
  winner = best;
}

/**
 * Gives the places of the next records, at most `most`, and returns how many: fewer where a source waits for its next block,
 * or at the end, where none does.
 */
export function mergeSome(places: usize, most: u32): u32 {
  if (sourceCount == 0) return 0;
  if (waiting != nobody) {
    replay(waiting);
    waiting = nobody;
  } else if (winner == nobody) {
    winner = play(1);
  }
  let count: u32 = 0;
  while (count < most) {
    const at = sourceAt(winner);
    const prefix = load<u64>(at);
    if (prefix == endedPrefix) break;
    give(at, prefix, places + ((count as usize) << placeShift));
    count += 1;
    if (step(at)) {
      replay(winner);
      continue;
    }
    if (lastLength > 0) memory.copy(keptAt, lastAt, lastLength);
    lastAt = keptAt;
    waiting = winner;
    break;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function give(at: usize, prefix: u64, place: usize): void {
  const key = load<u32>(at, 8) as usize;
  const length = load<u32>(at, 12);
  let isSame = prefix == lastPrefix && length == lastLength;
  if (isSame && length > prefixBytes) {
    isSame =
      compareBytes(lastAt + prefixBytes, length - prefixBytes, key + prefixBytes, length - prefixBytes) == 0;
  }
  if (!isSame) keys += 1;
  putPlace(place, key, isSame ? length | sameKey : length, load<u32>(at, 16) as usize, load<u32>(at, 20));
  lastAt = key;
  lastLength = length;
  lastPrefix = prefix;
}
