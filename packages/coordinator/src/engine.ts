/**
 * One reign: the loop around the scheduler. Inputs are queued and drained one by one; effects go out in their order;
 * what the log has decided comes back as an input. Nothing awaits in between.
 */
import type { CoordinatorState } from "@fanfold/protocol";
import {
  type Effect,
  formatAttemptId,
  type JobSummary,
  Scheduler,
  type SchedulerInput,
  type WorkerSummary,
} from "@fanfold/scheduler";
import type { CommandLog } from "./ports.js";

/** Everything but `propose`, which the engine sees to. */
export type OutwardEffect = Exclude<Effect, { type: "propose" }>;

export interface EngineDependencies {
  readonly log: CommandLog;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  nowMs(): number;
  perform(effect: OutwardEffect): void;
}

/** How exact the times of a job are. */
const clockStepMs = 5;

export class Engine {
  readonly epoch: number;
  readonly #log: CommandLog;
  readonly #scheduler: Scheduler;
  readonly #nowMs: () => number;
  readonly #perform: (effect: OutwardEffect) => void;
  readonly #queue: SchedulerInput[] = [];
  #isDraining = false;
  #toldMs = 0;

  constructor(dependencies: EngineDependencies) {
    this.epoch = dependencies.epoch;
    this.#log = dependencies.log;
    this.#nowMs = () => dependencies.nowMs();
    this.#perform = (effect) => dependencies.perform(effect);
    this.#scheduler = new Scheduler({ table: dependencies.log.table, epoch: dependencies.epoch });
  }

  handle(input: SchedulerInput): void {
    this.#tick();
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

  /** Commands are stamped with the time the scheduler was told last, so it is told often. */
  #tick(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#toldMs < clockStepMs) return;
    this.#toldMs = nowMs;
    this.#queue.push({ type: "tick", nowMs });
  }

  /** What a picture of the cluster shows of this reign's attempts. */
  attempts(): CoordinatorState["attempts"] {
    return this.#scheduler.attempts().map(({ id, workerId, hasReported }) => {
      return { attempt: formatAttemptId(id), workerId, hasReported };
    });
  }

  describeJob(jobId: string): JobSummary | undefined {
    return this.#scheduler.describeJob(jobId);
  }

  describeWorkers(): WorkerSummary[] {
    return this.#scheduler.describeWorkers();
  }

  describeJobs(): JobSummary[] {
    return [...this.#log.table.jobs()].flatMap((job) => this.describeJob(job.id) ?? []);
  }
}
