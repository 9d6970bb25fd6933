/**
 * Names of the metrics that tell of a key which makes a partition too large. Metrics of a stage are added up by name, in
 * the log's own table: what each map task found of one key comes together, on every replica, at no further cost.
 */

/** Records of this key in this partition. `key` is text for people. */
export function heavyKeyMetric(partition: number, key: string): string {
  return `heavyKey ${partition} ${key}`;
}

/** Records of the partition, in the segments where a key of it was heavy. */
export function heavyPartitionMetric(partition: number): string {
  return `heavyPartition ${partition}`;
}

export interface KeySkew {
  readonly partition: number;
  readonly key: string;
  /** Of the partition's records, from 0 to 1, as far as it was looked at. */
  readonly share: number;
}

/** The heavy keys of a stage, heaviest first. */
export function keySkewOf(metrics: Readonly<Record<string, number>>): readonly KeySkew[] {
  const found = Object.entries(metrics).flatMap(([name, records]): KeySkew[] => {
    const match = /^heavyKey (\d+) (.*)$/s.exec(name);
    const partition = Number(match?.[1]);
    const all = metrics[heavyPartitionMetric(partition)];
    if (match === null || all === undefined || all <= 0 || records <= 0) return [];
    return [{ partition, key: match[2] ?? "", share: Math.min(1, records / all) }];
  });
  return found.sort((a, b) => b.share - a.share);
}
