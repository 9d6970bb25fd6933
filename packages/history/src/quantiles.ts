/** Sums up many numbers in a few. */

export interface Quantiles {
  readonly count: number;
  readonly min: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
  readonly max: number;
  readonly sum: number;
}

export interface Histogram {
  /** Where each bar begins; one more than there are counts, the last is the end. */
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

const bars = 24;
const alikeShare = 0.01;

/** Values by rank (nearest rank, so each is one that occurs); all 0 of nothing. */
export function quantilesOf(values: Float64Array): Quantiles {
  const sorted = values.slice().sort();
  const count = sorted.length;
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] ?? 0;
  let sum = 0;
  for (const value of sorted) sum += value;
  return { count, min: at(0), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95), max: at(1), sum };
}

/** Bars of equal width from the least value to the greatest. */
export function histogramOf(values: Float64Array): Histogram {
  if (values.length === 0) return { edges: [0], counts: [] };
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  // Values that differ by less than this are one bar: two towers would look like two kinds of tasks.
  const used = max - min <= Math.abs(max) * alikeShare ? 1 : bars;
  const width = (max - min) / used || 1;
  const counts = new Array<number>(used).fill(0);
  for (const value of values) {
    const bar = Math.min(used - 1, Math.floor((value - min) / width));
    counts[bar] = counts[bar]! + 1;
  }
  return { edges: Array.from({ length: used + 1 }, (_, bar) => min + bar * width), counts };
}
