/**
 * The entries of the replicated log. Each is proposed by the leader, applied by every replica in log order, and means
 * the same on all of them: a command carries the time it was proposed at, and nothing in it depends on the replica.
 * A command about a job that is gone or past caring is legal and changes nothing.
 */
import type { ErrorReport, Split } from "@fanfold/job";
import type { JobSpec } from "./job-spec.js";
import type { FailedAttempt, FinishedAttempt } from "./task-result.js";

export type Command =
  | JobSubmitted
  | JobPlanned
  | TasksFinished
  | AttemptsFailed
  | OutputsLost
  | JobPaused
  | JobResumed
  | JobCancelRequested
  | JobPrepareBegan
  | ParticipantPrepared
  | JobCommitDecided
  | ParticipantCommitted
  | ParticipantAborted
  | JobPublished
  | JobFailed
  | JobDiscarded
  | FleetChanged
  | ReignBegan;

interface JobCommand {
  readonly jobId: string;
  /** Milliseconds since 1970, by the proposing leader's clock. */
  readonly atMs: number;
}

/** A client's job. With a `key` that a known job was submitted with, it is that job. */
export interface JobSubmitted extends JobCommand {
  readonly type: "jobSubmitted";
  readonly key?: string;
  readonly spec: JobSpec;
}

/**
 * The listed input. Long lists come in several commands of at most `splitsPerCommandMax` splits; `from` is the index
 * of the first split here, and 0 starts the list afresh. The stages exist after the one that `isLast`.
 */
export interface JobPlanned extends JobCommand {
  readonly type: "jobPlanned";
  readonly from: number;
  readonly splits: readonly Split[];
  readonly isLast: boolean;
  /** Of the shuffle; 0 for a map-only job. */
  readonly partitions: number;
}

/** Results, of any jobs. The first attempt of a task to be logged wins. */
export interface TasksFinished {
  readonly type: "tasksFinished";
  readonly atMs: number;
  readonly results: readonly FinishedAttempt[];
}

/** Attempts without a result, of any jobs. */
export interface AttemptsFailed {
  readonly type: "attemptsFailed";
  readonly atMs: number;
  readonly failures: readonly FailedAttempt[];
}

/**
 * The worker that held these outputs, or second copies of them, is gone. Those that are held by another worker too move
 * there; those that were re-made elsewhere meanwhile stay.
 */
export interface OutputsLost extends JobCommand {
  readonly type: "outputsLost";
  readonly stage: number;
  readonly tasks: readonly number[];
  readonly workerId: string;
}

export interface JobPaused extends JobCommand {
  readonly type: "jobPaused";
}

export interface JobResumed extends JobCommand {
  readonly type: "jobResumed";
}

/** Ends the job unless its commit is decided. */
export interface JobCancelRequested extends JobCommand {
  readonly type: "jobCancelRequested";
}

/** Every part of the output is there: from here on no task runs, and the participants are asked to prepare. */
export interface JobPrepareBegan extends JobCommand {
  readonly type: "jobPrepareBegan";
}

/** A vote for: this participant can commit, whatever happens to it. A vote against is `jobFailed`. */
export interface ParticipantPrepared extends JobCommand {
  readonly type: "participantPrepared";
  /** Index in `participantsOf` the job. */
  readonly participant: number;
  /** What it is going to show. */
  readonly files: readonly PublishedFile[];
}

/** What this participant has prepared can be seen. */
export interface ParticipantCommitted extends JobCommand {
  readonly type: "participantCommitted";
  readonly participant: number;
}

/** What this participant may have prepared for a job that has failed is gone, or has been given up. */
export interface ParticipantAborted extends JobCommand {
  readonly type: "participantAborted";
  readonly participant: number;
}

/** The commit point: from here on the job's output appears, whoever dies. */
export interface JobCommitDecided extends JobCommand {
  readonly type: "jobCommitDecided";
}

/** The output stands at its place. */
export interface JobPublished extends JobCommand {
  readonly type: "jobPublished";
  readonly manifest: ManifestSummary;
}

/** The job cannot go on: its input cannot be listed, or its output cannot be published. */
export interface JobFailed extends JobCommand {
  readonly type: "jobFailed";
  readonly error: ErrorReport;
}

/** An old finished job is forgotten. */
export interface JobDiscarded extends JobCommand {
  readonly type: "jobDiscarded";
}

/** What a publication left behind. */
export interface ManifestSummary {
  readonly out: string | null;
  readonly files: readonly PublishedFile[];
}

export interface PublishedFile {
  /** Relative to the output folder, for instance `part-00000.tsv`; absolute for files that are not in it. */
  readonly name: string;
  readonly bytes: number;
  readonly records: number;
  readonly sha256: string;
}

/** Workers that have come or gone: whom the next leader has to wait for before it takes running work for lost. */
export interface FleetChanged {
  readonly type: "fleetChanged";
  readonly atMs: number;
  /** Ids of workers. */
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/**
 * The first command of a leader. When it is decided, so is all that earlier leaders may have left; its index is the
 * new leader's epoch, since no other reign can have it.
 */
export interface ReignBegan {
  readonly type: "reignBegan";
  readonly atMs: number;
  readonly leader: string;
  /** What the cluster is called from now on, if it has no name yet: the first decided reign names it for good. */
  readonly clusterId: string;
}
