/**
 * The table as plain data: what a replica writes beside its log before it cuts the log off. Numeric columns become
 * little-endian bytes, so that the snapshot of 200,000 tasks is a few large values and not millions of small ones.
 */
import type { ErrorReport, Split } from "@fanfold/job";
import type { ManifestSummary, PublishedFile } from "./command.js";
import { JobRecord } from "./job-record.js";
import type { JobSpec, JobState } from "./job-spec.js";
import type { ParticipantState } from "./participants.js";
import { type FailureRecord, StageTable } from "./stage-table.js";
import { type Contribution, TaskColumns } from "./task-columns.js";
import type { OutputFile, SkippedRecords } from "./task-result.js";

export interface TableSnapshot {
  readonly version: 2;
  /** Null before the first reign. */
  readonly clusterId: string | null;
  /** Ids of the workers that are here. */
  readonly fleet: readonly string[];
  readonly jobs: readonly JobSnapshot[];
  readonly finished: readonly string[];
}

export interface JobSnapshot {
  readonly id: string;
  readonly key: string | null;
  readonly spec: JobSpec;
  readonly submittedMs: number;
  readonly state: JobState;
  readonly isPlanned: boolean;
  readonly splits: readonly Split[];
  readonly partitions: number;
  readonly stages: readonly StageSnapshot[];
  readonly workers: readonly string[];
  readonly counters: readonly (readonly [string, number])[];
  readonly skips: readonly (readonly [string, SkippedRecords])[];
  readonly error: ErrorReport | null;
  readonly manifest: ManifestSummary | null;
  readonly participants: readonly {
    readonly state: ParticipantState;
    readonly files: readonly PublishedFile[];
  }[];
  readonly preparedMs: number | null;
  readonly plannedMs: number | null;
  readonly committedMs: number | null;
  readonly finishedMs: number | null;
}

export interface StageSnapshot {
  readonly tasks: number;
  readonly done: number;
  readonly won: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly remade: number;
  readonly backupsWon: number;
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
  readonly failures: readonly (readonly [number, readonly FailureRecord[]])[];
  readonly fetchFailures: readonly (readonly [number, number])[];
  readonly fetchRounds: number;
  readonly inputsVersion: number;
  readonly sampleKeys: readonly (readonly [number, readonly Uint8Array[]])[];
  readonly boundaries: readonly Uint8Array[] | null;
  readonly metrics: readonly (readonly [string, number])[];
  readonly columns: ColumnsSnapshot;
}

/** `null` stands for what a task does not have. */
export interface ColumnsSnapshot {
  readonly length: number;
  readonly state: Uint8Array;
  /** Four bytes a task. */
  readonly attempt: Uint8Array;
  /** Eight bytes a task. */
  readonly epoch: Uint8Array;
  /** Four bytes a task. */
  readonly worker: Uint8Array;
  /** Eight bytes a task. */
  readonly segmentBytes: Uint8Array;
  readonly segmentPath: readonly (string | null)[];
  /** Four bytes a task. */
  readonly replica: Uint8Array;
  readonly replicaPath: readonly (string | null)[];
  readonly segmentDigest: readonly (string | null)[];
  readonly outputs: readonly (readonly OutputFile[] | null)[];
  readonly contributions: readonly (Contribution | null)[];
}

export function takeJob(job: JobRecord): JobSnapshot {
  return {
    id: job.id,
    key: job.key ?? null,
    spec: job.spec,
    submittedMs: job.submittedMs,
    state: job.state,
    isPlanned: job.isPlanned,
    splits: [...job.splits],
    partitions: job.partitions,
    stages: job.stages.map(takeStage),
    workers: [...job.workers],
    counters: [...job.counters],
    skips: [...job.skips],
    error: job.error ?? null,
    manifest: job.manifest ?? null,
    participants: job.participants.map((participant) => ({ ...participant })),
    preparedMs: job.preparedMs,
    plannedMs: job.plannedMs,
    committedMs: job.committedMs,
    finishedMs: job.finishedMs,
  };
}

export function restoreJob(taken: JobSnapshot): JobRecord {
  const job = new JobRecord(taken.id, taken.key ?? undefined, taken.spec, taken.submittedMs);
  job.state = taken.state;
  job.isPlanned = taken.isPlanned;
  job.splits = [...taken.splits];
  job.partitions = taken.partitions;
  job.stages = taken.stages.map((stage, id) => restoreStage(taken, stage, id));
  for (const workerId of taken.workers) job.workerIndex(workerId);
  for (const [name, value] of taken.counters) job.counters.set(name, value);
  for (const [task, skipped] of taken.skips) job.skips.set(task, skipped);
  job.error = taken.error ?? undefined;
  job.manifest = taken.manifest ?? undefined;
  for (const [index, participant] of taken.participants.entries()) {
    Object.assign(job.participants[index] ?? {}, participant);
  }
  job.preparedMs = taken.preparedMs;
  job.plannedMs = taken.plannedMs;
  job.committedMs = taken.committedMs;
  job.finishedMs = taken.finishedMs;
  return job;
}

function takeStage(stage: StageTable): StageSnapshot {
  return {
    tasks: stage.tasks,
    done: stage.done,
    won: stage.won,
    failedAttempts: stage.failedAttempts,
    lostAttempts: stage.lostAttempts,
    remade: stage.remade,
    backupsWon: stage.backupsWon,
    startedMs: stage.startedMs,
    finishedMs: stage.finishedMs,
    failures: [...stage.failures].map(([task, records]) => [task, [...records]] as const),
    fetchFailures: [...stage.fetchFailures],
    fetchRounds: stage.fetchRounds,
    inputsVersion: stage.inputsVersion,
    sampleKeys: [...stage.sampleKeys],
    boundaries: stage.boundaries ?? null,
    metrics: [...stage.metrics],
    columns: takeColumns(stage.columns),
  };
}

function restoreStage(job: JobSnapshot, taken: StageSnapshot, id: number): StageTable {
  const stage = new StageTable(job.spec.plan.stages[id]!, taken.tasks);
  stage.columns = restoreColumns(taken.columns);
  stage.done = taken.done;
  stage.won = taken.won;
  stage.failedAttempts = taken.failedAttempts;
  stage.lostAttempts = taken.lostAttempts;
  stage.remade = taken.remade;
  stage.backupsWon = taken.backupsWon;
  stage.startedMs = taken.startedMs;
  stage.finishedMs = taken.finishedMs;
  for (const [task, records] of taken.failures) stage.failures.set(task, [...records]);
  for (const [task, count] of taken.fetchFailures) stage.fetchFailures.set(task, count);
  stage.fetchRounds = taken.fetchRounds;
  stage.inputsVersion = taken.inputsVersion;
  for (const [task, keys] of taken.sampleKeys) stage.sampleKeys.set(task, keys);
  stage.boundaries = taken.boundaries ?? undefined;
  for (const [name, value] of taken.metrics) stage.metrics.set(name, value);
  return stage;
}

function takeColumns(columns: TaskColumns): ColumnsSnapshot {
  return {
    length: columns.length,
    state: columns.state.slice(),
    attempt: toBytes(columns.attempt, 4, (view, at, value) => view.setUint32(at, value, true)),
    epoch: toBytes(columns.epoch, 8, (view, at, value) => view.setFloat64(at, value, true)),
    worker: toBytes(columns.worker, 4, (view, at, value) => view.setInt32(at, value, true)),
    segmentBytes: toBytes(columns.segmentBytes, 8, (view, at, value) => view.setFloat64(at, value, true)),
    segmentPath: columns.segmentPath.map((path) => path ?? null),
    replica: toBytes(columns.replica, 4, (view, at, value) => view.setInt32(at, value, true)),
    replicaPath: columns.replicaPath.map((path) => path ?? null),
    segmentDigest: columns.segmentDigest.map((digest) => digest ?? null),
    outputs: columns.outputs.map((outputs) => outputs ?? null),
    contributions: columns.contributions.map((contribution) => contribution ?? null),
  };
}

function restoreColumns(taken: ColumnsSnapshot): TaskColumns {
  const columns = new TaskColumns(taken.length);
  const [attempt, epoch] = [viewOf(taken.attempt), viewOf(taken.epoch)];
  const [worker, segmentBytes] = [viewOf(taken.worker), viewOf(taken.segmentBytes)];
  const replica = viewOf(taken.replica);
  columns.state.set(taken.state);
  for (let task = 0; task < taken.length; task++) {
    columns.attempt[task] = attempt.getUint32(4 * task, true);
    columns.epoch[task] = epoch.getFloat64(8 * task, true);
    columns.worker[task] = worker.getInt32(4 * task, true);
    columns.segmentBytes[task] = segmentBytes.getFloat64(8 * task, true);
    columns.segmentPath[task] = taken.segmentPath[task] ?? undefined;
    columns.replica[task] = replica.getInt32(4 * task, true);
    columns.replicaPath[task] = taken.replicaPath[task] ?? undefined;
    columns.segmentDigest[task] = taken.segmentDigest[task] ?? undefined;
    columns.outputs[task] = taken.outputs[task] ?? undefined;
    columns.contributions[task] = taken.contributions[task] ?? undefined;
  }
  return columns;
}

function toBytes(
  column: ArrayLike<number>,
  width: number,
  set: (view: DataView, at: number, value: number) => void,
): Uint8Array {
  const bytes = new Uint8Array(column.length * width);
  const view = viewOf(bytes);
  for (let i = 0; i < column.length; i++) set(view, i * width, column[i]!);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
