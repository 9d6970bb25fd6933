/**
 * Cuts the keys of a total order into ranges: the boundaries are quantiles of a sample (DeWitt, Naughton, Schneider,
 * "Parallel Sorting on a Shared-Nothing Architecture using Probabilistic Splitting", PDIS 1991).
 */

/**
 * At most `partitions - 1` keys, strictly ascending by bytes, that cut the sample into parts of about the same
 * number. `samples` are each in any order. A key that fills several parts by itself gives one boundary, so there may
 * be fewer than asked for; the last partitions then stay empty.
 */
export function boundariesOf(samples: Iterable<readonly Uint8Array[]>, partitions: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const sample of samples) for (const key of sample) keys.push(key);
  keys.sort(compareBytes);
  const boundaries: Uint8Array[] = [];
  // A boundary at the smallest key would leave nothing to the left of it.
  let last = keys[0];
  for (let part = 1; part < partitions && last !== undefined; part++) {
    const key = keys[Math.floor((part * keys.length) / partitions)]!;
    if (compareBytes(key, last) <= 0) continue;
    boundaries.push(key);
    last = key;
  }
  return boundaries;
}

/** Negative, zero or positive, as `a` is before, the same as, or after `b`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
