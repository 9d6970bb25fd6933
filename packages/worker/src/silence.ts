/** Notices that a link has been silent for too long. */
import type { Cancel, Clock } from "@fanfold/transport";

export interface SilenceHandlers {
  /** Once, when nothing has come for that long. */
  onSilent(): void;
  /** How much has come; where that is told, bytes of a message that is not whole yet count too. */
  receivedBytes?(): number;
  /** Now and then, while something comes. */
  onMoved?(): void;
}

/** Looks so many times in the time that is too long. */
const looks = 4;

export class Silence {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  #heardMs: number;
  #hasMoved = false;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, silenceMs: number) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#heardMs = clock.elapsedMs();
  }

  heard(): void {
    this.#heardMs = this.#clock.elapsedMs();
    this.#hasMoved = true;
  }

  watch({ onSilent, receivedBytes, onMoved }: SilenceHandlers): void {
    this.#heardMs = this.#clock.elapsedMs();
    let knownBytes = 0;
    const look = (): void => {
      const bytes = receivedBytes?.() ?? 0;
      if (bytes !== knownBytes) this.heard();
      knownBytes = bytes;
      if (this.#hasMoved) onMoved?.();
      this.#hasMoved = false;
      if (this.#clock.elapsedMs() - this.#heardMs < this.#silenceMs) return;
      this.end();
      onSilent();
    };
    this.#cancel = this.#clock.every(this.#silenceMs / looks, look, true);
  }

  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
