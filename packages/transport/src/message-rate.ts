/**
 * Decides whether a peer says more than it may: a token bucket (Turner, "New directions in communications", 1986).
 *
 * Intuition: a bucket holds `burst` tokens and is filled at `perSecond`; whatever is said takes one. Short storms pass,
 * such as a worker that reports all it has after a new leader was found; who goes on like that finds it empty.
 *
 * The rates are some ten times what the busiest honest peer of each kind was measured to need. They are there so that
 * one link cannot take the process from all others, and not to share anything fairly.
 */
import type { Access } from "./roles.js";

export interface RateLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Messages and pings of one link, by what its route is for. */
export const linkRates: Readonly<Record<Access, RateLimit>> = {
  open: { perSecond: 100, burst: 200 },
  // A client asks, waits, and asks again; a program that submits thousands of jobs still keeps below this.
  read: { perSecond: 2_000, burst: 10_000 },
  control: { perSecond: 2_000, burst: 10_000 },
  // Reports of short tasks, heartbeats, lines of jobs.
  work: { perSecond: 10_000, burst: 50_000 },
  // Every command of the log, and its answer, at the rate of a fast disk.
  replicate: { perSecond: 50_000, burst: 200_000 },
  // A chunk of a megabyte is one message.
  fetch: { perSecond: 10_000, burst: 20_000 },
  // A job's code may log as fast as it can. It is slowed down, not cut off: see `throttledAccess`.
  execute: { perSecond: 20_000, burst: 100_000 },
};

/** Links of these are not read from while they are over their rate: who is at the other end is ours, and may wait. */
export const throttledAccess: ReadonlySet<Access> = new Set(["execute"]);

export class MessageRate {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledMs: number;

  constructor(limit: RateLimit, nowMs: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#filledMs = nowMs;
  }

  /** Takes a token; false when there is none. */
  take(nowMs: number): boolean {
    const { perSecond, burst } = this.#limit;
    // A clock that went back fills nothing.
    const passedMs = Math.max(0, nowMs - this.#filledMs);
    this.#tokens = Math.min(burst, this.#tokens + (passedMs * perSecond) / 1_000);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
