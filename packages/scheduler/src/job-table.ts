/**
 * Decides what has happened: the replicated table of jobs, a deterministic state machine over the log (Schneider,
 * "Implementing Fault-Tolerant Services Using the State Machine Approach", ACM Computing Surveys 1990). Replicas that
 * have applied the same commands hold the same table, so no clock, random number or identity of the replica may enter.
 * Commands are total: one that does not fit the state changes nothing, since an old leader's last proposals may be
 * decided after a new leader has begun.
 */
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import type {
  Command,
  JobPlanned,
  JobSubmitted,
  ParticipantCommitted,
  ParticipantPrepared,
} from "./command.js";
import { applyFailure } from "./failure-rules.js";
import { JobRecord } from "./job-record.js";
import { isFinalState, type JobState } from "./job-spec.js";
import { finishedJobsMax, tasksPerStageMax, unfinishedJobsMax } from "./limits.js";
import { foldersOf, type ParticipantState } from "./participants.js";
import { plainChecksum } from "./plain-checksum.js";
import { checkPlan, createStages, openStages } from "./plan-rules.js";
import { loseCopies } from "./replica-rules.js";
import { applyResult } from "./result-rules.js";
import type { TableEvent } from "./table-event.js";
import { restoreJob, type TableSnapshot, takeJob } from "./table-snapshot.js";

const jobIdPattern = /^[\w.-]{1,100}$/;

export class JobTable {
  /** In the order of submission. */
  readonly #jobs: Map<string, JobRecord> = new Map();
  readonly #jobOfKey: Map<string, string> = new Map();
  /** Ids of the jobs that are over, in the order they ended. */
  readonly #finished: Set<string> = new Set();
  readonly #fleet: Set<string> = new Set();
  #clusterId: string | null = null;

  /** Applies one decided command; call it with every command, in log order. Gives what changed. */
  apply(command: Command): TableEvent[] {
    const events: TableEvent[] = [];
    this.#applyTo(command, events);
    for (const event of events) {
      if (event.type === "jobStateChanged" && isFinalState(event.state)) this.#finished.add(event.jobId);
    }
    return events;
  }

  /** What the first reign named the cluster: replicas, workers and clients know it by that name. */
  get clusterId(): string | null {
    return this.#clusterId;
  }

  /** Ids of the workers that were here when the log last heard of them. */
  get fleet(): ReadonlySet<string> {
    return this.#fleet;
  }

  job(jobId: string): JobRecord | undefined {
    return this.#jobs.get(jobId);
  }

  /** In the order of submission. */
  jobs(): IterableIterator<JobRecord> {
    return this.#jobs.values();
  }

  /** The job that was submitted with an idempotency key. */
  jobOfKey(key: string): JobRecord | undefined {
    return this.#jobs.get(this.#jobOfKey.get(key) ?? "");
  }

  /** Jobs over the number that is kept, oldest first: the leader proposes to forget them. */
  jobsToDiscard(): string[] {
    return [...this.#finished].slice(0, Math.max(0, this.#finished.size - finishedJobsMax));
  }

  /** All of the table as plain data (objects, arrays, strings, numbers, bytes), for the log's snapshot. */
  toSnapshot(): TableSnapshot {
    const jobs = [...this.#jobs.values()].map(takeJob);
    const [fleet, finished] = [[...this.#fleet], [...this.#finished]];
    return { version: 2, clusterId: this.#clusterId, fleet, jobs, finished };
  }

  /** @throws `LOG_CORRUPT` for a snapshot of another version. */
  static fromSnapshot(snapshot: TableSnapshot): JobTable {
    if (snapshot.version !== 2)
      throw new FanfoldError("LOG_CORRUPT", "job table snapshot of an unknown version");
    const table = new JobTable();
    table.#clusterId = snapshot.clusterId;
    for (const workerId of snapshot.fleet) table.#fleet.add(workerId);
    for (const taken of snapshot.jobs) {
      const job = restoreJob(taken);
      table.#jobs.set(job.id, job);
      if (job.key !== undefined) table.#jobOfKey.set(job.key, job.id);
    }
    for (const jobId of snapshot.finished) table.#finished.add(jobId);
    return table;
  }

  /** The same on all replicas that have applied the same commands: 16 hex digits over all of the table. */
  checksum(): string {
    return plainChecksum(this.toSnapshot());
  }

  #applyTo(command: Command, events: TableEvent[]): void {
    switch (command.type) {
      case "jobSubmitted":
        this.#submit(command, events);
        break;
      case "tasksFinished":
        for (const result of command.results) {
          applyResult(this.#jobs.get(result.attempt.jobId), result, command.atMs, events);
        }
        break;
      case "attemptsFailed":
        for (const failure of command.failures) {
          applyFailure(this.#jobs.get(failure.attempt.jobId), failure, command.atMs, events);
        }
        break;
      case "jobDiscarded":
        this.#discard(command.jobId, events);
        break;
      case "participantAborted":
        noteAborted(this.#jobs.get(command.jobId), command.participant, events);
        break;
      case "fleetChanged":
        for (const workerId of command.joined) this.#fleet.add(workerId);
        for (const workerId of command.left) this.#fleet.delete(workerId);
        break;
      case "reignBegan":
        this.#clusterId ??= command.clusterId;
        break;
      default: {
        const job = this.#jobs.get(command.jobId);
        if (job !== undefined && !job.isFinished) applyToJob(job, command, events);
      }
    }
  }

  #submit(command: JobSubmitted, events: TableEvent[]): void {
    const { jobId: requestedJobId, key, spec } = command;
    const known = (key === undefined ? undefined : this.jobOfKey(key)) ?? this.#jobs.get(requestedJobId);
    if (known !== undefined) {
      events.push({ type: "jobAccepted", requestedJobId, jobId: known.id, isNew: false });
      return;
    }
    const error = this.#refusal(command);
    if (error !== undefined) {
      events.push({ type: "jobRefused", requestedJobId, error });
      return;
    }
    this.#jobs.set(requestedJobId, new JobRecord(requestedJobId, key, spec, command.atMs));
    if (key !== undefined) this.#jobOfKey.set(key, requestedJobId);
    events.push({ type: "jobAccepted", requestedJobId, jobId: requestedJobId, isNew: true });
  }

  #refusal({ jobId, spec }: JobSubmitted): ErrorReport | undefined {
    if (!jobIdPattern.test(jobId))
      return { code: "JOB_INVALID", message: `not a job id: ${jobId.slice(0, 100)}` };
    try {
      checkPlan(spec.plan);
    } catch (error) {
      return FanfoldError.from(error, "JOB_INVALID").toReport();
    }
    if (this.#jobs.size - this.#finished.size >= unfinishedJobsMax) {
      return { code: "LIMIT_EXCEEDED", message: `there are ${unfinishedJobsMax} unfinished jobs already` };
    }
    const wanted = new Set(foldersOf(spec));
    if (wanted.size === 0) return undefined;
    for (const other of this.#jobs.values()) {
      const out = other.isFinished ? undefined : foldersOf(other.spec).find((folder) => wanted.has(folder));
      if (out === undefined) continue;
      const details = { out, jobId: other.id };
      return { code: "OUTPUT_BUSY", message: `job ${other.id} is about to write to ${out}`, details };
    }
    return undefined;
  }

  #discard(jobId: string, events: TableEvent[]): void {
    const job = this.#jobs.get(jobId);
    if (job === undefined || !job.isFinished) return;
    this.#jobs.delete(jobId);
    this.#finished.delete(jobId);
    if (job.key !== undefined) this.#jobOfKey.delete(job.key);
    events.push({ type: "jobForgotten", jobId });
  }
}

type JobCommand = Exclude<
  Command,
  | { type: "jobSubmitted" }
  | { type: "tasksFinished" }
  | { type: "attemptsFailed" }
  | { type: "jobDiscarded" }
  | { type: "participantAborted" }
  | { type: "fleetChanged" }
  | { type: "reignBegan" }
>;

/** The transitions of a job that is not over; the README has them as a table. */
function applyToJob(job: JobRecord, command: JobCommand, events: TableEvent[]): void {
  switch (command.type) {
    case "jobPlanned":
      plan(job, command, events);
      break;
    case "outputsLost":
      loseCopies(job, command, events);
      break;
    case "participantPrepared":
    case "participantCommitted":
      noteParticipant(job, command, events);
      break;
    case "jobFailed":
      job.fail(command.error, command.atMs, events);
      break;
    default: {
      const state = nextState(job, command);
      if (state === undefined) return;
      if (command.type === "jobPrepareBegan") job.preparedMs = command.atMs;
      if (command.type === "jobCommitDecided") job.committedMs = command.atMs;
      if (command.type === "jobPublished") job.manifest = command.manifest;
      job.changeState(state, command.atMs, events);
    }
  }
}

type StateCommand = Exclude<
  JobCommand,
  | { type: "jobPlanned" }
  | { type: "outputsLost" }
  | { type: "jobFailed" }
  | { type: "participantPrepared" }
  | { type: "participantCommitted" }
>;

/** `undefined`: the command does not fit the job's state. */
function nextState(job: JobRecord, command: StateCommand): JobState | undefined {
  const { state } = job;
  switch (command.type) {
    case "jobPaused":
      return state === "pending" || state === "running" ? "paused" : undefined;
    case "jobResumed":
      return state === "paused" ? (job.isPlanned ? "running" : "pending") : undefined;
    case "jobCancelRequested":
      return state === "committing" ? undefined : "cancelled";
    case "jobPrepareBegan":
      return state === "running" && job.areSinksDone ? "preparing" : undefined;
    case "jobCommitDecided":
      return state === "preparing" && areAll(job, "prepared") ? "committing" : undefined;
    case "jobPublished":
      return state === "committing" && areAll(job, "committed") ? "succeeded" : undefined;
  }
}

function areAll(job: JobRecord, state: ParticipantState): boolean {
  return job.participants.every((participant) => participant.state === state);
}

function noteParticipant(
  job: JobRecord,
  command: ParticipantPrepared | ParticipantCommitted,
  events: TableEvent[],
): void {
  const participant = job.participants[command.participant];
  const isVote = command.type === "participantPrepared";
  const [jobState, before] = isVote
    ? (["preparing", "open"] as const)
    : (["committing", "prepared"] as const);
  if (participant === undefined || job.state !== jobState || participant.state !== before) return;
  participant.state = isVote ? "prepared" : "committed";
  if (isVote) participant.files = command.files;
  events.push({ type: "participantChanged", jobId: job.id, participant: command.participant });
}

function noteAborted(job: JobRecord | undefined, index: number, events: TableEvent[]): void {
  const participant = job?.participants[index];
  if (job === undefined || participant === undefined || !job.owedAborts.includes(index)) return;
  participant.state = "aborted";
  events.push({ type: "participantChanged", jobId: job.id, participant: index });
}

function plan(job: JobRecord, command: JobPlanned, events: TableEvent[]): void {
  if (job.isPlanned) return;
  if (command.from === 0) job.splits = [];
  if (command.from !== job.splits.length) return;
  for (const split of command.splits) job.splits.push(split);
  if (Math.max(job.splits.length, command.partitions) > tasksPerStageMax) {
    const message = `the job has more than ${tasksPerStageMax} splits or partitions`;
    job.fail({ code: "LIMIT_EXCEEDED", message }, command.atMs, events);
    return;
  }
  if (!command.isLast) return;
  job.partitions = command.partitions;
  job.isPlanned = true;
  job.plannedMs = command.atMs;
  job.stages = createStages(job);
  if (job.state === "pending") job.changeState("running", command.atMs, events);
  events.push({ type: "jobPlanned", jobId: job.id });
  openStages(job, command.atMs, events);
}
