/** What a submitted job is, as plain data: the log carries it, so it names the bundle and never holds it. */
import type { Plan, ReaderSpec } from "@fanfold/job";

/** The states a job goes through; the README has the table of transitions. */
export type JobState =
  | "pending"
  | "running"
  | "paused"
  | "preparing"
  | "committing"
  | "succeeded"
  | "failed"
  | "cancelled";

export interface JobSpec {
  /** Name of the job's definition, for people. */
  readonly name: string;
  /** SHA-256 of the bundled code, in hex. */
  readonly bundle: string;
  readonly plan: Plan;
  /** Absolute paths and globs, not yet listed. */
  readonly inputs: readonly string[];
  readonly reader: ReaderSpec;
  /** Absolute path of the output folder; `null` when nothing is to be published. */
  readonly out: string | null;
  /** Named outputs that go to folders of their own, as absolute paths; only with an `out`. */
  readonly folders?: readonly { readonly output: string; readonly out: string }[];
  /** Named outputs that go to the job's own sinks of the same name; only with an `out`. */
  readonly sinks?: readonly string[];
  readonly options: JobOptions;
  /** Validated parameters: an opaque plain value, handed to the executors as it is. */
  readonly params: unknown;
}

export interface JobOptions {
  /** Tries of one task that may fail, of each kind of failure. Unset: `failedAttemptsMax` and `executorExitsMax`. */
  readonly maxAttempts?: number;
  /** `false`: slow attempts get no backup. */
  readonly backups?: boolean;
  /** `false`: reduce attempts begin when all maps are done, and not to fetch before. Default true. */
  readonly earlyFetch?: boolean;
  /** An attempt whose progress stands still for so long is ended, and counts as failed. Unset: `stallTimeoutMs`. */
  readonly stallTimeoutMs?: number;
  /** Memory for the buffers of one attempt, in bytes. */
  readonly memoryBytes: number;
  /** Target size of a split, in bytes. Unset: chosen from the size of the input. */
  readonly splitBytes?: number;
  /** Partitions of the shuffle (the option, else the job's own `reducers`). Unset: see `defaultPartitions`. */
  readonly reducers?: number;
  /** Replace an existing output folder, at publication only. */
  readonly force: boolean;
  /** Workers that hold each map output: 2, or 1 where unset. With 2 the death of one worker makes nothing run again. */
  readonly shuffleReplicas?: number;
  /** Bad records that the whole job may skip; one more fails it. Unset: none. */
  readonly skipBadRecords?: number;
  /** Also keep the main pairs as typed records, for the programmatic interface. */
  readonly collectRecords: boolean;
}

/** Whether a job in this state is over. */
export function isFinalState(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}
