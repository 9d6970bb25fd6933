/** What has happened in a cluster, for people: `fanfold events`, and whoever else wants to tell. */
import * as s from "./schemas.js";

export const clusterEventTypes = [
  "jobSubmitted",
  "jobPlanned",
  "stageDone",
  "jobPaused",
  "jobResumed",
  "jobCommitDecided",
  "jobSucceeded",
  "jobFailed",
  "jobCancelled",
  "attemptFailed",
  "attemptExited",
  "attemptFetchFailed",
  "attemptLost",
  "outputsLost",
  "leaderChanged",
  "workerJoined",
  "workerLost",
  "workerDraining",
  "workerQuarantined",
  "quarantineEnded",
] as const;

export type ClusterEventType = (typeof clusterEventTypes)[number];

export interface ClusterEvent {
  /**
   * Of the log entry that made it. Events of workers are the leader's own and in no log: they have the index of the
   * entry before them.
   */
  readonly index: number;
  readonly atMs: number;
  readonly type: ClusterEventType;
  /** The job it belongs to; null for what concerns the whole cluster. */
  readonly jobId: string | null;
  /** A sentence. */
  readonly text: string;
}

export const clusterEvent: s.SchemaOf<ClusterEvent> = s.record<ClusterEvent>({
  index: s.whole,
  atMs: s.amount,
  type: s.oneOf(clusterEventTypes),
  jobId: s.orNull(s.name),
  text: s.text,
});
