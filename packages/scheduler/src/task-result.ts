/** What attempts report, and in which form the log keeps it. */
import type { ErrorReport } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";

/** One staged output file of one attempt. */
export interface OutputFile {
  /** `part` for the main output, `records`, or the name of a named output. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly records: number;
  /** SHA-256 in hex. */
  readonly sha256: string;
}

/** Where a map attempt left the data of the shuffle, on its own worker. */
export interface SegmentSummary {
  readonly path: string;
  readonly bytes: number;
  /** Of the logical content: two runs of a deterministic task have the same. */
  readonly digest: string;
  /** Another worker that holds the same file, and where: what is read when the first is gone. */
  readonly replica?: SegmentReplica;
  /** Partitions of the shuffle, and roughly how large each (or each group of neighbours) is; for people to read. */
  readonly partitions?: number;
  readonly partitionSizes?: Uint8Array;
}

export interface SegmentReplica {
  readonly workerId: string;
  readonly path: string;
}

export interface SkippedRecords {
  readonly count: number;
  /** The first few, as text for people. */
  readonly first: readonly string[];
}

export interface TaskResult {
  /** Of a task whose stage feeds a shuffle. */
  readonly segment?: SegmentSummary;
  /** Of a sample task: encoded keys, ascending by bytes. */
  readonly keys?: readonly Uint8Array[];
  readonly outputs: readonly OutputFile[];
  /** The user's counters. */
  readonly counters: Readonly<Record<string, number>>;
  /** Bad records that the attempt has skipped; unset where there are none. */
  readonly skipped?: SkippedRecords;
  /** `recordsIn`, `bytesIn`, `recordsOut`, `bytesOut` and whatever else the executor measures; added up by name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A finished attempt, as logged. */
export interface FinishedAttempt {
  readonly attempt: AttemptId;
  readonly workerId: string;
  /** `inputsVersion` of the attempt's assignment. */
  readonly inputsVersion: number;
  /** The task's first attempt was still at it. */
  readonly isBackup?: true;
  readonly result: TaskResult;
}

/**
 * Why an attempt ended without a result.
 * `failed`: the code threw. `exited`: the executor's process died with it. `lost`: its worker went away, or we
 * stopped it. `fetchFailed`: map outputs could not be fetched; says nothing against the task itself.
 */
export type FailureKind = "failed" | "exited" | "lost" | "fetchFailed";

/** A map output as a reduce attempt knew it, echoed from `MapOutputEntry`. */
export interface MapOutputRef {
  readonly stage: number;
  readonly task: number;
  readonly attempt: number;
  readonly epoch: number;
}

/** An attempt that ended without a result, as logged. */
export interface FailedAttempt {
  readonly attempt: AttemptId;
  readonly workerId: string;
  readonly kind: FailureKind;
  readonly error: ErrorReport;
  /** Of `fetchFailed`: the outputs that could not be had. */
  readonly missing?: readonly MapOutputRef[];
}
