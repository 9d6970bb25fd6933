/** What the leader's scheduler is told. Whoever drives it hands inputs over one by one, in the order they came. */
import type { ErrorReport, Split } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";
import type { Command, ManifestSummary } from "./command.js";
import type { JobSpec } from "./job-spec.js";
import type { PublicationStep } from "./participants.js";
import type { TableEvent } from "./table-event.js";
import type { MapOutputRef, TaskResult } from "./task-result.js";

export type SchedulerInput =
  /** The time, a few times a second; rates and grace periods go by it, and commands are stamped with the latest. */
  | { readonly type: "tick"; readonly nowMs: number }
  | WorkerJoined
  /** The worker is given up: silent for too long, or gone by its own word. */
  | { readonly type: "workerLost"; readonly workerId: string }
  /** The worker finishes what it runs and takes nothing new. */
  | { readonly type: "workerDraining"; readonly workerId: string }
  /** `progress` names every attempt that the worker runs; those that it should not be running are stopped. */
  | { readonly type: "heartbeat"; readonly workerId: string; readonly progress: readonly AttemptProgress[] }
  /** The end of an attempt. Workers repeat it to each new leader until it is settled. */
  | { readonly type: "attemptReported"; readonly workerId: string; readonly report: AttemptReport }
  /** A command was decided and the table has applied it, with these events. Every command, whoever proposed it. */
  | {
      readonly type: "decided";
      readonly index: number;
      readonly command: Command;
      readonly events: readonly TableEvent[];
    }
  /** A client's submit. `jobId` is fresh, chosen by the caller; the reply says which job it became. */
  | {
      readonly type: "submit";
      readonly requestId: string;
      readonly jobId: string;
      readonly key?: string;
      readonly spec: JobSpec;
    }
  | { readonly type: "cancel"; readonly requestId: string; readonly jobId: string }
  | { readonly type: "pause"; readonly requestId: string; readonly jobId: string }
  | { readonly type: "resume"; readonly requestId: string; readonly jobId: string }
  /** Answer to `listInputs`. */
  | {
      readonly type: "inputsListed";
      readonly workerId: string;
      readonly jobId: string;
      readonly outcome: { readonly splits: readonly Split[] } | { readonly error: ErrorReport };
    }
  /** Answer to `publishOutput`. */
  | {
      readonly type: "outputPublished";
      readonly workerId: string;
      readonly jobId: string;
      readonly step: PublicationStep;
      readonly participant: number;
      readonly outcome: { readonly manifest: ManifestSummary } | { readonly error: ErrorReport };
    };

export interface WorkerInfo {
  /** Names one run of one daemon: a daemon that starts again has a new id, since what it held may be gone. */
  readonly workerId: string;
  /** For people; stays the same over restarts. */
  readonly name: string;
  /** Attempts it can run at a time. */
  readonly slots: number;
  /** Workers of one host can read each other's segments as files. */
  readonly hostId: string;
  /** Where other workers fetch its segments. */
  readonly shuffleUrl: string;
}

/** A worker connected, for the first time or again: all that is believed about its attempts is replaced by `running`. */
export interface WorkerJoined {
  readonly type: "workerJoined";
  readonly worker: WorkerInfo;
  readonly running: readonly RunningAttempt[];
  /** Jobs of which it keeps files; those that are over are answered with `discardJob`. */
  readonly heldJobs: readonly string[];
}

export interface RunningAttempt {
  readonly attempt: AttemptId;
  readonly inputsVersion: number;
  /** It has not been told of all outputs that it reads. */
  readonly isWaiting?: true;
}

export interface AttemptProgress {
  readonly attempt: AttemptId;
  /** Absolute values so far, by the names of `TaskResult.metrics`. */
  readonly metrics: Readonly<Record<string, number>>;
}

export type AttemptReport =
  | {
      readonly type: "finished";
      readonly attempt: AttemptId;
      readonly inputsVersion: number;
      readonly result: TaskResult;
    }
  | { readonly type: "failed" | "exited"; readonly attempt: AttemptId; readonly error: ErrorReport }
  | {
      readonly type: "fetchFailed";
      readonly attempt: AttemptId;
      readonly error: ErrorReport;
      readonly missing: readonly MapOutputRef[];
    }
  /** The worker ended it for its own reasons (it drains, or `stopAttempt` has been obeyed). */
  | { readonly type: "stopped"; readonly attempt: AttemptId };
