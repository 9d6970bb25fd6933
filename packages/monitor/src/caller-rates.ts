/** Decides whether an address asks too often: a bucket of requests for each, strangers' included, so that guessing is slow. */
import { MessageRate, type RateLimit } from "@fanfold/transport";

/** A page that is open asks some five times a second while a job runs; behind one address there may be many. */
export const requestRate: RateLimit = { perSecond: 500, burst: 1_000 };
/** Addresses remembered. Whoever has enough of them to be forgotten has to be kept off by a firewall. */
export const callersMax = 1_000;

export class CallerRates {
  readonly #limit: RateLimit;
  readonly #rates = new Map<string, MessageRate>();

  constructor(limit: RateLimit = requestRate) {
    this.#limit = limit;
  }

  /** False: answer with 429. */
  admits(address: string, nowMs: number): boolean {
    const known = this.#rates.get(address);
    const rate = known ?? new MessageRate(this.#limit, nowMs);
    if (known === undefined) {
      this.#rates.set(address, rate);
      const [oldest] = this.#rates.keys();
      if (this.#rates.size > callersMax && oldest !== undefined) this.#rates.delete(oldest);
    }
    return rate.take(nowMs);
  }
}
