/** The log of an embedded cluster: one process, which leads from the start, for as long as a command runs. */
import { type Command, JobTable } from "@fanfold/scheduler";
import type { CommandLog, CommandLogEvents, LogSummary } from "./ports.js";

export class MemoryLog implements CommandLog {
  readonly table: JobTable = new JobTable();
  readonly clusterId: string;
  readonly #queue: Command[] = [];
  #events: CommandLogEvents | undefined;
  #index = 0;
  #isDraining = false;

  constructor(clusterId: string) {
    this.clusterId = clusterId;
  }

  start(events: CommandLogEvents): void {
    this.#events = events;
    events.reignBegan(1);
  }

  propose(command: Command): void {
    this.#queue.push(command);
    if (this.#isDraining) return;
    this.#isDraining = true;
    // After the step that proposed it: nobody is called back in the middle of what they are doing.
    queueMicrotask(() => this.#drain());
  }

  confirm(): Promise<void> {
    return Promise.resolve();
  }

  describe(): LogSummary {
    const id = "local";
    return {
      id,
      role: "leader",
      ballot: `1.${id}`,
      believedLeader: id,
      decidedIndex: this.#index,
      members: [id],
    };
  }

  close(): Promise<void> {
    this.#queue.length = 0;
    return Promise.resolve();
  }

  #drain(): void {
    for (let command = this.#queue.shift(); command !== undefined; command = this.#queue.shift()) {
      this.#index += 1;
      this.#events?.decided(this.#index, command, this.table.apply(command));
    }
    this.#isDraining = false;
  }
}
