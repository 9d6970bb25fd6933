/**
 * Remembers what has happened, for the page and for `fanfold report`: an observer that is shown what goes into the
 * scheduler, what comes out of it, and what the log decides, and that decides nothing itself.
 *
 * What comes from the log every replica sees, so every replica can show how each attempt ended; a leader also sees
 * when attempts start, and which workers there are. So a new leader has the job's whole past but the starts of the
 * attempts that were running, and those it learns when they end, since an attempt says how long it took.
 */
import type {
  AttemptId,
  Command,
  Quarantine,
  SchedulerInput,
  TableEvent,
  TaskAssignment,
} from "@fanfold/scheduler";
import { compareEventIds, type EventLevel, EventList, type HistoryEvent } from "./history-event.js";
import { type AttemptEnd, JobHistory } from "./job-history.js";
import { attemptsMax, clusterEventsMax, reignsMax } from "./limits.js";
import { SlotLanes } from "./slot-lanes.js";

export interface Reign {
  /** Log index of the leader's first command. */
  readonly epoch: number;
  readonly leader: string;
  readonly atMs: number;
}

export interface EndedAttempt extends AttemptEnd {
  readonly attempt: AttemptId;
  readonly workerId: string;
  readonly durationMs: number;
}

export interface HistoryListener {
  /** Whether the job is in the table: what is told of others is dropped. */
  isKnown(jobId: string): boolean;
  /** By a report in the log. `durationMs` is NaN where nobody saw it start and it does not say. */
  attemptEnded(end: EndedAttempt): void;
  attemptsChanged(jobId: string): void;
  eventAdded(event: HistoryEvent): void;
}

/** What is told of a step towards the output; the other states are told by their names. */
const commitSteps: Readonly<Record<string, string>> = {
  preparing: "committing: its output is being put together",
  committing: "committing: it is decided, and its output is being published",
};

/** Rows of all jobs are counted only so often. */
const resultsPerLook = 1_000;

type Input<T extends SchedulerInput["type"]> = Extract<SchedulerInput, { type: T }>;

export class ClusterHistory {
  readonly #jobs = new Map<string, JobHistory>();
  readonly #events = new EventList(clusterEventsMax);
  readonly #reigns: Reign[] = [];
  readonly #lanes = new SlotLanes();
  /** In the order they ended: whose rows go first. */
  readonly #ended: string[] = [];
  readonly #listener: HistoryListener;
  #index = 0;
  #number = 0;
  /** Results since the rows were counted last. */
  #sinceRoom = 0;

  constructor(listener: HistoryListener) {
    this.#listener = listener;
  }

  job(jobId: string): JobHistory | undefined {
    return this.#jobs.get(jobId);
  }

  get reigns(): readonly Reign[] {
    return this.#reigns;
  }

  /** Of one job, or of all and the cluster; those after `afterId`, oldest first. */
  events(jobId: string | undefined, afterId = ""): HistoryEvent[] {
    const lists =
      jobId === undefined
        ? [this.#events, ...[...this.#jobs.values()].map(({ events }) => events)]
        : [this.#jobs.get(jobId)?.events];
    const events = lists.flatMap((list) => list?.all() ?? []);
    const later = afterId === "" ? events : events.filter(({ id }) => compareEventIds(id, afterId) > 0);
    return later.sort((a, b) => compareEventIds(a.id, b.id));
  }

  get lastEventId(): string {
    return `${this.#index}.${this.#number}`;
  }

  /** An order to start a task goes out. */
  assigned(workerId: string, { attempt }: TaskAssignment, atMs: number): void {
    this.#jobOf(attempt.jobId).started(attempt, workerId, atMs);
    this.#listener.attemptsChanged(attempt.jobId);
  }

  /** The leader counts on it no more, and may give its slot to another at once. */
  stopOrdered(workerId: string, attempt: AttemptId, atMs: number): void {
    this.#jobs.get(attempt.jobId)?.reported(attempt, workerId, atMs);
  }

  /** The scheduler leaves a worker out for a while. */
  quarantined(workerId: string, { text, untilMs }: Quarantine, atMs: number): void {
    const until = new Date(untilMs).toISOString();
    this.#tell(
      "workerQuarantined",
      "warn",
      null,
      atMs,
      `worker ${workerId} gets no tasks until ${until}: ${text}`,
    );
  }

  quarantineEnded(workerId: string, atMs: number): void {
    this.#tell("quarantineEnded", "info", null, atMs, `worker ${workerId} is tried again`);
  }

  /** Something is told to the scheduler. */
  observe(input: SchedulerInput, atMs: number): void {
    switch (input.type) {
      case "decided":
        this.#decided(input);
        return;
      case "workerJoined": {
        const { worker, running } = input;
        for (const { attempt } of running) this.#adopted(attempt, worker.workerId, atMs);
        this.#tell(
          "workerJoined",
          "info",
          null,
          atMs,
          `worker ${worker.workerId} joined with ${worker.slots} slots`,
        );
        return;
      }
      case "workerLost":
        this.#tell("workerLost", "warn", null, atMs, `worker ${input.workerId} is gone`);
        this.#lanes.forget(input.workerId);
        return;
      case "workerDraining":
        this.#tell("workerDraining", "info", null, atMs, `worker ${input.workerId} drains`);
        return;
      case "attemptReported":
        if (input.report.type === "stopped") this.#stopped(input.workerId, input.report.attempt, atMs);
        else this.#jobs.get(input.report.attempt.jobId)?.reported(input.report.attempt, input.workerId, atMs);
        return;
      default:
        return;
    }
  }

  #adopted(attempt: AttemptId, workerId: string, atMs: number): void {
    const job = this.#knownJob(attempt.jobId);
    if (job === undefined || job.isRunning(attempt)) return;
    job.adopted(attempt, workerId, atMs);
    this.#listener.attemptsChanged(attempt.jobId);
  }

  #stopped(workerId: string, attempt: AttemptId, atMs: number): void {
    const job = this.#jobs.get(attempt.jobId);
    if (job?.isRunning(attempt) !== true) return;
    job.ended(attempt, workerId, { state: "stopped", endMs: atMs });
    this.#listener.attemptsChanged(attempt.jobId);
  }

  #decided({ index, command, events }: Input<"decided">): void {
    if (index > this.#index) {
      this.#index = index;
      this.#number = 0;
    }
    if (command.type === "reignBegan") this.#reignBegan(index, command);
    if (command.type === "tasksFinished") this.#finished(command, events);
    if (command.type === "attemptsFailed") this.#failed(command);
    for (const event of events) this.#note(event, command);
  }

  #reignBegan(epoch: number, { leader, atMs }: Extract<Command, { type: "reignBegan" }>): void {
    this.#reigns.push({ epoch, leader, atMs });
    if (this.#reigns.length > reignsMax) this.#reigns.shift();
    this.#tell("reignBegan", "info", null, atMs, `${leader} leads, epoch ${epoch}`);
  }

  #finished(
    { results, atMs }: Extract<Command, { type: "tasksFinished" }>,
    events: readonly TableEvent[],
  ): void {
    const won = new Map<string, boolean>();
    for (const event of events) {
      if (event.type === "attemptWon") won.set(keyOf(event.attempt), event.isRepeat);
    }
    const changed = new Set<string>();
    for (const { attempt, workerId, result } of results) {
      const job = this.#knownJob(attempt.jobId);
      const isRepeat = won.get(keyOf(attempt));
      if (job === undefined || (isRepeat === true && !job.isRunning(attempt))) continue;
      const state = isRepeat === undefined ? "refused" : "won";
      this.#end(job, attempt, workerId, { state, endMs: atMs, metrics: result.metrics });
      const sizes = result.segment?.partitionSizes;
      if (state === "won" && sizes !== undefined)
        job.shuffled(attempt.stage, result.segment?.partitions ?? sizes.length, workerId, sizes);
      changed.add(attempt.jobId);
    }
    for (const jobId of changed) this.#listener.attemptsChanged(jobId);
    this.#sinceRoom += results.length;
    if (this.#sinceRoom >= resultsPerLook) this.#makeRoom();
  }

  #failed({ failures, atMs }: Extract<Command, { type: "attemptsFailed" }>): void {
    for (const { attempt, workerId, kind, error } of failures) {
      const job = this.#knownJob(attempt.jobId);
      if (job === undefined) continue;
      this.#end(job, attempt, workerId, { state: kind, endMs: atMs });
      this.#listener.attemptsChanged(attempt.jobId);
      const level = kind === "lost" ? "warn" : "error";
      const text = `stage ${attempt.stage} task ${attempt.task} attempt ${attempt.attempt} ${kind} on ${workerId}: ${error.message}`;
      this.#tell(`attempt ${kind}`, level, attempt.jobId, atMs, text, {
        stage: attempt.stage,
        task: attempt.task,
        attempt: attempt.attempt,
        worker: workerId,
      });
    }
  }

  #note(event: TableEvent, command: Command): void {
    const atMs = command.atMs;
    switch (event.type) {
      case "jobAccepted":
        if (!event.isNew || command.type !== "jobSubmitted") return;
        this.#jobOf(event.jobId);
        this.#tell("submitted", "info", event.jobId, atMs, `${command.spec.name} was submitted`);
        return;
      case "jobPlanned":
        this.#tell("planned", "info", event.jobId, atMs, "the input is listed and the stages are planned");
        return;
      case "stageDone":
        this.#tell("stageDone", "info", event.jobId, atMs, `stage ${event.stage} is done`);
        return;
      case "taskRequeued": {
        if (event.reason !== "outputLost" && event.reason !== "inputsChanged") return;
        const why = event.reason === "outputLost" ? "its output was lost" : "what it read has changed";
        this.#tell(
          "taskRequeued",
          "warn",
          event.jobId,
          atMs,
          `stage ${event.stage} task ${event.task} is run again: ${why}`,
        );
        return;
      }
      case "outputsChanged":
        this.#tell(
          "outputsChanged",
          "warn",
          event.jobId,
          atMs,
          `an output of stage ${event.stage} differs from the one before: its readers start over`,
        );
        return;
      case "jobStateChanged":
        this.#jobStateChanged(event, command);
        return;
      case "jobForgotten":
        this.#forget(event.jobId);
        return;
      default:
        return;
    }
  }

  #jobStateChanged(
    { jobId, state }: Extract<TableEvent, { type: "jobStateChanged" }>,
    command: Command,
  ): void {
    const isFailed = state === "failed";
    const why = command.type === "jobFailed" ? `: ${command.error.message}` : "";
    const shown = commitSteps[state] ?? `${state}${why}`;
    const type = `job ${state === "preparing" ? "committing" : state}`;
    this.#tell(type, isFailed ? "error" : "info", jobId, command.atMs, `the job is ${shown}`);
    if (state !== "succeeded" && state !== "failed" && state !== "cancelled") return;
    this.#jobs.get(jobId)?.stopAll(command.atMs);
    this.#ended.push(jobId);
    this.#listener.attemptsChanged(jobId);
    this.#makeRoom();
  }

  #forget(jobId: string): void {
    this.#jobs.delete(jobId);
    const at = this.#ended.indexOf(jobId);
    if (at >= 0) this.#ended.splice(at, 1);
  }

  /** Jobs that ended longest ago lose their attempts; their events and sums stay. */
  #makeRoom(): void {
    this.#sinceRoom = 0;
    let rows = 0;
    for (const job of this.#jobs.values()) rows += job.attempts.length;
    for (const jobId of this.#ended) {
      if (rows <= attemptsMax) return;
      const job = this.#jobs.get(jobId);
      rows -= job?.attempts.length ?? 0;
      job?.evict();
    }
  }

  #end(job: JobHistory, attempt: AttemptId, workerId: string, end: AttemptEnd): void {
    const startMs = job.ended(attempt, workerId, end);
    const durationMs = end.endMs - (startMs ?? Number.NaN);
    this.#listener.attemptEnded({ ...end, attempt, workerId, durationMs });
  }

  /** A job that came with a snapshot of the table has no history yet. */
  #knownJob(jobId: string): JobHistory | undefined {
    return this.#listener.isKnown(jobId) ? this.#jobOf(jobId) : undefined;
  }

  #jobOf(jobId: string): JobHistory {
    let job = this.#jobs.get(jobId);
    if (job === undefined) {
      job = new JobHistory(jobId, this.#lanes);
      this.#jobs.set(jobId, job);
    }
    return job;
  }

  #tell(
    kind: string,
    level: EventLevel,
    jobId: string | null,
    atMs: number,
    text: string,
    attempt?: HistoryEvent["attempt"],
  ): void {
    this.#number += 1;
    const id = this.lastEventId;
    const event = { id, atMs, kind, level, jobId, text, ...(attempt === undefined ? {} : { attempt }) };
    (jobId === null ? this.#events : this.#knownJob(jobId)?.events)?.add(event);
    this.#listener.eventAdded(event);
  }
}

function keyOf({ jobId, stage, task, attempt, epoch }: AttemptId): string {
  return `${jobId}/${stage}/${task}/${attempt}/${epoch}`;
}
