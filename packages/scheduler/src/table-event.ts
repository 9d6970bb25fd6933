/**
 * What a command changed. Events are for the leader's scheduler (and watchers); a replica that only follows may drop
 * them, since everything in them can be read from the table.
 */
import type { ErrorReport } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";
import type { JobState } from "./job-spec.js";

export type TableEvent =
  /** A submit took effect as `jobId`: the job asked for, or with `isNew: false` an earlier one of the same key. */
  | {
      readonly type: "jobAccepted";
      readonly requestedJobId: string;
      readonly jobId: string;
      readonly isNew: boolean;
    }
  | { readonly type: "jobRefused"; readonly requestedJobId: string; readonly error: ErrorReport }
  | {
      readonly type: "jobStateChanged";
      readonly jobId: string;
      readonly from: JobState;
      readonly state: JobState;
    }
  /** The stages exist now. */
  | { readonly type: "jobPlanned"; readonly jobId: string }
  /** The attempt is its task's winner. `isRepeat`: it had been already. `isRemade`: an earlier winner's output was lost. */
  | {
      readonly type: "attemptWon";
      readonly attempt: AttemptId;
      readonly workerId: string;
      readonly isRepeat: boolean;
      readonly isRemade: boolean;
      /** Of a task that feeds a shuffle, the first time: see `PartitionSizes`. */
      readonly partitionSizes?: Uint8Array;
    }
  /** The attempt's result counts for nothing; its files may go. */
  | {
      readonly type: "attemptRefused";
      readonly attempt: AttemptId;
      readonly workerId: string;
      readonly reason: "alreadyWon" | "inputsChanged" | "jobOver";
    }
  /** The attempt's failure is recorded; its report may be forgotten. */
  | { readonly type: "failureRecorded"; readonly attempt: AttemptId; readonly workerId: string }
  /**
   * The task is to be run again. `attempt` is the one whose end is the reason, absent when it is a lost output;
   * `avoidWorkerId` is where it has just failed.
   */
  | {
      readonly type: "taskRequeued";
      readonly jobId: string;
      readonly stage: number;
      readonly task: number;
      readonly reason: "failed" | "exited" | "fetchFailed" | "outputLost" | "inputsChanged";
      readonly attempt: AttemptId | undefined;
      readonly avoidWorkerId: string | undefined;
    }
  /** The output is no longer where it was, but a second copy of it is with this worker. */
  | {
      readonly type: "outputMoved";
      readonly jobId: string;
      readonly stage: number;
      readonly task: number;
      readonly workerId: string;
    }
  /** All tasks of the stage have winners whose outputs are there. */
  | { readonly type: "stageDone"; readonly jobId: string; readonly stage: number }
  /** A re-made output of this stage differs and nobody had finished with the old one: attempts that read it start over. */
  | { readonly type: "outputsChanged"; readonly jobId: string; readonly stage: number }
  /** A participant of the publication has voted, committed or aborted. */
  | { readonly type: "participantChanged"; readonly jobId: string; readonly participant: number }
  | { readonly type: "jobForgotten"; readonly jobId: string };
