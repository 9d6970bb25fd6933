/** A worker that has been told to go: since when, whether anybody still needs it, and until when it stays at most. */
import type { Cancel, Clock } from "@fanfold/transport";

/** How long a draining worker finishes and serves, unless it is told otherwise. */
export const drainTimeoutMsDefault = 300_000;

export class Drain {
  #onDone: (() => void) | undefined;
  #stopTimer: Cancel | undefined;
  /** The coordinator has said that nobody needs the worker any more. */
  isReleased = false;

  get hasBegun(): boolean {
    return this.#onDone !== undefined;
  }

  /** Resolves at `finish`, or when the time is over. */
  begin(clock: Clock, timeoutMs: number, onTimeout: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#onDone = resolve;
      this.#stopTimer = clock.after(timeoutMs, () => {
        onTimeout();
        resolve();
      });
    });
  }

  finish(): void {
    this.#onDone?.();
  }

  close(): void {
    this.#stopTimer?.();
  }
}
