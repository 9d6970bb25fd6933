/**
 * How fast the attempts of one stage get on, and which of them is a straggler worth a second attempt.
 *
 * An attempt's rate is the share of its work that it does a second; what is left of its work over that rate is the
 * estimated time to its end. The one that will end last is the one that holds up the job, so it is the one to back up;
 * but only if it is slow compared with the stage's others (a stage whose tasks are all long has no straggler), and if
 * a fresh attempt can be expected to end before it. Progress by bytes read may lie, as when a reduce task has all its
 * input in memory, so an attempt that has taken twice the median is late whatever it tells. (Zaharia, Konwinski, Joseph, Katz, Stoica, "Improving MapReduce
 * Performance in Heterogeneous Environments", OSDI 2008, section 4: LATE.) Where the paper takes the 25th percentile
 * of nodes, a worker here is slow when it is slower than half the median worker: percentiles of three workers say
 * nothing.
 */
import { backupAfterMs, slowTaskQuantile, slowWorkerShare } from "./limits.js";

/** What the estimate needs to know of a running attempt. */
export interface PacedAttempt {
  readonly workerId: string;
  /** When this leader first knew it at work, and how much of it was done then. */
  readonly sinceMs: number;
  readonly fractionThen: number;
  /** Share of its work that is done, 0 to 1. */
  readonly fraction: number;
}

/** Finished attempts whose rates are remembered, the latest ones. */
const finishedMax = 1_000;

interface WorkerPace {
  rates: number;
  attempts: number;
}

export class StagePace {
  readonly #finished: Float64Array = new Float64Array(finishedMax);
  #count = 0;
  readonly #workers: Map<string, WorkerPace> = new Map();

  /** An attempt has ended with a result; what was adopted half done says little and is left out by the caller. */
  noteFinished(workerId: string, elapsedMs: number): void {
    const rate = 1 / Math.max(1, elapsedMs);
    this.#finished[this.#count % finishedMax] = rate;
    this.#count += 1;
    const known = this.#workers.get(workerId) ?? { rates: 0, attempts: 0 };
    known.rates += rate;
    known.attempts += 1;
    this.#workers.set(workerId, known);
  }

  /**
   * Looks at all running attempts of the stage once, and answers questions about them.
   */
  survey(attempts: readonly PacedAttempt[], nowMs: number): StageSurvey {
    const workers = new Map<string, WorkerPace>();
    for (const [workerId, { rates, attempts: count }] of this.#workers) {
      workers.set(workerId, { rates, attempts: count });
    }
    const rates = [...this.#finished.subarray(0, Math.min(this.#count, finishedMax))];
    for (const attempt of attempts) {
      // Too young to have a rate that means anything.
      if (nowMs - attempt.sinceMs < backupAfterMs) continue;
      const rate = rateOf(attempt, nowMs);
      rates.push(rate);
      const known = workers.get(attempt.workerId) ?? { rates: 0, attempts: 0 };
      known.rates += rate;
      known.attempts += 1;
      workers.set(attempt.workerId, known);
    }
    return new StageSurvey(rates, workers);
  }
}

export class StageSurvey {
  readonly #slowRate: number;
  readonly #medianRate: number;
  readonly #workers: ReadonlyMap<string, WorkerPace>;
  readonly #slowWorkerRate: number;

  constructor(rates: readonly number[], workers: ReadonlyMap<string, WorkerPace>) {
    const sorted = Float64Array.from(rates).sort();
    this.#slowRate = quantileOf(sorted, slowTaskQuantile);
    this.#medianRate = quantileOf(sorted, 0.5);
    this.#workers = workers;
    const means = Float64Array.from(workers.values(), ({ rates: sum, attempts }) => sum / attempts).sort();
    this.#slowWorkerRate = slowWorkerShare * quantileOf(means, 0.5);
  }

  /** Estimated milliseconds to the end of an attempt that deserves a backup; `undefined` for one that does not. */
  lateness(attempt: PacedAttempt, nowMs: number): number | undefined {
    if (nowMs - attempt.sinceMs < backupAfterMs || this.#medianRate === 0) return undefined;
    const rate = rateOf(attempt, nowMs);
    // Strictly below, but a stage of few tasks has its slowest at the quantile itself.
    if (rate > this.#slowRate) return undefined;
    const leftMs = Math.max(
      rate === 0 ? Number.POSITIVE_INFINITY : (1 - attempt.fraction) / rate,
      // Whatever it tells: what takes long beyond expectation will take about as long again.
      nowMs - attempt.sinceMs - 1 / this.#medianRate,
    );
    const freshMs = 1 / this.#medianRate;
    return leftMs > freshMs ? leftMs : undefined;
  }

  /** Whether a backup would be as slow there as what it is to overtake. Unknown workers are given the chance. */
  isSlow(workerId: string): boolean {
    const known = this.#workers.get(workerId);
    return known !== undefined && known.rates / known.attempts < this.#slowWorkerRate;
  }
}

/** Share of the work a millisecond. An attempt that shows no progress may have done all but one of anything. */
function rateOf({ sinceMs, fractionThen, fraction }: PacedAttempt, nowMs: number): number {
  const elapsedMs = Math.max(1, nowMs - sinceMs);
  return Math.max(0, fraction - fractionThen) / elapsedMs;
}

/** Of ascending numbers; 0 when there are none. */
function quantileOf(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}
