/**
 * A stable 32-bit hash of bytes: MurmurHash3 x86_32 (Austin Appleby, public domain). Every node must agree on it,
 * for ever: output files are named after it.
 */

const c1 = 0xcc9e2d51;
const c2 = 0x1b873593;

/** Hash of `bytes[start, end)` as an unsigned 32-bit number. */
export function keyHash(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  let hash = seed | 0;
  const length = end - start;
  const blocksEnd = start + (length & ~3);
  for (let i = start; i < blocksEnd; i += 4) {
    const block = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    let mixed = Math.imul(block, c1);
    mixed = (mixed << 15) | (mixed >>> 17);
    hash ^= Math.imul(mixed, c2);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  if ((length & 3) === 3) tail ^= bytes[blocksEnd + 2]! << 16;
  if ((length & 3) >= 2) tail ^= bytes[blocksEnd + 1]! << 8;
  if ((length & 3) >= 1) {
    tail ^= bytes[blocksEnd]!;
    tail = Math.imul(tail, c1);
    tail = (tail << 15) | (tail >>> 17);
    hash ^= Math.imul(tail, c2);
  }
  return finish(hash ^ length);
}

function finish(mixed: number): number {
  let hash = mixed;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}

/** The partition, out of `partitions`, that a key with this hash belongs to: an even cut of the hash's range. */
export function partitionOfHash(hash: number, partitions: number): number {
  return Math.floor((hash * partitions) / 0x1_0000_0000);
}
