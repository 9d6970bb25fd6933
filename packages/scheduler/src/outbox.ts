/** The effects of one step, in order. */
import type { Command } from "./command.js";
import type { Effect } from "./effect.js";

export class Outbox {
  #effects: Effect[] = [];
  readonly #changedJobs: Set<string> = new Set();

  add(effect: Effect): void {
    this.#effects.push(effect);
  }

  propose(command: Command): void {
    this.add({ type: "propose", command });
  }

  /** Something that people watch has changed; told once, at the end of the step. */
  changed(jobId: string): void {
    this.#changedJobs.add(jobId);
  }

  drain(): Effect[] {
    for (const jobId of this.#changedJobs) this.add({ type: "jobChanged", jobId });
    this.#changedJobs.clear();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
