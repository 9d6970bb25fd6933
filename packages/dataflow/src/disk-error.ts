/** The operating system's errors, as codes that callers can branch on. */
import { FanfoldError } from "@fanfold/job";

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown } | null)?.code;
}

/** A failed write: `DISK_FULL` when there is no room (or quota), else `OUTPUT_UNWRITABLE`. */
export function writeError(thrown: unknown, path: string): FanfoldError {
  if (thrown instanceof FanfoldError) return thrown;
  const code = codeOf(thrown);
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const message = isFull ? `no space left to write ${path}` : `cannot write ${path}: ${reasonOf(thrown)}`;
  return new FanfoldError(isFull ? "DISK_FULL" : "OUTPUT_UNWRITABLE", message, {
    details: { path },
    cause: thrown,
  });
}

/** A segment file that cannot be opened or read: whoever made it must be asked again. */
export function readError(thrown: unknown, path: string, mapTask?: number): FanfoldError {
  if (thrown instanceof FanfoldError) return thrown;
  return new FanfoldError("SEGMENT_UNAVAILABLE", `cannot read the segment ${path}: ${reasonOf(thrown)}`, {
    details: { path, ...(mapTask === undefined ? {} : { mapTask }) },
    cause: thrown,
  });
}

/** Bytes that are not what was written. */
export function corruptSegment(path: string, offset: number, what: string, mapTask?: number): FanfoldError {
  return new FanfoldError("SEGMENT_CORRUPT", `the segment ${path} is damaged at byte ${offset}: ${what}`, {
    details: { path, offset, ...(mapTask === undefined ? {} : { mapTask }) },
  });
}
