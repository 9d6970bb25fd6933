/**
 * How large the partitions of a shuffle are, as far as map attempts have told: what its reduce tasks will have to read.
 * Only known to the leader that saw the results, and only an estimate: it decides what goes first, not what is right.
 *
 * A map attempt reports its partition sizes as one byte each, the exponent of 1.1 (as Spark's MapStatus does): the
 * log carries them, so they must be small, and a size that is right within a tenth is enough for what they are for.
 */

/** Sizes in one report: neighbouring partitions share one when there are more. */
export const partitionGroupsMax = 64;

const base = Math.log(1.1);

/** 0 for nothing, else rounded up to a power of 1.1; at most 1.1^254, 32 GB. */
export function encodeSize(bytes: number): number {
  if (bytes <= 0) return 0;
  return Math.max(1, Math.min(255, 1 + Math.round(Math.log(Math.max(1, bytes)) / base)));
}

export function decodeSize(code: number): number {
  return code === 0 ? 0 : Math.round(1.1 ** (code - 1));
}

/** Sizes of all partitions as at most `partitionGroupsMax` codes. */
export function encodePartitionSizes(partitions: number, bytesOf: (partition: number) => number): Uint8Array {
  const perGroup = partitionsPerGroup(partitions);
  const codes = new Uint8Array(Math.ceil(partitions / perGroup));
  for (let group = 0; group < codes.length; group++) {
    let sum = 0;
    const end = Math.min(partitions, (group + 1) * perGroup);
    for (let partition = group * perGroup; partition < end; partition++) sum += bytesOf(partition);
    codes[group] = encodeSize(sum);
  }
  return codes;
}

export function partitionsPerGroup(partitions: number): number {
  return Math.max(1, Math.ceil(partitions / partitionGroupsMax));
}

/** The sum over the map attempts that have won. */
export class PartitionSizes {
  readonly #groups: Float64Array = new Float64Array(partitionGroupsMax);

  add(codes: Uint8Array): void {
    const count = Math.min(codes.length, partitionGroupsMax);
    for (let group = 0; group < count; group++) this.#groups[group]! += decodeSize(codes[group]!);
  }

  /** One a partition; those that share a report count as equally large. */
  list(partitions: number): Float64Array {
    const perGroup = partitionsPerGroup(partitions);
    return Float64Array.from({ length: partitions }, (_, partition) => {
      return this.#groups[Math.floor(partition / perGroup)]! / perGroup;
    });
  }
}
