/**
 * What looks into jobs rather than running them: loaded when it is asked for, since a short job is mostly start-up.
 */
import type { ClientOptions } from "./coordinator-client.js";
import type { ExplainOptions, JobExplanation } from "./explain-job.js";
import type { StepOptions } from "./one-step.js";
import type { ReplayedJob, ReplayedTask, ReplayOptions } from "./replay-task.js";

/** How a job would run. @throws as `runJob`, for what is found before any work. */
export async function explainJob(module: string, options: ExplainOptions): Promise<JobExplanation> {
  return (await import("./explain-job.js")).explainJob(module, options);
}

/** The records of a file through a job's `map`. @throws as a run of the job. */
export async function runMapStep(jobFile: string, options: StepOptions): Promise<void> {
  return (await import("./one-step.js")).runMapStep(jobFile, options);
}

/** Pairs, one a line, through a job's `reduce`. @throws as a run of the job; what `parse` throws. */
export async function runReduceStep(
  jobFile: string,
  options: StepOptions,
  parse: (line: string, number: number) => readonly [key: unknown, value: unknown],
): Promise<void> {
  return (await import("./one-step.js")).runReduceStep(jobFile, options, parse);
}

/** What `replayTask` needs of a job. @throws `JOB_UNKNOWN`, and as any question to a cluster. */
export async function fetchJob(jobId: string, target: ClientOptions): Promise<ReplayedJob> {
  return (await import("./replay-task.js")).fetchJob(jobId, target);
}

/** Runs one task of a submitted job again, in this process. @throws whatever it fails with. */
export async function replayTask(job: ReplayedJob, options: ReplayOptions): Promise<ReplayedTask> {
  return (await import("./replay-task.js")).replayTask(job, options);
}
