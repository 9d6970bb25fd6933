/**
 * Grades how surely a silent node is dead, instead of answering yes or no after a fixed time.
 *
 * The longer a node has been silent, measured against how regularly it used to be heard, the higher phi: the negative
 * decimal logarithm of the probability that it is merely late. At phi 1 one suspicion in ten is wrong, at phi 8 one in
 * a hundred million. (Hayashibara, Défago, Yared, Katayama, "The φ Accrual Failure Detector", SRDS 2004, section 4;
 * the normal distribution's tail by the logistic approximation, as in Cassandra and Akka.)
 *
 * Statistics alone are brittle at both ends: after an hour of perfect regularity a pause of a second is "impossible",
 * and after a chaotic hour a dead node seems merely late. Hence a floor below which silence is never suspicious, and a
 * ceiling above which it always is.
 */

export interface PhiAccrualOptions {
  /** The interval that is expected before any has been measured, in milliseconds. */
  readonly firstIntervalMs: number;
  /** Silence up to this is never suspicious, in milliseconds; covers a garbage collection or a busy disk. */
  readonly floorMs: number;
  /** Silence from this on is always suspicious, in milliseconds. */
  readonly ceilingMs: number;
  /** The least standard deviation assumed, in milliseconds; default a quarter of the first interval. */
  readonly deviationMinMs?: number;
  /** Intervals remembered; default 100. */
  readonly window?: number;
}

/** A failure detector for one node: a value that is replaced on every heartbeat. */
export class PhiAccrual {
  readonly #options: PhiAccrualOptions;
  readonly #lastMs: number;
  readonly #intervals: readonly number[];

  private constructor(options: PhiAccrualOptions, lastMs: number, intervals: readonly number[]) {
    this.#options = options;
    this.#lastMs = lastMs;
    this.#intervals = intervals;
  }

  /** The node has just been heard of for the first time. */
  static start(options: PhiAccrualOptions, nowMs: number): PhiAccrual {
    return new PhiAccrual(options, nowMs, [options.firstIntervalMs]);
  }

  /** The node has been heard. A time before the last one counts as the same moment. */
  heard(nowMs: number): PhiAccrual {
    const interval = Math.max(0, nowMs - this.#lastMs);
    const intervals = [...this.#intervals, interval].slice(-(this.#options.window ?? 100));
    return new PhiAccrual(this.#options, Math.max(nowMs, this.#lastMs), intervals);
  }

  /** From 0 (just heard) to `Infinity`. */
  phi(nowMs: number): number {
    const silenceMs = nowMs - this.#lastMs;
    if (silenceMs <= this.#options.floorMs) return 0;
    if (silenceMs >= this.#options.ceilingMs) return Number.POSITIVE_INFINITY;
    const mean = this.#intervals.reduce((sum, interval) => sum + interval, 0) / this.#intervals.length;
    const variance =
      this.#intervals.reduce((sum, interval) => sum + (interval - mean) ** 2, 0) / this.#intervals.length;
    const deviationMin = this.#options.deviationMinMs ?? this.#options.firstIntervalMs / 4;
    return tailPhi((silenceMs - mean) / Math.max(Math.sqrt(variance), deviationMin));
  }

  /** Whether phi has reached a threshold; 8 is usual. */
  isSuspect(nowMs: number, threshold: number): boolean {
    return this.phi(nowMs) >= threshold;
  }

  /** How long the node has been silent, in milliseconds. */
  silenceMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#lastMs);
  }
}

/** `-log10` of the standard normal's probability above `deviations`. */
function tailPhi(deviations: number): number {
  const exponent = deviations * (1.5976 + 0.070566 * deviations * deviations);
  // The tail is 1 / (1 + e^exponent); written so that large exponents do not overflow.
  const logOdds = exponent > 30 ? exponent : Math.log1p(Math.exp(exponent));
  return logOdds / Math.LN10;
}
