/** Lines that user code logged or printed, on their way from executor to client. */
import type { AttemptId } from "@fanfold/scheduler";
import * as s from "./schemas.js";

export type JobLogLevel = "debug" | "info" | "warn" | "error";

export interface JobLogEntry {
  readonly attempt: AttemptId;
  readonly atMs: number;
  readonly level: JobLogLevel;
  /** Where it came from: `context.log`, or the executor's standard streams. */
  readonly source: "log" | "stdout" | "stderr";
  readonly message: string;
  /** Fields as JSON text. */
  readonly fields?: string;
}

export const jobLogLevel: s.SchemaOf<JobLogLevel> = s.oneOf(["debug", "info", "warn", "error"]);

export const jobLogEntry: s.SchemaOf<JobLogEntry> = s.record<JobLogEntry>({
  attempt: s.attemptId,
  atMs: s.amount,
  level: jobLogLevel,
  source: s.oneOf(["log", "stdout", "stderr"]),
  message: s.text,
  fields: s.optional(s.text),
});
