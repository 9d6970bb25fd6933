/**
 * What the scheduler wants done. A step gives one list; carry it out in its order, in particular `sendMapOutputs`
 * before the `assignTask` behind it. Effects to one worker must reach it in order or not at all.
 */
import type { ErrorReport, ReaderSpec } from "@fanfold/job";
import type { AttemptId } from "./attempt-id.js";
import type { Command } from "./command.js";
import type { JobState } from "./job-spec.js";
import type { PublicationStep } from "./participants.js";
import type { TaskAssignment } from "./task-assignment.js";
import type { OutputFile } from "./task-result.js";
import type { Quarantine } from "./worker-summary.js";

export type Effect =
  /** Append to the log; when decided: apply to the table, then hand in `decided`. */
  | { readonly type: "propose"; readonly command: Command }
  | { readonly type: "assignTask"; readonly workerId: string; readonly assignment: TaskAssignment }
  /**
   * End the attempt's executor and drop its files, also if it has ended by itself meanwhile. To be answered by one
   * report: the one that crosses this order on the way, or else `stopped`.
   */
  | {
      readonly type: "stopAttempt";
      readonly workerId: string;
      readonly attempt: AttemptId;
      readonly reason: StopReason;
    }
  /** The attempt's report is dealt with and need not be repeated. Keep its files if it `hasWon`, else drop them. */
  | {
      readonly type: "settleAttempt";
      readonly workerId: string;
      readonly attempt: AttemptId;
      readonly hasWon: boolean;
    }
  | SendMapOutputs
  | SendBoundaries
  | ListInputs
  | PublishOutput
  /**
   * Failures on this worker look like its machine's fault: it gets no tasks until then, and is tried again afterwards.
   * For people to read; nothing is to be done.
   */
  | WorkerQuarantined
  /** The quarantine is over. */
  | { readonly type: "quarantineEnded"; readonly workerId: string }
  /** A draining worker runs nothing, and holds nothing that anybody will read: it may go. */
  | { readonly type: "releaseWorker"; readonly workerId: string }
  /** The job is over: these workers stop whatever they still do for it, drop its segments, and remove its staging. */
  | {
      readonly type: "discardJob";
      readonly workerIds: readonly string[];
      readonly jobId: string;
      readonly out: string | null;
    }
  /** Something that `describeJob` shows has changed; at most once a job and step. Progress alone does not count. */
  | { readonly type: "jobChanged"; readonly jobId: string }
  | { readonly type: "reply"; readonly requestId: string; readonly outcome: RequestOutcome };

export interface WorkerQuarantined {
  readonly type: "workerQuarantined";
  readonly workerId: string;
  readonly quarantine: Quarantine;
}

export type StopReason = "jobOver" | "superseded" | "inputsChanged" | "preempted";

export type RequestOutcome =
  /** `isNew: false`: the job was there already (same key), or the request changed nothing. */
  | { readonly ok: true; readonly jobId: string; readonly state: JobState; readonly isNew: boolean }
  | { readonly ok: false; readonly error: ErrorReport };

/**
 * Where the outputs of a map stage are. The first of a stage to a worker names every task that has an output now
 * (`isComplete`; all of them, when a reduce task is about to be assigned), later ones only what was re-made since.
 * Entries replace earlier ones of the same task; those of other tasks stay as they are.
 */
export interface SendMapOutputs {
  readonly type: "sendMapOutputs";
  readonly workerId: string;
  readonly jobId: string;
  readonly stage: number;
  /** Rises with every change of the stage, within one leader's reign. */
  readonly version: number;
  readonly isComplete: boolean;
  /** Named by index from the entries. */
  readonly holders: readonly MapOutputHolder[];
  readonly entries: readonly MapOutputEntry[];
}

export interface MapOutputHolder {
  readonly workerId: string;
  /** `undefined`: that worker is not connected now. */
  readonly shuffleUrl: string | undefined;
  readonly hostId: string | undefined;
}

export interface MapOutputEntry {
  readonly task: number;
  readonly attempt: number;
  readonly epoch: number;
  /** Index in `holders`. */
  readonly holder: number;
  /** Of the segment file, on the holder's host. */
  readonly path: string;
  readonly bytes: number;
  /** Who has it too, for when the holder does not answer. */
  readonly replica?: { readonly holder: number; readonly path: string };
}

/** Where the keys of a range-partitioned shuffle are cut, once a worker and map stage, ahead of its first task there. */
export interface SendBoundaries {
  readonly type: "sendBoundaries";
  readonly workerId: string;
  readonly jobId: string;
  readonly stage: number;
  /** At most `partitions - 1` encoded keys, ascending. A key equal to a boundary is right of it. */
  readonly boundaries: readonly Uint8Array[];
}

/** Find the job's splits; before that, refuse an output folder that cannot be written. Answered by `inputsListed`. */
export interface ListInputs {
  readonly type: "listInputs";
  readonly workerId: string;
  readonly jobId: string;
  readonly inputs: readonly string[];
  readonly reader: ReaderSpec;
  readonly splitBytes: number | undefined;
  readonly out: string | null;
  /** Further folders that named outputs go to. */
  readonly folders: readonly string[];
  readonly force: boolean;
}

/**
 * One step of one participant of the publication; may have been done, wholly or in part, by others before. Answered by
 * `outputPublished`.
 */
export interface PublishOutput {
  readonly type: "publishOutput";
  readonly workerId: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly step: PublicationStep;
  /** Index in `participantsOf` the job. */
  readonly participant: number;
  readonly kind: "folder" | "sink";
  /** Of the participant: `out`, or its named output. */
  readonly name: string;
  /** The participant's folder; `null` for a sink, and where nothing is to be published. */
  readonly out: string | null;
  /** The job's own output folder, beside which all that its tasks have written lies. */
  readonly main: string | null;
  /** Of the job's own folder: those that are published with it, and before it. */
  readonly others: readonly string[];
  readonly force: boolean;
  readonly collectRecords: boolean;
  readonly bundle: string;
  readonly params: unknown;
  /** When the output was complete, in milliseconds since 1970: the same on every repetition. */
  readonly createdMs: number;
  /** With this participant's files alone; none for an abort. */
  readonly winners: readonly PublicationWinner[];
  readonly counters: Readonly<Record<string, number>>;
}

/** The attempt whose files count for one task; tasks without files are left out. Ordered by stage, then task. */
export interface PublicationWinner {
  readonly attempt: AttemptId;
  readonly kind: "map" | "reduce";
  readonly isSink: boolean;
  readonly outputs: readonly OutputFile[];
}
