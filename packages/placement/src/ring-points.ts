/**
 * Where on the ring a member stands. Points follow from the member's id and their number alone, so that every node
 * computes the same ring, and a member's points can be found again without searching for them.
 */
import { textHash } from "./text-hash.js";

/** Bits of a point's rank in its packed form: 32 bits of position and 21 of rank make a safe integer. */
const rankBits = 21;
const rankLimit = 2 ** rankBits;

/** Members that one ring can hold. */
export const ringMembersMax: number = rankLimit;

/**
 * Positions of a member's `count` points, unsorted and all different. Double hashing: a start and an odd step, both
 * from the id, and a mix on top; two members share a run of points only if both hashes collide.
 */
export function pointsOfMember(id: string, count: number): Uint32Array {
  const start = textHash(id);
  const step = textHash(id, 0x9747b28c) | 1;
  const points = new Uint32Array(count);
  for (let i = 0, seed = start; i < count; i++, seed = (seed + step) | 0) points[i] = mix(seed);
  return points;
}

/** MurmurHash3's finalizer: a permutation of the 32-bit numbers that spreads every bit over all. */
function mix(value: number): number {
  let hash = value;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}

/** A sorted set of points, each with the rank of its member. Never changed once made. */
export interface PointTable {
  /** Ascending; where two members share a position, the lower rank comes first and is the one that counts. */
  readonly positions: Uint32Array;
  readonly ranks: Int32Array;
}

/** All points of members, `counts[rank]` for each id in `ids`. */
export function buildPoints(ids: readonly string[], counts: readonly number[]): PointTable {
  let total = 0;
  for (const count of counts) total += count;
  const packed = new Float64Array(total);
  let next = 0;
  for (let rank = 0; rank < ids.length; rank++) {
    for (const position of pointsOfMember(ids[rank]!, counts[rank]!))
      packed[next++] = position * rankLimit + rank;
  }
  return unpack(packed.sort());
}

function unpack(packed: Float64Array): PointTable {
  const positions = new Uint32Array(packed.length);
  const ranks = new Int32Array(packed.length);
  for (let i = 0; i < packed.length; i++) {
    const position = Math.floor(packed[i]! / rankLimit);
    positions[i] = position;
    ranks[i] = packed[i]! - position * rankLimit;
  }
  return { positions, ranks };
}

/** The table with one more member, who takes `rank`; those from `rank` on move up by one. Linear, no sorting. */
export function insertPoints(table: PointTable, rank: number, added: Uint32Array): PointTable {
  const sorted = added.slice().sort();
  const total = table.positions.length + sorted.length;
  const positions = new Uint32Array(total);
  const ranks = new Int32Array(total);
  let old = 0;
  let fresh = 0;
  for (let i = 0; i < total; i++) {
    const oldRank = old < table.positions.length ? shiftedRank(table.ranks[old]!, rank) : 0;
    if (takesOld(table, old, oldRank, sorted, fresh, rank)) {
      positions[i] = table.positions[old++]!;
      ranks[i] = oldRank;
    } else {
      positions[i] = sorted[fresh++]!;
      ranks[i] = rank;
    }
  }
  return { positions, ranks };
}

function shiftedRank(rank: number, from: number): number {
  return rank >= from ? rank + 1 : rank;
}

function takesOld(
  table: PointTable,
  old: number,
  oldRank: number,
  sorted: Uint32Array,
  fresh: number,
  rank: number,
): boolean {
  if (old === table.positions.length) return false;
  if (fresh === sorted.length) return true;
  const difference = table.positions[old]! - sorted[fresh]!;
  return difference === 0 ? oldRank < rank : difference < 0;
}

/** The table without the member of `rank`; those behind it move down by one. */
export function removePoints(table: PointTable, rank: number): PointTable {
  const keep = table.ranks.reduce((count, other) => (other === rank ? count : count + 1), 0);
  const positions = new Uint32Array(keep);
  const ranks = new Int32Array(keep);
  let next = 0;
  for (let i = 0; i < table.ranks.length; i++) {
    const other = table.ranks[i]!;
    if (other === rank) continue;
    positions[next] = table.positions[i]!;
    ranks[next++] = other > rank ? other - 1 : other;
  }
  return { positions, ranks };
}

/** Index of the first point at or after `hash`, clockwise; the table must not be empty. */
export function pointAtOrAfter(table: PointTable, hash: number): number {
  const positions = table.positions;
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (positions[middle]! < hash) low = middle + 1;
    else high = middle;
  }
  return low === positions.length ? 0 : low;
}
