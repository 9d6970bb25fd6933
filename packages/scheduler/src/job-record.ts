/** One job in the replicated table. */
import type { ErrorReport, Split } from "@fanfold/job";
import type { ManifestSummary } from "./command.js";
import { isFinalState, type JobSpec, type JobState } from "./job-spec.js";
import { errorTextMax } from "./limits.js";
import { mainParticipant, type ParticipantRecord, participantsOf } from "./participants.js";
import { forgetSkippedTasks, type Skips } from "./skip-rules.js";
import type { StageTable } from "./stage-table.js";
import type { TableEvent } from "./table-event.js";
import type { Totals } from "./totals.js";

export class JobRecord {
  readonly id: string;
  readonly key: string | undefined;
  readonly spec: JobSpec;
  readonly submittedMs: number;
  state: JobState = "pending";
  isPlanned = false;
  splits: Split[] = [];
  partitions = 0;
  stages: StageTable[] = [];
  /** Workers that hold or made something of this job; columns name them by index. */
  readonly workers: string[] = [];
  readonly counters: Totals = new Map();
  readonly skips: Skips = new Map();
  error: ErrorReport | undefined = undefined;
  manifest: ManifestSummary | undefined = undefined;
  /** In the order of `participantsOf`. */
  readonly participants: readonly ParticipantRecord[];
  preparedMs: number | null = null;
  plannedMs: number | null = null;
  committedMs: number | null = null;
  finishedMs: number | null = null;
  readonly #workerIndexes: Map<string, number> = new Map();

  constructor(id: string, key: string | undefined, spec: JobSpec, submittedMs: number) {
    this.id = id;
    this.key = key;
    this.spec = spec;
    this.submittedMs = submittedMs;
    this.participants = participantsOf(spec).map(() => ({ state: "open", files: [] }));
  }

  /** Whether results and failures of its tasks still count. */
  get takesResults(): boolean {
    return this.state === "running" || (this.state === "paused" && this.isPlanned);
  }

  get isFinished(): boolean {
    return isFinalState(this.state);
  }

  /** Whether every task that makes output has a winner. */
  get areSinksDone(): boolean {
    return this.isPlanned && this.stages.every((stage) => stage.stage.output.type !== "sink" || stage.isDone);
  }

  /** Participants of a job that came to nothing who have not been told so. That of the output folder goes with the job. */
  get owedAborts(): number[] {
    if (!this.isFinished || this.state === "succeeded" || this.committedMs !== null) return [];
    return [...this.participants.keys()].filter(
      (index) => index !== mainParticipant && this.participants[index]!.state !== "aborted",
    );
  }

  workerIndex(workerId: string): number {
    let index = this.#workerIndexes.get(workerId);
    if (index === undefined) {
      index = this.workers.push(workerId) - 1;
      this.#workerIndexes.set(workerId, index);
    }
    return index;
  }

  /** Id of the worker that ran a task's winner. */
  workerOf(stage: StageTable, task: number): string | undefined {
    return this.workers[stage.columns.worker[task] ?? -1];
  }

  /** Id of the worker that holds a second copy of a task's segment. */
  replicaOf(stage: StageTable, task: number): string | undefined {
    return this.workers[stage.columns.replica[task] ?? -1];
  }

  /** Stages that read the shuffle of this one. */
  consumersOf(stage: StageTable): StageTable[] {
    return this.stages.filter(
      ({ stage: { input } }) => input.type === "shuffle" && input.from === stage.stage.id,
    );
  }

  /** The version of what a stage reads; attempts that were started on another do not count. */
  inputsVersionOf(stage: StageTable): number {
    const input = stage.stage.input;
    return input.type === "shuffle" ? this.stages[input.from]!.inputsVersion : 0;
  }

  /** Whether a stage's tasks may start now. */
  isReady(stage: StageTable): boolean {
    return stage.stage.after.every((id) => this.stages[id]!.isDone);
  }

  changeState(state: JobState, atMs: number, events: TableEvent[]): void {
    const from = this.state;
    this.state = state;
    if (isFinalState(state)) this.#finish(atMs);
    events.push({ type: "jobStateChanged", jobId: this.id, from, state });
  }

  fail(error: ErrorReport, atMs: number, events: TableEvent[]): void {
    this.error = clipError(error);
    this.changeState("failed", atMs, events);
  }

  /** What is left of a finished job is small, so that many can be remembered. */
  #finish(atMs: number): void {
    this.finishedMs = atMs;
    this.splits = [];
    forgetSkippedTasks(this.skips);
    this.workers.length = 0;
    this.#workerIndexes.clear();
    for (const stage of this.stages) stage.compact();
  }
}

function clipError(error: ErrorReport): ErrorReport {
  const { stack, ...rest } = error;
  const clipped = { ...rest, message: error.message.slice(0, errorTextMax) };
  return stack === undefined ? clipped : { ...clipped, stack: stack.slice(0, errorTextMax) };
}
