/**
 * The loop around the scheduler: inputs are queued and drained one by one; effects go out in their order; what the
 * log decides is applied to the table and comes back as an input. Nothing awaits in between.
 */
import {
  type Command,
  type Effect,
  type JobSummary,
  type JobTable,
  Scheduler,
  type SchedulerInput,
} from "@fanfold/scheduler";
import type { CommandLog } from "./ports.js";

/** Everything but `propose`, which the engine sees to. */
export type OutwardEffect = Exclude<Effect, { type: "propose" }>;

export interface EngineDependencies {
  readonly log: CommandLog;
  readonly table: JobTable;
  readonly epoch: number;
  perform(effect: OutwardEffect): void;
}

export class Engine {
  readonly #log: CommandLog;
  readonly #table: JobTable;
  readonly #scheduler: Scheduler;
  readonly #perform: (effect: OutwardEffect) => void;
  readonly #queue: SchedulerInput[] = [];
  #isDraining = false;

  constructor(dependencies: EngineDependencies) {
    this.#log = dependencies.log;
    this.#table = dependencies.table;
    this.#perform = (effect) => dependencies.perform(effect);
    this.#scheduler = new Scheduler({ table: dependencies.table, epoch: dependencies.epoch });
    this.#log.onDecided = (index, command) => this.#decided(index, command);
  }

  handle(input: SchedulerInput): void {
    this.#queue.push(input);
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        for (const effect of this.#scheduler.step(next)) {
          if (effect.type === "propose") this.#log.propose(effect.command);
          else this.#perform(effect);
        }
      }
    } finally {
      this.#isDraining = false;
    }
  }

  describeJob(jobId: string): JobSummary | undefined {
    return this.#scheduler.describeJob(jobId);
  }

  describeJobs(): JobSummary[] {
    return [...this.#table.jobs()].flatMap((job) => this.describeJob(job.id) ?? []);
  }

  #decided(index: number, command: Command): void {
    const events = this.#table.apply(command);
    this.handle({ type: "decided", index, command, events });
  }
}
