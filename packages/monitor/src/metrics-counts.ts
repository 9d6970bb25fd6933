/** What only rises: counted as the log tells it, from the moment this process began. */
import type { AttemptEnd } from "@fanfold/history";
import { Histogram } from "./histogram.js";

export class MetricsCounts {
  readonly #startedMs: number;
  readonly attempts: Map<string, number> = new Map();
  readonly jobs: Map<string, number> = new Map();
  readonly requests: Map<string, number> = new Map();
  readonly linkCuts: Map<string, number> = new Map();
  readonly durations: Histogram = new Histogram([0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600]);
  recordsIn = 0;
  bytesIn = 0;
  bytesOut = 0;
  spilledBytes = 0;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** A log that is read again after a start tells of the past: it was counted then. */
  attemptEnded(end: AttemptEnd & { readonly durationMs: number }): void {
    if (end.endMs < this.#startedMs) return;
    add(this.attempts, end.state);
    if (end.state !== "won") return;
    if (!Number.isNaN(end.durationMs)) this.durations.observe(end.durationMs / 1_000);
    this.recordsIn += end.metrics?.["recordsIn"] ?? 0;
    this.bytesIn += end.metrics?.["bytesIn"] ?? 0;
    this.bytesOut += end.metrics?.["bytesOut"] ?? 0;
    this.spilledBytes += end.metrics?.["spilledBytes"] ?? 0;
  }

  jobEnded(outcome: string, atMs: number): void {
    if (atMs >= this.#startedMs) add(this.jobs, outcome);
  }

  linkCut(why: string): void {
    add(this.linkCuts, why);
  }

  /** `route` is a name of the allow-list, never a path. */
  answered(route: string, status: number): void {
    add(this.requests, `${route} ${status}`);
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
