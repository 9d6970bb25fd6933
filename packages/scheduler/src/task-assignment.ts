/** All that an executor needs to know to run one attempt. */
import type { Split } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";

export type TaskAssignment = SampleAssignment | MapAssignment | ReduceAssignment;

interface AnyAssignment {
  readonly attempt: AttemptId;
  /** SHA-256 of the job's code. */
  readonly bundle: string;
  readonly jobName: string;
  readonly params: unknown;
  /** Budget for the attempt's buffers, in bytes. */
  readonly memoryBytes: number;
  readonly collectRecords: boolean;
  /** Bad records that the job, and hence this attempt, may skip; unset: none. */
  readonly skipBadRecords?: number;
  /** The job's output folder, beside which the attempt stages its files; `null`: in the worker's own folder. */
  readonly out: string | null;
  /** Partitions of the shuffle; 0 for a map-only job. */
  readonly partitions: number;
  /** To be echoed in the attempt's report: which state of its inputs the attempt was started on. */
  readonly inputsVersion: number;
  /** An attempt that shows no progress for so long is ended, and counts as failed. */
  readonly stallTimeoutMs: number;
  /**
   * Note each record before user code gets it, where the daemon can read it after the executor's death: an earlier
   * attempt ended without telling where it was. Costs a system call a record.
   */
  readonly tracesRecords?: true;
}

export interface SampleAssignment extends AnyAssignment {
  readonly kind: "sample";
  readonly split: Split;
  /** Records that this one task may take. */
  readonly sampleRecordsMax: number;
}

/** The worker that is to hold a second copy of a map output. */
export interface ReplicaTarget {
  readonly workerId: string;
  readonly shuffleUrl: string;
}

export interface MapAssignment extends AnyAssignment {
  readonly kind: "map";
  readonly split: Split;
  /** Who is to get a copy of the segment before the result is reported. */
  readonly replica?: ReplicaTarget;
  /** Range partitioning: how many boundaries there are; they came in `sendBoundaries` before. */
  readonly boundaryCount?: number;
}

export interface ReduceAssignment extends AnyAssignment {
  readonly kind: "reduce";
  readonly partition: number;
  /** The stage whose outputs it reads; their places came in `sendMapOutputs` before. */
  readonly mapStage: number;
  /** How many tasks that stage has. */
  readonly mapTasks: number;
}
