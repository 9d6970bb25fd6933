/** Operating-system errors as `FanfoldError`s: which code they get, and the reason in the system's own words. */
import { type ErrorCode, FanfoldError } from "@fanfold/job";

/** The `code` of a Node system error, such as `ENOENT`. */
export function osCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The system's reason without the call and path that Node puts behind it: `ENOENT: no such file or directory`. */
export function osReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/, [a-z]+( '.*)?$/s, "");
}

/** Why an input cannot be read. */
export function inputError(path: string, error: unknown): FanfoldError {
  if (error instanceof FanfoldError) return error;
  const osCode = osCodeOf(error);
  const isMissing = osCode === "ENOENT" || osCode === "ENOTDIR";
  const code: ErrorCode = isMissing ? "INPUT_NOT_FOUND" : "INPUT_UNREADABLE";
  const what = isMissing ? "input not found" : "cannot read input";
  return new FanfoldError(code, `${what}: ${path} (${osReasonOf(error)})`, {
    details: { path, osCode },
    cause: error,
  });
}

/** Why an output cannot be written. A quota is a full disk to its owner. */
export function outputError(path: string, error: unknown): FanfoldError {
  if (error instanceof FanfoldError) return error;
  const osCode = osCodeOf(error);
  const isFull = osCode === "ENOSPC" || osCode === "EDQUOT";
  const code: ErrorCode = isFull ? "DISK_FULL" : "OUTPUT_UNWRITABLE";
  const what = isFull ? "no space left to write" : "cannot write";
  return new FanfoldError(code, `${what} ${path} (${osReasonOf(error)})`, {
    details: { path, osCode },
    cause: error,
  });
}
