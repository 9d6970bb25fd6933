/**
 * Remembers what has happened, for people. Every replica writes its own from the log, so that a leader that dies takes
 * nothing of it along; only what workers do is known to the leader alone.
 */
import type { ClusterEvent, ClusterEventType } from "@fanfold/protocol";
import type {
  Command,
  FailedAttempt,
  JobTable,
  Quarantine,
  SchedulerInput,
  TableEvent,
} from "@fanfold/scheduler";

/** Events kept; older ones are forgotten. About 200 bytes each. */
const eventsMax = 10_000;
/** Characters of an error that an event quotes; the job's status has it all. */
const quotedCharsMax = 300;

export class EventBook {
  readonly #events: ClusterEvent[] = [];
  readonly #workers = new Set<string>();
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  #index = 0;

  /** A command that was applied to `table`. */
  decided(index: number, command: Command, events: readonly TableEvent[], table: JobTable): void {
    this.#index = index;
    for (const each of eventsOf(command, events, table)) this.#add({ ...each, index });
  }

  /** What the leader hears of its workers; everything else is passed over. */
  heard(input: SchedulerInput, atMs: number): void {
    switch (input.type) {
      case "workerJoined": {
        const { workerId, slots } = input.worker;
        if (this.#workers.has(workerId)) return;
        this.#workers.add(workerId);
        this.#note("workerJoined", atMs, `worker ${workerId} joined with ${slots} slots`);
        return;
      }
      case "workerLost":
        this.#workers.delete(input.workerId);
        this.#note("workerLost", atMs, `worker ${input.workerId} is gone`);
        return;
      case "workerDraining":
        this.#note("workerDraining", atMs, `worker ${input.workerId} takes nothing new`);
        return;
    }
  }

  /** The leader's scheduler leaves a worker out, or tries it again. */
  quarantined(workerId: string, quarantine: Quarantine | undefined, atMs: number): void {
    if (quarantine === undefined) {
      this.#note("quarantineEnded", atMs, `worker ${workerId} is tried again`);
      return;
    }
    const until = new Date(quarantine.untilMs).toISOString();
    this.#note(
      "workerQuarantined",
      atMs,
      `worker ${workerId} gets no tasks until ${until}: ${quarantine.text}`,
    );
  }

  /** The next reign hears of its workers anew. */
  reignEnded(): void {
    this.#workers.clear();
  }

  /** Those behind `afterIndex`, oldest first. */
  list(filter: { readonly afterIndex: number; readonly jobId?: string }): readonly ClusterEvent[] {
    const { afterIndex, jobId } = filter;
    return this.#events.filter(
      (event) => event.index > afterIndex && (jobId === undefined || event.jobId === jobId),
    );
  }

  /** Calls `listener` for each event from now on; the function returned ends that. */
  listen(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #note(type: ClusterEventType, atMs: number, text: string): void {
    this.#add({ index: this.#index, atMs, type, jobId: null, text });
  }

  #add(event: ClusterEvent): void {
    this.#events.push(event);
    if (this.#events.length > eventsMax) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
  }
}

type Told = Omit<ClusterEvent, "index">;

/** What a decided command means to people; most commands mean nothing by themselves. */
export function eventsOf(command: Command, events: readonly TableEvent[], table: JobTable): Told[] {
  const { atMs } = command;
  const told = ofCommand(command, events);
  for (const event of events) {
    if (event.type === "jobStateChanged") told.push(...stateEvent(event, atMs, table));
    if (event.type === "stageDone") {
      const stage = table.job(event.jobId)?.stages[event.stage];
      const text = `${stage?.stage.kind ?? "stage"} stage is done: ${stage?.tasks ?? 0} tasks`;
      told.push({ type: "stageDone", atMs, jobId: event.jobId, text });
    }
  }
  return told;
}

function ofCommand(command: Command, events: readonly TableEvent[]): Told[] {
  const { atMs } = command;
  switch (command.type) {
    case "reignBegan":
      return [{ type: "leaderChanged", atMs, jobId: null, text: `${command.leader} leads` }];
    case "jobSubmitted": {
      const isNew = events.some((event) => event.type === "jobAccepted" && event.isNew);
      const text = `${command.spec.name} was submitted`;
      return isNew ? [{ type: "jobSubmitted", atMs, jobId: command.jobId, text }] : [];
    }
    case "jobPlanned": {
      if (!events.some((event) => event.type === "jobPlanned")) return [];
      const splits = command.from + command.splits.length;
      const text = `the input has ${splits} splits, the output ${command.partitions} partitions`;
      return [{ type: "jobPlanned", atMs, jobId: command.jobId, text }];
    }
    case "attemptsFailed":
      return [...command.failures.map((failure) => failureEvent(failure, atMs)), ...unfetched(events, atMs)];
    case "outputsLost": {
      const lost = events.filter(isOutputLost).length;
      const text = `${outputs(lost)} lost with worker ${command.workerId}`;
      return lost === 0 ? [] : [{ type: "outputsLost", atMs, jobId: command.jobId, text }];
    }
    default:
      return [];
  }
}

/** Outputs that so many readers could not fetch that they are made again, though their worker may live. */
function unfetched(events: readonly TableEvent[], atMs: number): Told[] {
  const lost = new Map<string, number>();
  for (const event of events)
    if (isOutputLost(event)) lost.set(event.jobId, (lost.get(event.jobId) ?? 0) + 1);
  return [...lost].map(([jobId, count]) => {
    const text = `${outputs(count)} lost: nobody can fetch ${count === 1 ? "it" : "them"}`;
    return { type: "outputsLost", atMs, jobId, text };
  });
}

function isOutputLost(event: TableEvent): event is Extract<TableEvent, { type: "taskRequeued" }> {
  return event.type === "taskRequeued" && event.reason === "outputLost";
}

function outputs(count: number): string {
  return count === 1 ? "1 output was" : `${count} outputs were`;
}

const failureTypes = {
  failed: "attemptFailed",
  exited: "attemptExited",
  lost: "attemptLost",
  fetchFailed: "attemptFetchFailed",
} as const;

function failureEvent({ attempt, workerId, kind, error }: FailedAttempt, atMs: number): Told {
  const { jobId, stage, task, attempt: number } = attempt;
  const what = error.message.slice(0, quotedCharsMax);
  const text = `attempt ${number} of task ${stage}.${task} on ${workerId}: ${error.code}: ${what}`;
  return { type: failureTypes[kind], atMs, jobId, text };
}

function stateEvent(
  event: Extract<TableEvent, { type: "jobStateChanged" }>,
  atMs: number,
  table: JobTable,
): Told[] {
  const { jobId, from, state } = event;
  const tell = (type: ClusterEventType, text: string): Told[] => [{ type, atMs, jobId, text }];
  switch (state) {
    case "paused":
      return tell("jobPaused", "paused");
    case "running":
      return from === "paused" ? tell("jobResumed", "resumed") : [];
    case "committing":
      return tell("jobCommitDecided", "the commit is decided");
    case "succeeded":
      return tell("jobSucceeded", "succeeded");
    case "cancelled":
      return tell("jobCancelled", "cancelled");
    case "failed": {
      const error = table.job(jobId)?.error;
      return tell(
        "jobFailed",
        error === undefined ? "failed" : `failed: ${error.code}: ${error.message.slice(0, quotedCharsMax)}`,
      );
    }
    default:
      return [];
  }
}
