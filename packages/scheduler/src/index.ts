export { type AttemptId, formatAttemptId, isSameAttempt, parseAttemptId } from "./attempt-id.js";
export { boundariesOf } from "./boundaries.js";
export type {
  AttemptsFailed,
  Command,
  JobCancelRequested,
  JobCommitDecided,
  JobDiscarded,
  JobFailed,
  JobPaused,
  JobPlanned,
  JobPrepareBegan,
  JobPublished,
  JobResumed,
  JobSubmitted,
  ManifestSummary,
  OutputsLost,
  ParticipantAborted,
  ParticipantCommitted,
  ParticipantPrepared,
  PublishedFile,
  ReignBegan,
  TasksFinished,
} from "./command.js";
export { describeJob, shownState } from "./describe-job.js";
export type {
  Effect,
  ListInputs,
  MapOutputEntry,
  MapOutputHolder,
  PublicationWinner,
  PublishOutput,
  RequestOutcome,
  SendBoundaries,
  SendMapOutputs,
  StopReason,
  WorkerQuarantined,
} from "./effect.js";
export { JobRecord } from "./job-record.js";
export { isFinalState, type JobOptions, type JobSpec, type JobState } from "./job-spec.js";
export type { CommitStep, JobSummary, JobTimes, ShownJobState, StageSummary } from "./job-summary.js";
export { JobTable } from "./job-table.js";
export {
  adoptionGraceMs,
  executorExitsMax,
  failedAttemptsMax,
  fetchFailuresMax,
  fetchRoundsMax,
  finishedJobsMax,
  partitionsPerSlot,
  stallTimeoutMs,
  unfinishedJobsMax,
} from "./limits.js";
export {
  foldersOf,
  mainParticipant,
  type Participant,
  type ParticipantState,
  type PublicationStep,
  participantsOf,
} from "./participants.js";
export { decodeSize, encodePartitionSizes, encodeSize, partitionsPerGroup } from "./partition-sizes.js";
export { PhiAccrual, type PhiAccrualOptions } from "./phi-accrual.js";
export { Scheduler, type SchedulerOptions } from "./scheduler.js";
export type {
  AttemptProgress,
  AttemptReport,
  RunningAttempt,
  SchedulerInput,
  WorkerInfo,
  WorkerJoined,
} from "./scheduler-input.js";
export { heavyKeyMetric, heavyPartitionMetric, type KeySkew, keySkewOf } from "./skew-metrics.js";
export type { TableEvent } from "./table-event.js";
export type { TableSnapshot } from "./table-snapshot.js";
export type {
  MapAssignment,
  ReduceAssignment,
  ReplicaTarget,
  SampleAssignment,
  TaskAssignment,
} from "./task-assignment.js";
export type {
  FailedAttempt,
  FailureKind,
  FinishedAttempt,
  MapOutputRef,
  OutputFile,
  SegmentReplica,
  SegmentSummary,
  SkippedRecords,
  TaskResult,
} from "./task-result.js";
export type { Quarantine, WorkerState, WorkerSummary } from "./worker-summary.js";
