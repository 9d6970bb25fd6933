/** A job as people see it: plain data for `status --json`, progress displays and the dashboard. */
import type { ErrorReport } from "@fanfold/job";
import type { ManifestSummary, PublishedFile } from "./command.js";
import type { JobState } from "./job-spec.js";

/** What programs outside are promised: the vote on a publication is a step of committing to them. */
export type ShownJobState = Exclude<JobState, "preparing">;

/** How far the publication of a job's output is. Until it is `decided` the job may still be cancelled, or fail. */
export type CommitStep = "preparing" | "decided";

export interface JobSummary {
  readonly id: string;
  readonly name: string;
  readonly state: ShownJobState;
  /** `null` in any state but `committing`. */
  readonly commit: CommitStep | null;
  readonly out: string | null;
  /** Empty until the input is listed. */
  readonly stages: readonly StageSummary[];
  /** Sums over winning attempts. */
  readonly counters: Readonly<Record<string, number>>;
  /** Bad records that winning attempts have skipped. */
  readonly skippedRecords: number;
  /** Published files; empty before the job has succeeded. */
  readonly outputs: readonly PublishedFile[];
  readonly manifest: ManifestSummary | null;
  readonly error: ErrorReport | null;
  readonly times: JobTimes;
}

/** Milliseconds since 1970; `null` for what has not happened. */
export interface JobTimes {
  readonly submittedMs: number;
  readonly plannedMs: number | null;
  readonly committedMs: number | null;
  readonly finishedMs: number | null;
}

export interface StageSummary {
  readonly id: number;
  readonly kind: "sample" | "map" | "reduce";
  readonly tasks: number;
  /** Tasks with a winner whose output is there. */
  readonly done: number;
  /** Attempts running now, as far as this leader knows. */
  readonly running: number;
  /** Attempts that failed (threw, exited, or could not fetch), over the whole life of the stage. */
  readonly failed: number;
  /** Attempts lost with their worker; they count against nothing. */
  readonly lost: number;
  /** Outputs that were lost, and have been made again by running their tasks once more. */
  readonly remade: number;
  /** Second attempts at slow tasks: those under way now, and those that have overtaken the first. */
  readonly backups: number;
  readonly backupsWon: number;
  /** Finished (winning attempts) and live progress together. */
  readonly recordsIn: number;
  readonly bytesIn: number;
  readonly recordsOut: number;
  readonly bytesOut: number;
  /** Over the last few seconds; 0 when not known. */
  readonly recordsInPerSecond: number;
  readonly bytesInPerSecond: number;
  /** All metrics of winning attempts, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Since when its tasks may run, and when the last one finished. */
  readonly startedMs: number | null;
  readonly finishedMs: number | null;
}
