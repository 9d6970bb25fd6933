/** How the command ends: 0 done, 1 the job failed, 2 wrong usage, 3 no coordinator or refused, 4 not found, 5 cancelled, 124 timed out, 130 interrupted. */
import { type ErrorCode, FanfoldError } from "@fanfold/job";
import { CommanderError } from "commander";

/** Ends the command with a code of its own. */
export class ExitError extends Error {
  readonly exitCode: number;
  /** The user has been told already. */
  readonly isTold: boolean;

  constructor(exitCode: number, message: string, options: { isTold?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = exitCode;
    this.isTold = options.isTold ?? false;
  }
}

/** Found before any work: the caller has to change the command. */
const usageCodes: ReadonlySet<ErrorCode> = new Set([
  "USAGE",
  "CONFIG_INVALID",
  "JOB_NOT_FOUND",
  "JOB_BUNDLE_FAILED",
  "JOB_LOAD_FAILED",
  "JOB_NO_DEFAULT_EXPORT",
  "JOB_INVALID",
  "JOB_API_IN_JOB",
  "PARAMS_INVALID",
  "INPUT_NOT_FOUND",
  "INPUT_UNSUPPORTED",
  "OUTPUT_EXISTS",
  "FOLDER_MISMATCH",
  "SNAPSHOT_INVALID",
]);
const refusedCodes: ReadonlySet<ErrorCode> = new Set([
  "NO_COORDINATOR",
  "NO_LEADER",
  "NOT_LEADER",
  "UNAUTHORIZED",
  "PROTOCOL_MISMATCH",
]);

/** An error from before any work was done: whatever it is called, the caller has to change something. */
export function earlyError(error: unknown): unknown {
  if (!(error instanceof FanfoldError) || error.code === "INTERNAL" || exitCodeOf(error) !== 1) return error;
  return new ExitError(2, error.message, { cause: error });
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof FanfoldError)) return 1;
  if (usageCodes.has(error.code)) return 2;
  if (refusedCodes.has(error.code)) return 3;
  if (error.code === "JOB_UNKNOWN" || error.code === "WORKER_UNKNOWN") return 4;
  if (error.code === "JOB_CANCELLED") return 5;
  if (error.code === "TIMED_OUT") return 124;
  return 1;
}
