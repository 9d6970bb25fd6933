/** One stage of one job in the replicated table: its tasks, its counts, and what its failures have come to. */
import type { Stage } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";
import { TaskColumns } from "./task-columns.js";
import type { FailureKind } from "./task-result.js";
import type { Totals } from "./totals.js";

/** Recorded so that a report that comes twice counts once, and for people to read. */
export interface FailureRecord {
  readonly attempt: number;
  readonly epoch: number;
  readonly workerId: string;
  readonly kind: FailureKind;
  readonly message: string;
  /** The record or key that the code failed at, as far as it is known. */
  readonly record?: string;
}

export class StageTable {
  readonly stage: Stage;
  readonly tasks: number;
  columns: TaskColumns;
  /** Tasks in state `taskDone`. */
  done = 0;
  /** Tasks that have ever had a winner. Never falls. */
  won = 0;
  /** Attempts that ended badly, those lost not included. */
  failedAttempts = 0;
  lostAttempts = 0;
  /** Outputs that were lost, and have been made again. */
  remade = 0;
  /** Second attempts that have overtaken the first. */
  backupsWon = 0;
  /** Since when tasks may run; `null` while stages before it are not done for the first time. */
  startedMs: number | null = null;
  finishedMs: number | null = null;
  /** Of the few tasks that have failed. */
  readonly failures: Map<number, FailureRecord[]> = new Map();
  /** Reports against the output at hand of a task. */
  readonly fetchFailures: Map<number, number> = new Map();
  /** How often the stage was done and had to be opened again since its outputs could not be fetched. */
  fetchRounds = 0;
  /** How often a re-made output differed from the one before: the version of what consumers read. */
  inputsVersion = 0;
  /** Sample stages: keys by task, until the boundaries are computed from them. */
  readonly sampleKeys: Map<number, readonly Uint8Array[]> = new Map();
  /** Of a stage that a sample is taken for. */
  boundaries: readonly Uint8Array[] | undefined = undefined;
  readonly metrics: Totals = new Map();

  constructor(stage: Stage, tasks: number) {
    this.stage = stage;
    this.tasks = tasks;
    this.columns = new TaskColumns(tasks);
  }

  get isDone(): boolean {
    return this.startedMs !== null && this.done === this.tasks;
  }

  get feedsShuffle(): boolean {
    return this.stage.output.type === "shuffle";
  }

  /** Whether it has a task of this number, and still knows about it. */
  hasTask(task: number): boolean {
    return Number.isInteger(task) && task >= 0 && task < this.columns.length;
  }

  /** Forgets the tasks, when the job is over; counts stay. */
  compact(): void {
    this.columns = new TaskColumns(0);
    this.failures.clear();
    this.fetchFailures.clear();
    this.sampleKeys.clear();
    this.boundaries = undefined;
  }

  /** Counts a failure once; `false` if it is known. */
  recordFailure(id: AttemptId, record: FailureRecord): boolean {
    const records = this.failures.get(id.task) ?? [];
    if (records.some((known) => known.attempt === id.attempt && known.epoch === id.epoch)) return false;
    records.push(record);
    this.failures.set(id.task, records);
    this.failedAttempts += 1;
    return true;
  }

  /** Whether an attempt at the task ended with its process, and nobody knows at which record. */
  hasUntoldFailure(task: number): boolean {
    const records = this.failures.get(task);
    return records?.some(({ kind, record }) => kind !== "fetchFailed" && record === undefined) ?? false;
  }

  failuresOf(task: number, kind: FailureKind): number {
    const records = this.failures.get(task);
    return records === undefined ? 0 : records.filter((record) => record.kind === kind).length;
  }
}
