/** A job for people to read: the table's facts, and what is going on if the leader is asked. */
import type { JobRecord } from "./job-record.js";
import type { StageRun } from "./job-run.js";
import type { JobState } from "./job-spec.js";
import type { CommitStep, JobSummary, ShownJobState, StageSummary } from "./job-summary.js";
import { skippedCount } from "./skip-rules.js";
import { addProgress, emptyProgress, progressOf } from "./stage-rates.js";
import type { StageTable } from "./stage-table.js";

/** `live[stage]` is what this leader knows of the stage beyond the table; a follower has nothing to add. */
export function describeJob(job: JobRecord, live: readonly StageRun[] = []): JobSummary {
  const { submittedMs, plannedMs, committedMs, finishedMs } = job;
  return {
    id: job.id,
    name: job.spec.name,
    state: shownState(job.state),
    commit: commitStep(job.state),
    out: job.spec.out,
    stages: job.stages.map((stage, id) => describeStage(stage, live[id])),
    skippedRecords: skippedCount(job.skips),
    counters: Object.fromEntries(job.counters),
    outputs: job.manifest?.files ?? [],
    manifest: job.manifest ?? null,
    error: job.error ?? null,
    times: { submittedMs, plannedMs, committedMs, finishedMs },
  };
}

/** The table's states as they are shown everywhere: see `ShownJobState`. */
export function shownState(state: JobState): ShownJobState {
  return state === "preparing" ? "committing" : state;
}

function commitStep(state: JobState): CommitStep | null {
  if (state === "preparing") return "preparing";
  return state === "committing" ? "decided" : null;
}

function describeStage(table: StageTable, run: StageRun | undefined): StageSummary {
  const metrics = Object.fromEntries(table.metrics);
  const progress = progressOf(metrics);
  addProgress(progress, run?.live ?? emptyProgress(), 1);
  return {
    id: table.stage.id,
    kind: table.stage.kind,
    tasks: table.tasks,
    done: table.done,
    running: run?.running ?? 0,
    failed: table.failedAttempts,
    lost: table.lostAttempts,
    remade: table.remade,
    backups: run?.backups.size ?? 0,
    backupsWon: table.backupsWon,
    ...progress,
    recordsInPerSecond: run?.rates.recordsInPerSecond ?? 0,
    bytesInPerSecond: run?.rates.bytesInPerSecond ?? 0,
    metrics,
    startedMs: table.startedMs,
    finishedMs: table.finishedMs,
  };
}
