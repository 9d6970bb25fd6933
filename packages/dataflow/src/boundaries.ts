/** Where to cut the keys so that partitions are of about equal size, judged by a sample. */
import { asBuffer } from "./compare-bytes.js";

/**
 * At most `partitions - 1` boundaries, ascending and all different; each is the first key of its partition.
 *
 * A key so frequent that several cuts would fall on it gets one partition of its own, and the rest is cut evenly
 * again. With few different keys there are fewer boundaries, and the last partitions stay empty.
 *
 * @param samples encoded keys, in any order, repeated as often as they were met.
 */
export function boundariesFrom(samples: readonly Uint8Array[], partitions: number): Uint8Array[] {
  // A character a byte: strings like these are sorted as their bytes, and many times as fast.
  const sorted = samples.map((key) => asBuffer(key).toString("latin1")).sort();
  const boundaries: string[] = [];
  let from = 0;
  for (let left = partitions; left > 1 && from < sorted.length; left--) {
    let cut = from + Math.max(1, Math.round((sorted.length - from) / left));
    // A boundary equal to the one before, or to the first key of all, would make an empty partition.
    const floor = boundaries.at(-1) ?? sorted[0]!;
    while (cut < sorted.length && sorted[cut]! <= floor) cut += 1;
    if (cut >= sorted.length) break;
    // Step back to the first copy, so that `from` counts the whole run of this key.
    const boundary = sorted[cut]!;
    while (cut > from && sorted[cut - 1] === boundary) cut -= 1;
    boundaries.push(boundary);
    from = cut;
  }
  return boundaries.map((boundary) => Buffer.from(boundary, "latin1"));
}
