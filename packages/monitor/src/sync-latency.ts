/** How long the replica's disk takes: from a record being handed over to its being durable, writing and waiting included. */
import { Histogram } from "./histogram.js";

/** Latencies that quantiles are taken over. */
const windowMax = 2_048;

export interface SyncSummary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export class SyncLatency {
  /** In seconds, since the process began. */
  readonly histogram: Histogram = new Histogram([
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5,
  ]);
  readonly #window = new Float64Array(windowMax);
  #count = 0;
  #recent: number[] = [];

  note(ms: number): void {
    this.histogram.observe(ms / 1_000);
    this.#window[this.#count % windowMax] = ms;
    this.#count += 1;
    if (this.#recent.length < windowMax) this.#recent.push(ms);
  }

  /** Those since the last call. */
  takeRecent(): Float64Array {
    const recent = Float64Array.from(this.#recent);
    this.#recent = [];
    return recent;
  }

  summary(): SyncSummary {
    const sorted = this.#window.slice(0, Math.min(this.#count, windowMax)).sort();
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return { count: this.#count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
  }
}
