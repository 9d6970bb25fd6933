/**
 * The one error class of Fanfold. Callers branch on `code`; `details` carries the fields that the message was
 * built from, so that it survives the wire.
 */

/** Every stable error code. Each has a heading in `docs/errors.md`. */
export const errorCodes = [
  // The job file and its parameters
  "JOB_NOT_FOUND",
  "JOB_BUNDLE_FAILED",
  "JOB_LOAD_FAILED",
  "JOB_NO_DEFAULT_EXPORT",
  "JOB_INVALID",
  "JOB_API_IN_JOB",
  "PARAMS_INVALID",
  "USAGE",
  "CONFIG_INVALID",
  // Inputs
  "INPUT_NOT_FOUND",
  "INPUT_UNREADABLE",
  "INPUT_CHANGED",
  "INPUT_CORRUPT",
  "INPUT_ENCODING",
  "INPUT_UNSUPPORTED",
  "RECORD_TOO_LARGE",
  "RECORD_MALFORMED",
  // User code
  "USER_CODE_FAILED",
  "KEY_UNSUPPORTED",
  "VALUE_UNSUPPORTED",
  "VALUE_TOO_LARGE",
  "PARTITION_OUT_OF_RANGE",
  "GROUP_NOT_CONTIGUOUS",
  "OUTPUT_NAME_INVALID",
  "EXECUTOR_EXITED",
  "TASK_STALLED",
  "SKIP_LIMIT_EXCEEDED",
  "LAW_BROKEN",
  // Outputs and disks
  "OUTPUT_EXISTS",
  "OUTPUT_UNWRITABLE",
  "OUTPUT_BUSY",
  "PATH_ESCAPES",
  "DISK_FULL",
  "SEGMENT_CORRUPT",
  "SEGMENT_UNAVAILABLE",
  // The cluster
  "JOB_FAILED",
  "JOB_CANCELLED",
  "JOB_UNKNOWN",
  "WORKER_UNKNOWN",
  "NO_COORDINATOR",
  "NO_LEADER",
  "NOT_LEADER",
  "CONNECTION_LOST",
  "UNAUTHORIZED",
  "TIMED_OUT",
  "PROTOCOL_MISMATCH",
  "MESSAGE_INVALID",
  "LIMIT_EXCEEDED",
  "RATE_EXCEEDED",
  "SNAPSHOT_ABORTED",
  "SNAPSHOT_INVALID",
  "PEER_MISMATCH",
  "FOLDER_MISMATCH",
  "LOG_CORRUPT",
  "LOG_UNWRITABLE",
  "INTERNAL",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Fields of an error, as they travel over the wire. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

/** The wire form of a `FanfoldError`. */
export interface ErrorReport {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
  /** Stack of the user's error, already mapped to the user's source lines. */
  readonly stack?: string;
}

export class FanfoldError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  #reportedStack: string | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: ErrorDetails; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FanfoldError";
    this.code = code;
    this.details = options.details ?? {};
  }

  /** The stack of the error behind this one, such as what user code threw; also after a way over the wire. */
  get causeStack(): string | undefined {
    return this.#reportedStack ?? (this.cause instanceof Error ? this.cause.stack : undefined);
  }

  /** The form that travels between processes. */
  toReport(): ErrorReport {
    const { code, message, details, causeStack } = this;
    return { code, message, details, ...(causeStack === undefined ? {} : { stack: causeStack }) };
  }

  static fromReport(report: ErrorReport): FanfoldError {
    const error = new FanfoldError(
      report.code,
      report.message,
      report.details ? { details: report.details } : {},
    );
    error.#reportedStack = report.stack;
    if (report.stack !== undefined) error.stack = report.stack;
    return error;
  }

  /** Wraps anything thrown; a `FanfoldError` passes through unchanged. */
  static from(thrown: unknown, code: ErrorCode = "INTERNAL"): FanfoldError {
    if (thrown instanceof FanfoldError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new FanfoldError(code, message, { cause: thrown });
  }
}
