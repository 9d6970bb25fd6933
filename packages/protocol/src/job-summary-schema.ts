/** The schema of a job as people see it. */
import type { JobSummary } from "@fanfold/scheduler";
import * as s from "./schemas.js";

type Stage = JobSummary["stages"][number];

const stage = s.record<Stage>({
  id: s.whole,
  kind: s.oneOf(["sample", "map", "reduce"]),
  tasks: s.whole,
  done: s.whole,
  running: s.whole,
  failed: s.whole,
  lost: s.whole,
  remade: s.whole,
  backups: s.whole,
  backupsWon: s.whole,
  recordsIn: s.amount,
  bytesIn: s.amount,
  recordsOut: s.amount,
  bytesOut: s.amount,
  recordsInPerSecond: s.amount,
  bytesInPerSecond: s.amount,
  metrics: s.numbersByName,
  startedMs: s.orNull(s.amount),
  finishedMs: s.orNull(s.amount),
});

export const jobSummary: s.SchemaOf<JobSummary> = s.record<JobSummary>({
  id: s.name,
  name: s.name,
  state: s.oneOf(["pending", "running", "paused", "committing", "succeeded", "failed", "cancelled"]),
  commit: s.orNull(s.oneOf(["preparing", "decided"])),
  out: s.orNull(s.path),
  stages: s.list(stage),
  counters: s.numbersByName,
  skippedRecords: s.whole,
  outputs: s.manifestFiles,
  manifest: s.orNull(s.manifestSummary),
  error: s.orNull(s.errorReport),
  times: s.record<JobSummary["times"]>({
    submittedMs: s.amount,
    plannedMs: s.orNull(s.amount),
    committedMs: s.orNull(s.amount),
    finishedMs: s.orNull(s.amount),
  }),
});
