export * from "@fanfold/job";
export type {
  ClusterEvent,
  ClusterReplica,
  ClusterSummary,
  ClusterWorker,
  JobLogEntry,
} from "@fanfold/protocol";
export type {
  CommitStep,
  JobSummary,
  PublishedFile,
  ShownJobState as JobState,
  StageSummary,
} from "@fanfold/scheduler";
export { type Bundle, bundleBytesMax, bundleJob, sourcesOf } from "./bundle-job.js";
export { type DaemonConfig, defineConfig, type FanfoldConfig } from "./config.js";
export {
  type ClientHandlers,
  type ClientOptions,
  CoordinatorClient,
  isPassing,
  whileLeadersChange,
} from "./coordinator-client.js";
export type { ExplainedStage, ExplainedStep, ExplainOptions, JobExplanation } from "./explain-job.js";
export { type JobEvent, type JobResult, JobRun, type JobRunOptions } from "./job-run.js";
export { LocalCluster, type LocalClusterOptions } from "./local-cluster.js";
export type { StepOptions } from "./one-step.js";
export type { ReplayedJob, ReplayedTask, ReplayOptions } from "./replay-task.js";
export { retryJob } from "./retry-job.js";
export { type RemoteOptions, type RunOptions, runJob, submitJob } from "./run-job.js";
export { memoryBytesMin, prepareSubmission, type Submission, type SubmitOptions } from "./submission.js";
export { explainJob, fetchJob, replayTask, runMapStep, runReduceStep } from "./workbench.js";
