export { type AttemptId, formatAttemptId, isSameAttempt, parseAttemptId } from "./attempt-id.js";
export type {
  AttemptsFailed,
  Command,
  JobCancelRequested,
  JobCommitDecided,
  JobDiscarded,
  JobFailed,
  JobPaused,
  JobPlanned,
  JobPublished,
  JobResumed,
  JobSubmitted,
  ManifestSummary,
  OutputsLost,
  PublishedFile,
  TasksFinished,
} from "./command.js";
export type {
  Effect,
  ListInputs,
  MapOutputEntry,
  MapOutputHolder,
  PublicationWinner,
  PublishOutput,
  RequestOutcome,
  SendMapOutputs,
  StopReason,
} from "./effect.js";
export { isFinalState, type JobOptions, type JobSpec, type JobState } from "./job-spec.js";
export type { JobSummary, JobTimes, StageSummary } from "./job-summary.js";
export {
  adoptionGraceMs,
  executorExitsMax,
  failedAttemptsMax,
  fetchFailuresMax,
  fetchRoundsMax,
  finishedJobsMax,
  partitionsPerSlot,
  unfinishedJobsMax,
} from "./limits.js";
export type {
  AttemptProgress,
  AttemptReport,
  RunningAttempt,
  SchedulerInput,
  WorkerInfo,
  WorkerJoined,
} from "./scheduler-input.js";
export type { TableEvent } from "./table-event.js";
export type { MapAssignment, ReduceAssignment, SampleAssignment, TaskAssignment } from "./task-assignment.js";
export type {
  FailedAttempt,
  FailureKind,
  FinishedAttempt,
  MapOutputRef,
  OutputFile,
  SegmentSummary,
  TaskResult,
} from "./task-result.js";
