/** Notices that a link has been silent for too long. */
import type { Cancel, Clock } from "@fanfold/transport";

export class Silence {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  #heardMs: number;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#heardMs = clock.elapsedMs();
  }

  heard(): void {
    this.#heardMs = this.#clock.elapsedMs();
  }

  /** Calls `onSilent` once, when nothing has been heard for that long; looks four times in that time. */
  watch(onSilent: () => void): void {
    this.heard();
    this.#cancel = this.#clock.every(
      this.#silenceMs / 4,
      () => {
        if (this.#clock.elapsedMs() - this.#heardMs < this.#silenceMs) return;
        this.end();
        onSilent();
      },
      true,
    );
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
