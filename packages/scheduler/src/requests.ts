/** Clients that wait for the log to say what has become of their request. */
import type { Command } from "./command.js";
import type { RequestOutcome } from "./effect.js";
import type { JobTable } from "./job-table.js";
import type { Outbox } from "./outbox.js";
import type { SchedulerInput } from "./scheduler-input.js";
import type { TableEvent } from "./table-event.js";

type Submit = Extract<SchedulerInput, { type: "submit" }>;
type Control = Extract<SchedulerInput, { type: "cancel" | "pause" | "resume" }>;

const commandOf = { cancel: "jobCancelRequested", pause: "jobPaused", resume: "jobResumed" } as const;

export class Requests {
  readonly #table: JobTable;
  readonly #outbox: Outbox;
  /** Request ids by what they wait for. */
  readonly #waiting: Map<string, string[]> = new Map();

  constructor(table: JobTable, outbox: Outbox) {
    this.#table = table;
    this.#outbox = outbox;
  }

  submit({ requestId, jobId, key, spec }: Submit, atMs: number): void {
    const known = key === undefined ? undefined : this.#table.jobOfKey(key);
    if (known !== undefined) {
      this.#reply([requestId], this.#accepted(known.id, false));
      return;
    }
    this.#wait(`jobSubmitted ${jobId}`, requestId);
    this.#outbox.propose({ type: "jobSubmitted", jobId, atMs, spec, ...(key === undefined ? {} : { key }) });
  }

  control({ type, requestId, jobId }: Control, atMs: number): void {
    const job = this.#table.job(jobId);
    if (job === undefined) {
      const error = { code: "JOB_UNKNOWN", message: `there is no job ${jobId}` } as const;
      this.#reply([requestId], { ok: false, error });
    } else if (job.isFinished) {
      this.#reply([requestId], this.#accepted(jobId, false));
    } else {
      this.#wait(`${commandOf[type]} ${jobId}`, requestId);
      this.#outbox.propose({ type: commandOf[type], jobId, atMs });
    }
  }

  /** Answers those that waited for this command. */
  noteDecided(command: Command, events: readonly TableEvent[]): void {
    if (!("jobId" in command)) return;
    const name = `${command.type} ${command.jobId}`;
    const requestIds = this.#waiting.get(name);
    if (requestIds === undefined) return;
    this.#waiting.delete(name);
    this.#reply(requestIds, this.#outcomeOf(command.jobId, events));
  }

  #outcomeOf(jobId: string, events: readonly TableEvent[]): RequestOutcome {
    for (const event of events) {
      if (event.type === "jobRefused") return { ok: false, error: event.error };
      if (event.type === "jobAccepted") return this.#accepted(event.jobId, event.isNew);
    }
    return this.#accepted(jobId, events.length > 0);
  }

  #accepted(jobId: string, isNew: boolean): RequestOutcome {
    const job = this.#table.job(jobId);
    if (job === undefined) {
      return { ok: false, error: { code: "JOB_UNKNOWN", message: `there is no job ${jobId}` } };
    }
    return { ok: true, jobId, state: job.state, isNew };
  }

  #wait(name: string, requestId: string): void {
    this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), requestId]);
  }

  #reply(requestIds: readonly string[], outcome: RequestOutcome): void {
    for (const requestId of requestIds) this.#outbox.add({ type: "reply", requestId, outcome });
  }
}
