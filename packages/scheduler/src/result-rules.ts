/**
 * Decides which results count: the first of a task to be logged, made from inputs that are still the inputs.
 *
 * A map that is run again may give other data than before, when user code is not deterministic. Then what reduce
 * tasks made of the old data does not fit the new. If none of them has finished, all that run are started over (their
 * results carry the version of the inputs, and older versions are refused here); if one has, the job fails.
 */
import type { JobRecord } from "./job-record.js";
import { counterNamesMax } from "./limits.js";
import { closeStage } from "./plan-rules.js";
import { noteSkipped, skipError } from "./skip-rules.js";
import type { StageTable } from "./stage-table.js";
import type { TableEvent } from "./table-event.js";
import { taskDone } from "./task-columns.js";
import type { FinishedAttempt } from "./task-result.js";
import { addTotals } from "./totals.js";

/** Distinct metrics of a stage; the executor has about a dozen. */
const metricNamesMax = 64;

/** Applies one logged result. `job` is `undefined` if it is not known (any more). */
export function applyResult(
  job: JobRecord | undefined,
  finished: FinishedAttempt,
  atMs: number,
  events: TableEvent[],
): void {
  const { attempt, workerId } = finished;
  const stage = job?.stages[attempt.stage];
  if (job === undefined || stage === undefined || !stage.hasTask(attempt.task) || attempt.attempt < 1) {
    events.push({ type: "attemptRefused", attempt, workerId, reason: "jobOver" });
  } else if (stage.columns.state[attempt.task] === taskDone) {
    const isWinner = stage.columns.isWinner(attempt);
    if (isWinner) events.push({ type: "attemptWon", attempt, workerId, isRepeat: true, isRemade: false });
    else events.push({ type: "attemptRefused", attempt, workerId, reason: "alreadyWon" });
  } else if (!job.takesResults) {
    events.push({ type: "attemptRefused", attempt, workerId, reason: "jobOver" });
  } else if (finished.inputsVersion !== job.inputsVersionOf(stage)) {
    refuseStale(job, finished, events);
  } else {
    acceptWinner(job, stage, finished, atMs, events);
  }
}

function refuseStale(job: JobRecord, { attempt, workerId }: FinishedAttempt, events: TableEvent[]): void {
  const { stage, task } = attempt;
  events.push(
    { type: "attemptRefused", attempt, workerId, reason: "inputsChanged" },
    {
      type: "taskRequeued",
      jobId: job.id,
      stage,
      task,
      reason: "inputsChanged",
      attempt,
      avoidWorkerId: undefined,
    },
  );
}

function acceptWinner(
  job: JobRecord,
  stage: StageTable,
  { attempt, workerId, result, isBackup }: FinishedAttempt,
  atMs: number,
  events: TableEvent[],
): void {
  const { columns } = stage;
  const task = attempt.task;
  const isRemade = columns.hasWinner(task);
  const isDifferent = isRemade && columns.segmentDigest[task] !== result.segment?.digest;
  if (isDifferent && job.consumersOf(stage).some((consumer) => consumer.won > 0)) {
    job.fail(notDeterministic(stage, task), atMs, events);
    events.push({ type: "attemptRefused", attempt, workerId, reason: "jobOver" });
    return;
  }
  if (isRemade) {
    takeOut(job, stage, task);
    stage.remade += 1;
  } else {
    stage.won += 1;
  }
  addTotals(job.counters, result.counters, 1, counterNamesMax);
  addTotals(stage.metrics, result.metrics, 1, metricNamesMax);
  const replica = result.segment?.replica;
  const workers = {
    worker: job.workerIndex(workerId),
    replica: replica === undefined || replica.workerId === workerId ? -1 : job.workerIndex(replica.workerId),
  };
  columns.setWinner(attempt, workers, result, stage.feedsShuffle);
  noteSkipped(job.skips, attempt, result.skipped);
  if (isBackup === true) stage.backupsWon += 1;
  stage.fetchFailures.delete(task);
  stage.done += 1;
  if (result.keys !== undefined) stage.sampleKeys.set(task, result.keys);
  const sizes = isRemade ? undefined : result.segment?.partitionSizes;
  const told = sizes === undefined ? {} : { partitionSizes: sizes };
  events.push({ type: "attemptWon", attempt, workerId, isRepeat: false, isRemade, ...told });
  if (isDifferent) {
    stage.inputsVersion += 1;
    events.push({ type: "outputsChanged", jobId: job.id, stage: stage.stage.id });
  }
  const tooMany = skipError(job.skips, job.spec.options.skipBadRecords ?? 0);
  if (tooMany !== undefined) job.fail(tooMany, atMs, events);
  else if (stage.done === stage.tasks) closeStage(job, stage, atMs, events);
}

/** Counters and metrics are those of winners alone, so the earlier winner's go. */
function takeOut(job: JobRecord, stage: StageTable, task: number): void {
  const before = stage.columns.contributions[task];
  if (before === undefined) return;
  addTotals(job.counters, before.counters, -1, counterNamesMax);
  addTotals(stage.metrics, before.metrics, -1, metricNamesMax);
}

function notDeterministic(stage: StageTable, task: number): Parameters<JobRecord["fail"]>[0] {
  const { kind, id } = stage.stage;
  return {
    code: "JOB_FAILED",
    message:
      `${kind} task ${task} is not deterministic: its output was lost and made again, and differs from the first, ` +
      "which finished reduce tasks had already read; let the result depend on the input and params alone",
    details: { stage: id, task, kind, reason: "notDeterministic" },
  };
}
