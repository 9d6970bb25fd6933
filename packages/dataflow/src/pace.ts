/**
 * Keeps user code from owning the process: now and then an attempt gives the event loop its turn, reports how far it
 * is, and stops when it was told to.
 */
import type { AttemptProgress } from "./attempt-options.js";
import { progressIntervalMs, yieldIntervalMs } from "./limits.js";

/** Times the interval between two turns of the event loop. */
const overdueFactor = 2;

export interface PaceOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: AttemptProgress) => void;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #progress: () => AttemptProgress;
  #restedAt: number = performance.now();
  #reportedAt: number = performance.now();

  /** `progress` is asked only when there is somebody to tell. */
  constructor(options: PaceOptions, progress: () => AttemptProgress) {
    this.#options = options;
    this.#progress = progress;
  }

  /** Whether it is time to call `rest`. */
  isDue(): boolean {
    return performance.now() - this.#restedAt >= yieldIntervalMs;
  }

  /** Whether the last look was far too late: whoever counts records between two looks should count fewer. */
  isOverdue(): boolean {
    return performance.now() - this.#restedAt >= overdueFactor * yieldIntervalMs;
  }

  /** Lets other work run. @throws the signal's reason when the attempt is to stop. */
  async rest(): Promise<void> {
    const now = performance.now();
    if (now - this.#reportedAt >= progressIntervalMs) {
      this.#reportedAt = now;
      this.#options.onProgress(this.#progress());
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#options.signal.throwIfAborted();
    this.#restedAt = performance.now();
  }

  /** `rest`, if it is time. */
  async restWhenDue(): Promise<void> {
    if (this.isDue()) await this.rest();
  }

  /** The last report. */
  finish(): void {
    this.#options.signal.throwIfAborted();
    this.#options.onProgress(this.#progress());
  }
}

/** Whether a user function went on asynchronously. */
export function isThenable(returned: unknown): returned is PromiseLike<unknown> {
  return (
    typeof returned === "object" &&
    returned !== null &&
    typeof (returned as { then?: unknown }).then === "function"
  );
}
