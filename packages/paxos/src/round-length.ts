/**
 * Decides how long a round of the election lasts: long enough that whoever is alive has answered in it.
 *
 * A fixed length is wrong twice. On a loaded machine a process may not run for longer than that, and a leader is
 * replaced that only was slow; on an idle one there is no reason to wait. So the slowest answer of late is remembered,
 * and half forgotten in every so many ticks: what stalled once will again, but not for ever. An answer that was late
 * without missing its round widens the rounds to come before one is missed. (Chandra and Toueg, "Unreliable Failure
 * Detectors for Reliable Distributed Systems", JACM 1996, section 10: a timeout that grows with each mistake is what
 * makes a detector eventually right where delays have a bound that nobody knows.)
 */

/** Rounds are at most so many times their usual length: a dead leader is replaced within four of them. */
const stretchMax = 2;
/** An answer may take so many times as long as the slowest of late. */
const allowance = 1.5;
/** Of what was remembered, half is forgotten in so many usual rounds. */
const halfLifeRounds = 150;

export class RoundLength {
  readonly #usualTicks: number;
  readonly #heartbeatTicks: number;
  #slowest = 0;
  #at = 0;

  /** A round of `usualTicks` has a heartbeat every `heartbeatTicks`. */
  constructor(usualTicks: number, heartbeatTicks: number) {
    this.#usualTicks = usualTicks;
    this.#heartbeatTicks = heartbeatTicks;
  }

  /** A heartbeat was answered after `roundTripTicks`; more than the longest round says no more than that. */
  answered(roundTripTicks: number, now: number): void {
    this.#slowest = Math.max(this.#remembered(now), Math.min(roundTripTicks, this.#mostTicks));
    this.#at = now;
  }

  /** From the usual length up to twice as much. */
  ticks(now: number): number {
    const needed = this.#heartbeatTicks + Math.ceil(allowance * this.#remembered(now));
    return Math.min(Math.max(needed, this.#usualTicks), this.#mostTicks);
  }

  get #mostTicks(): number {
    return Math.floor(stretchMax * this.#usualTicks);
  }

  #remembered(now: number): number {
    return this.#slowest * 2 ** (-(now - this.#at) / (halfLifeRounds * this.#usualTicks));
  }
}
