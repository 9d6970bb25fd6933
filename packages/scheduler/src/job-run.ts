/** What the leader knows of a job beyond the table: who runs what right now. Lost with the leader, and rebuilt. */
import { textHash } from "@fanfold/placement";
import type { AttemptId } from "./attempt-id.js";
import type { MapOutputEntry, MapOutputHolder } from "./effect.js";
import type { JobRecord } from "./job-record.js";
import { earlyFetchShare } from "./limits.js";
import { OutputHolders } from "./output-holders.js";
import { PartitionSizes } from "./partition-sizes.js";
import { PendingTasks } from "./pending-tasks.js";
import { splitOf } from "./plan-rules.js";
import { StagePace } from "./stage-pace.js";
import { emptyProgress, type Progress, StageRates } from "./stage-rates.js";
import type { StageTable } from "./stage-table.js";
import { taskDone, taskOutputLost } from "./task-columns.js";

/** The attempt of a task that is believed to run, or has reported its end and waits for the log to say what it means. */
export interface AttemptRun {
  readonly id: AttemptId;
  readonly workerId: string;
  readonly job: JobRun;
  readonly stage: StageRun;
  readonly inputsVersion: number;
  /** When this leader first knew of it. */
  sinceMs: number;
  /** Share of its work that was done then; unknown, for an adopted one, before its first heartbeat. */
  fractionThen: number;
  /** Share of its work that is done, 0 to 1, as far as it tells. */
  fraction: number;
  /** It fetches while outputs that it reads are still being made: it cannot end before it is told of the last. */
  isEarly: boolean;
  /** The leader before started it: how long it has been at work is not known. */
  readonly isAdopted: boolean;
  hasReported: boolean;
  progress: Progress;
}

export class JobRun {
  readonly job: JobRecord;
  stages: StageRun[] = [];
  /** Attempts that occupy a slot. */
  running = 0;
  /**
   * Attempts whose files this leader has told workers to drop. A result of theirs that was on its way then, or comes
   * again, must not be taken.
   */
  readonly dropped: Set<string> = new Set();
  /** Who could not fetch an output, by its reference; see `PeerReach`. */
  readonly unfetched: Map<string, Set<string>> = new Map();
  /** Inherited from another leader: nothing is started before its workers had time to report. */
  isHeld: boolean;
  /** Who has been asked to list the input. */
  helper: string | undefined = undefined;
  isPlanProposed = false;
  isCommitProposed = false;
  isDecisionProposed = false;
  isOutcomeProposed = false;

  constructor(job: JobRecord, isHeld: boolean) {
    this.job = job;
    this.isHeld = isHeld;
    if (job.isPlanned) this.createStages();
  }

  createStages(): void {
    this.stages = this.job.stages.map((stage) => new StageRun(this.job, stage));
  }

  /** Whether some task could start now. */
  get isHungry(): boolean {
    return !this.isHeld && this.job.state === "running" && this.stages.some((stage) => this.canStart(stage));
  }

  /** Whether some task could begin to fetch, ahead of the last of what it reads. */
  get isPatient(): boolean {
    return this.stages.some((stage) => this.canStartEarly(stage));
  }

  /** For the display of how fast it goes. */
  sampleRates(nowMs: number): void {
    for (const { table, live, rates } of this.stages) {
      if (table.startedMs === null) continue;
      const records = (table.metrics.get("recordsIn") ?? 0) + live.recordsIn;
      rates.sample(nowMs, records, (table.metrics.get("bytesIn") ?? 0) + live.bytesIn);
    }
  }

  canStart(stage: StageRun): boolean {
    return stage.pending.size > 0 && this.areInputsThere(stage);
  }

  /**
   * Whether tasks that read this stage's shuffle may begin to fetch: half of it is there, the rest is being made, and
   * nothing of it waits for a slot.
   */
  canStartEarly({ pending, table }: StageRun): boolean {
    const { job } = this;
    const { input, after } = table.stage;
    if (pending.size === 0 || input.type !== "shuffle" || job.spec.options.earlyFetch === false) return false;
    if (this.isHeld || job.state !== "running") return false;
    const source = this.stages[input.from]!;
    const { tasks, done, isDone } = source.table;
    if (isDone || done < tasks * earlyFetchShare || source.pending.size > 0 || source.lossesInFlight > 0) {
      return false;
    }
    return after.every((id) => id === input.from || job.stages[id]!.isDone);
  }

  /** Puts the tasks of a stage that reads a shuffle in the order of what they will have to read, once that is known. */
  sizeUp(stage: StageRun): void {
    const { input } = stage.table.stage;
    if (input.type !== "shuffle" || stage.isSizedUp) return;
    const source = this.stages[input.from]!;
    // Those that begin early go by what is known by then; the others by all.
    stage.isSizedUp = source.table.isDone;
    stage.pending.resize(source.partitionSizes.list(stage.table.tasks));
  }

  /** Whether all that an attempt of this stage would read is made, and not about to be found lost. */
  areInputsThere({ table }: StageRun): boolean {
    if (!this.job.isReady(table)) return false;
    const { input } = table.stage;
    return input.type !== "shuffle" || this.stages[input.from]!.lossesInFlight === 0;
  }
}

/** Where outputs of a stage are, in the form that workers are told. */
export interface OutputLocations {
  readonly holders: readonly MapOutputHolder[];
  readonly entries: readonly MapOutputEntry[];
}

export class StageRun {
  readonly table: StageTable;
  readonly pending: PendingTasks;
  /** One a task at most. A task that is not done is either here or pending. */
  readonly current: Map<number, AttemptRun> = new Map();
  /** Second attempts at tasks whose first one is slow; every task here is in `current` too. */
  readonly backups: Map<number, AttemptRun> = new Map();
  readonly pace: StagePace = new StagePace();
  /** When its attempts were last looked at for stragglers. */
  surveyedMs = 0;
  running = 0;
  /** Highest attempt number known, by task. */
  readonly attempts: Uint32Array;
  /** Of a stage that feeds a shuffle. */
  readonly holders: OutputHolders | undefined;
  /** Who holds second copies. */
  readonly replicas: OutputHolders | undefined;
  /** Tasks whose outputs were made since this leader began, or again; the count is the version of the locations. */
  readonly made: number[] = [];
  /** Tasks that are done as far as the log was followed here: the table itself may be ahead by some commands. */
  doneHeard: number;
  /** Losses of its outputs that are proposed and not yet decided: nothing should be started that reads them. */
  lossesInFlight = 0;
  /** All locations, as of the state that `key` names. */
  locations: (OutputLocations & { readonly key: string }) | undefined = undefined;
  /** Of a stage that feeds a shuffle, as far as this leader was told. */
  readonly partitionSizes: PartitionSizes = new PartitionSizes();
  /** Of a stage that reads a shuffle: its waiting tasks are in the order of their sizes. */
  isSizedUp = false;
  readonly live: Progress = emptyProgress();
  readonly rates: StageRates = new StageRates();

  constructor(job: JobRecord, table: StageTable) {
    this.table = table;
    const isPlaceless = table.stage.input.type === "shuffle";
    this.doneHeard = table.done;
    this.pending = new PendingTasks(taskHashes(job, table), { sizes: splitSizes(job, table), isPlaceless });
    this.attempts = table.columns.attempt.slice();
    for (const [task, records] of table.failures) {
      for (const { attempt } of records) this.noteAttempt(task, attempt);
    }
    this.holders = table.feedsShuffle ? new OutputHolders(table.tasks) : undefined;
    this.replicas = table.feedsShuffle ? new OutputHolders(table.tasks) : undefined;
    table.columns.state.forEach((state, task) => {
      if (state === taskDone) {
        this.pending.remove(task);
        this.noteHolders(job, task);
      } else if (state === taskOutputLost) {
        this.pending.remove(task);
        this.pending.requeue(task);
      }
    });
  }

  /** The table says who holds the task's output now. */
  noteHolders(job: JobRecord, task: number): void {
    const holder = job.workerOf(this.table, task);
    // The job may be over by now, and its table small.
    if (holder === undefined) return;
    this.holders?.set(task, holder);
    const replica = job.replicaOf(this.table, task);
    if (replica === undefined) this.replicas?.clear(task);
    else this.replicas?.set(task, replica);
  }

  /** Whether whoever is told of `made` knows all outputs. */
  get areOutputsKnown(): boolean {
    return this.doneHeard === this.table.tasks;
  }

  /** Of one task, the first attempt before its backup. */
  attemptsOf(task: number): AttemptRun[] {
    const [first, backup] = [this.current.get(task), this.backups.get(task)];
    return [first, backup].filter((attempt) => attempt !== undefined);
  }

  /** Backups first: an attempt that goes while it has a backup is succeeded by it. */
  allAttempts(): AttemptRun[] {
    return [...this.backups.values(), ...this.current.values()];
  }

  noteAttempt(task: number, attempt: number): void {
    this.attempts[task] = Math.max(this.attempts[task]!, attempt);
  }

  isDone(task: number): boolean {
    return this.table.columns.state[task] === taskDone;
  }
}

/** Where a task stands on the ring: by the split that it reads, so that a second job on the same file meets a warm cache. */
export function taskHash(job: JobRecord, stage: StageTable, task: number): number {
  const range = splitOf(job, stage, task)?.ranges[0];
  return textHash(range ? `${range.path}:${range.start}` : `${job.id}:${stage.stage.id}:${task}`);
}

function taskHashes(job: JobRecord, stage: StageTable): Uint32Array {
  const hashes = new Uint32Array(stage.tasks);
  for (let task = 0; task < stage.tasks; task++) hashes[task] = taskHash(job, stage, task);
  return hashes;
}

/** Bytes that each task reads of the input; `undefined` for a stage that reads a shuffle. */
function splitSizes(job: JobRecord, stage: StageTable): Float64Array | undefined {
  if (stage.stage.input.type === "shuffle") return undefined;
  return Float64Array.from({ length: stage.tasks }, (_, task) => {
    const ranges = splitOf(job, stage, task)?.ranges ?? [];
    return ranges.reduce((bytes, { start, end }) => bytes + end - start, 0);
  });
}
