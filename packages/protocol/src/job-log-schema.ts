/** Lines that user code logged or printed, on their way from executor to client. */
import type { AttemptId } from "@fanfold/scheduler";
import * as s from "./schemas.js";

export type JobLogLevel = "debug" | "info" | "warn" | "error";

export interface JobLogEntry {
  readonly attempt: AttemptId;
  /** Who tells. With `sequence`, which counts what it tells, the name of the line: nobody keeps or shows one twice. */
  readonly workerId: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly level: JobLogLevel;
  /** Where it came from: `context.log`, the executor's standard streams, or the end of an attempt that failed. */
  readonly source: "log" | "stdout" | "stderr" | "failure";
  readonly message: string;
  /** Fields as JSON text. */
  readonly fields?: string;
}

export const jobLogLevel: s.SchemaOf<JobLogLevel> = s.oneOf(["debug", "info", "warn", "error"]);

export const jobLogEntry: s.SchemaOf<JobLogEntry> = s.record<JobLogEntry>({
  attempt: s.attemptId,
  workerId: s.name,
  sequence: s.whole,
  atMs: s.amount,
  level: jobLogLevel,
  source: s.oneOf(["log", "stdout", "stderr", "failure"]),
  message: s.text,
  fields: s.optional(s.text),
});
