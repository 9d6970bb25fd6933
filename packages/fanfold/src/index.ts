export * from "@fanfold/job";
export type { ClusterReplica, ClusterSummary, ClusterWorker, JobLogEntry } from "@fanfold/protocol";
export type { JobState, JobSummary, PublishedFile, StageSummary } from "@fanfold/scheduler";
export { type Bundle, bundleBytesMax, bundleJob } from "./bundle-job.js";
export {
  type ClientHandlers,
  type ClientOptions,
  CoordinatorClient,
  isPassing,
  whileLeadersChange,
} from "./coordinator-client.js";
export { type JobEvent, type JobResult, JobRun, type JobRunOptions } from "./job-run.js";
export { LocalCluster, type LocalClusterOptions } from "./local-cluster.js";
export { type RemoteOptions, type RunOptions, runJob, submitJob } from "./run-job.js";
export { memoryBytesMin, prepareSubmission, type Submission, type SubmitOptions } from "./submission.js";
