/** How keys are dealt to partitions. */
import type { Key } from "./key.js";

/** Returns a whole number from 0 to `partitions - 1`; must depend on the key alone. */
export type PartitionFunction<K> = (key: K, partitions: number) => number;

export type Partitioner<K> = PartitionFunction<K> | RangePartitioner<K>;

/** Partitions that are ranges of keys: the output files, one after the other, are in total order. */
export interface RangePartitioner<in K> {
  readonly kind: "range";
  readonly sampleRecordsMax: number;
  readonly accepts?: (key: K) => void;
}

/**
 * Total order over all output files. Before the maps run, a sample of the input goes through `map`, and the
 * boundaries are set so that partitions are of about equal size.
 *
 * @param options.sampleRecordsMax how many records to sample in all, default 20,000.
 */
export function rangePartitioner<K extends Key>(
  options: { readonly sampleRecordsMax?: number } = {},
): RangePartitioner<K> {
  return { kind: "range", sampleRecordsMax: options.sampleRecordsMax ?? 20_000 };
}
