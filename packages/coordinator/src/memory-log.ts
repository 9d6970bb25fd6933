/** The log of an embedded cluster: it lives as long as the command that runs the job. */
import type { Command } from "@fanfold/scheduler";
import type { CommandLog } from "./ports.js";

export class MemoryLog implements CommandLog {
  onDecided: (index: number, command: Command) => void = () => undefined;
  onFailed: (error: Error) => void = () => undefined;
  readonly #queue: Command[] = [];
  #index = 0;
  #isDraining = false;

  replay(): Promise<void> {
    return Promise.resolve();
  }

  propose(command: Command): void {
    this.#queue.push(command);
    if (this.#isDraining) return;
    this.#isDraining = true;
    // After the step that proposed it: nobody is called back in the middle of what they are doing.
    queueMicrotask(() => this.#drain());
  }

  close(): Promise<void> {
    this.#queue.length = 0;
    return Promise.resolve();
  }

  #drain(): void {
    for (let command = this.#queue.shift(); command !== undefined; command = this.#queue.shift()) {
      this.#index += 1;
      this.onDecided(this.#index, command);
    }
    this.#isDraining = false;
  }
}
