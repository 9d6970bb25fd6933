/** What to say of an attempt whose executor has ended before it. */
import type { ErrorDetails, ErrorReport } from "@fanfold/job";
import type { TaskAssignment } from "@fanfold/scheduler";
import { recordText } from "./record-trace.js";

export interface ExecutorEnd {
  /** Reads like "exited with code 1". */
  readonly how: string;
  /** The last lines on standard error. */
  readonly printed: string;
  /** The record or key it was at, where that was noted. */
  readonly details: ErrorDetails | undefined;
  /** It was killed after it had been silent for so long. */
  readonly silentMs: number | undefined;
}

export function executorEndReport({ kind, attempt }: TaskAssignment, end: ExecutorEnd): ErrorReport {
  const { how, printed, details, silentMs } = end;
  const what = `${kind} task ${attempt.task}`;
  const where = recordText(details);
  const more = details === undefined ? {} : { details };
  if (silentMs !== undefined) {
    const seconds = Math.round(silentMs / 100) / 10;
    const message =
      `${what} (attempt ${attempt.attempt}) showed no progress for ${seconds} s${where}; ` +
      "its executor was killed. Code that works longer on one record can log a line now and then";
    return { code: "TASK_STALLED", message, ...more };
  }
  const tail = printed === "" ? "" : `\nIts last words on standard error:\n${printed}`;
  const message = `The executor process ${how} while it ran ${what} (attempt ${attempt.attempt})${where}.${tail}`;
  return { code: "EXECUTOR_EXITED", message, ...more };
}
