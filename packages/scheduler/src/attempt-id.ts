/**
 * One run of one task. The attempt number alone does not name it: a new leader does not know which numbers the one
 * before it handed out in its last moments, so the leader's epoch is part of the name.
 */
import { FanfoldError } from "@fanfold/job";

export interface AttemptId {
  /** Letters, digits, `.`, `_` and `-`. */
  readonly jobId: string;
  /** Index of the stage in the job's plan. */
  readonly stage: number;
  /** Index of the task in its stage. */
  readonly task: number;
  /** From 1, rising with every attempt of the task that one leader starts. */
  readonly attempt: number;
  /** The reign of the leader that assigned it. */
  readonly epoch: number;
}

/** Compact form, fit for file names and logs: `<jobId>-<stage>-<task>-<attempt>-<epoch>`. */
export function formatAttemptId(id: AttemptId): string {
  return `${id.jobId}-${id.stage}-${id.task}-${id.attempt}-${id.epoch}`;
}

/**
 * Reads what `formatAttemptId` wrote.
 *
 * @throws `MESSAGE_INVALID` for any other text.
 */
export function parseAttemptId(text: string): AttemptId {
  const match = attemptIdPattern.exec(text);
  if (match === null) throw new FanfoldError("MESSAGE_INVALID", `not an attempt id: ${text.slice(0, 100)}`);
  const [, jobId, stage, task, attempt, epoch] = match;
  return {
    jobId: jobId!,
    stage: Number(stage),
    task: Number(task),
    attempt: Number(attempt),
    epoch: Number(epoch),
  };
}

const attemptIdPattern = /^([\w.-]{1,100})-(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,15})$/;

/** Whether two ids name the same attempt. */
export function isSameAttempt(a: AttemptId, b: AttemptId): boolean {
  return (
    a.task === b.task &&
    a.attempt === b.attempt &&
    a.epoch === b.epoch &&
    a.stage === b.stage &&
    a.jobId === b.jobId
  );
}
