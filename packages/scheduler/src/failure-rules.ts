/**
 * Decides what a failure costs. A *lost* attempt costs nothing: its worker went away. A *failed* one counts against
 * the task's tries, an *exited* one against a limit of its own. One that could not *fetch* counts against the outputs
 * it names: enough reports and the output is held to be lost and made again, in a bounded number of rounds.
 *
 * A task's tries go to different workers while there are others. So when the same record has failed on several of
 * them, it is the data or the code, and more tries would only cost time.
 */
import type { ErrorReport } from "@fanfold/job";
import type { JobRecord } from "./job-record.js";
import {
  executorExitsMax,
  failedAttemptsMax,
  fetchFailuresMax,
  fetchFailuresPerTaskMax,
  fetchRoundsMax,
  recordFailureWorkers,
} from "./limits.js";
import type { StageTable } from "./stage-table.js";
import type { TableEvent } from "./table-event.js";
import { taskDone, taskOutputLost } from "./task-columns.js";
import type { FailedAttempt, MapOutputRef } from "./task-result.js";

/** Characters of a message kept for the history of a task; the job's own error is kept whole. */
const historyTextMax = 500;

/** Applies one logged failure. `job` is `undefined` if it is not known (any more). */
export function applyFailure(
  job: JobRecord | undefined,
  failure: FailedAttempt,
  atMs: number,
  events: TableEvent[],
): void {
  const { attempt, workerId } = failure;
  // Nobody waits to hear of a lost attempt; it may even have come back with its worker.
  if (failure.kind !== "lost") events.push({ type: "failureRecorded", attempt, workerId });
  const stage = job?.stages[attempt.stage];
  if (job === undefined || stage === undefined || !stage.hasTask(attempt.task)) return;
  if (failure.kind === "lost") stage.lostAttempts += 1;
  if (failure.kind === "lost" || !job.takesResults) return;
  if (stage.columns.state[attempt.task] === taskDone) return;
  const { kind, error } = failure;
  const message = error.message.slice(0, historyTextMax);
  const record = kind === "fetchFailed" ? undefined : recordOf(error);
  const known = { attempt: attempt.attempt, epoch: attempt.epoch, workerId, kind, message };
  if (!stage.recordFailure(attempt, record === undefined ? known : { ...known, record })) return;
  if (error.code === "SKIP_LIMIT_EXCEEDED") {
    // The same records will be bad again.
    job.fail(error, atMs, events);
    return;
  }
  const tries = stage.failuresOf(attempt.task, kind);
  if (tries >= triesMax(job, kind) || isHopeless(stage, attempt.task, record)) {
    job.fail(taskError(stage, failure, tries, record), atMs, events);
    return;
  }
  events.push({
    type: "taskRequeued",
    jobId: job.id,
    stage: attempt.stage,
    task: attempt.task,
    reason: kind,
    attempt,
    avoidWorkerId: workerId,
  });
  if (kind === "fetchFailed") countFetchFailures(job, failure, atMs, events);
}

function triesMax(job: JobRecord, kind: "failed" | "exited" | "fetchFailed"): number {
  if (kind === "fetchFailed") return fetchFailuresPerTaskMax;
  return job.spec.options.maxAttempts ?? (kind === "failed" ? failedAttemptsMax : executorExitsMax);
}

/** The record or key that user code was at, by the fields of its error. */
function recordOf({ details }: ErrorReport): string | undefined {
  if (details === undefined) return undefined;
  const { path, offset, key } = details as { readonly [name: string]: unknown };
  if (path !== undefined && offset !== undefined) return `${path} byte ${offset}`.slice(-historyTextMax);
  return key === undefined ? undefined : `key ${key}`.slice(0, historyTextMax);
}

/** Whether the same record has failed on several workers, or as often on the few there are. */
function isHopeless(stage: StageTable, task: number, record: string | undefined): boolean {
  if (record === undefined) return false;
  const failures = (stage.failures.get(task) ?? []).filter(({ kind }) => kind !== "fetchFailed");
  const same = failures.filter((failure) => failure.record === record);
  if (same.length < recordFailureWorkers) return false;
  const workers = new Set(same.map(({ workerId }) => workerId));
  return workers.size >= recordFailureWorkers || failures.length >= failedAttemptsMax;
}

type Cause = "dataOrCode" | "machine" | "unknown";

const verdicts: Readonly<Record<Cause, string>> = {
  dataOrCode: "the same record failed each time, so the data or the code is at fault",
  machine:
    "other tasks succeeded meanwhile but this one was only ever tried on one worker, which may be at fault",
  unknown: "",
};

/** Who is to blame, judged by all failures of the task. Once is no evidence. */
function causeOf(stage: StageTable, task: number, record: string | undefined): Cause {
  const failures = (stage.failures.get(task) ?? []).filter(({ kind }) => kind !== "fetchFailed");
  if (failures.length < 2) return "unknown";
  // An attempt whose process died with the record may not have told.
  const told = failures.filter((failure) => failure.record !== undefined);
  if (told.length >= 2 && told.every((failure) => failure.record === record)) return "dataOrCode";
  const workers = new Set(failures.map(({ workerId }) => workerId));
  return workers.size === 1 && stage.done > 0 ? "machine" : "unknown";
}

/** The last error of the task that ended the job; its code stays, so that callers can tell causes apart. */
function taskError(
  stage: StageTable,
  { attempt, workerId, error }: FailedAttempt,
  tries: number,
  record: string | undefined,
): ErrorReport {
  const kind = stage.stage.kind;
  const times = tries === 1 ? "once" : `${tries} times`;
  const cause = causeOf(stage, attempt.task, record);
  const verdict = verdicts[cause] === "" ? "" : ` (${verdicts[cause]})`;
  return {
    ...error,
    message:
      `${kind} task ${attempt.task} failed ${times}, the last time in attempt ${attempt.attempt} ` +
      `on worker ${workerId}${verdict}: ${error.message}`,
    details: {
      ...error.details,
      stage: kind,
      stageId: attempt.stage,
      task: attempt.task,
      attempt: attempt.attempt,
      tries,
      workerId,
      cause,
    },
  };
}

function countFetchFailures(
  job: JobRecord,
  failure: FailedAttempt,
  atMs: number,
  events: TableEvent[],
): void {
  const lostByStage = new Map<StageTable, number[]>();
  for (const ref of distinctRefs(failure.missing ?? [])) {
    const stage = job.stages[ref.stage];
    if (stage?.feedsShuffle !== true || !isAtHand(stage, ref)) continue;
    const reports = (stage.fetchFailures.get(ref.task) ?? 0) + 1;
    stage.fetchFailures.set(ref.task, reports);
    if (reports < fetchFailuresMax) continue;
    lostByStage.set(stage, [...(lostByStage.get(stage) ?? []), ref.task]);
  }
  for (const [stage, tasks] of lostByStage) {
    // Outputs lost while others are being re-made belong to the round that runs.
    if (stage.isDone) stage.fetchRounds += 1;
    if (stage.fetchRounds > fetchRoundsMax) {
      job.fail(unreachable(stage, tasks, failure), atMs, events);
      return;
    }
    loseOutputs(job, stage, tasks, events);
  }
}

function distinctRefs(refs: readonly MapOutputRef[]): Iterable<MapOutputRef> {
  return new Map(refs.map((ref) => [`${ref.stage}/${ref.task}`, ref])).values();
}

/** Whether the output that was not had is the one that would be read now; a report on an older one says nothing. */
function isAtHand(stage: StageTable, ref: MapOutputRef): boolean {
  return stage.columns.state[ref.task] === taskDone && stage.columns.isWinner(ref);
}

function unreachable(stage: StageTable, tasks: readonly number[], { error }: FailedAttempt): ErrorReport {
  const { kind, id } = stage.stage;
  return {
    ...error,
    code: "JOB_FAILED",
    message:
      `output of ${kind} task ${tasks[0]} could not be fetched, though outputs of its stage were made again ` +
      `${fetchRoundsMax} times: ${error.message}`,
    details: { ...error.details, stage: kind, stageId: id, task: tasks[0], reason: "fetchFailed" },
  };
}

/** Opens tasks again whose outputs are gone, unless nobody needs them. */
export function loseOutputs(
  job: JobRecord,
  stage: StageTable,
  tasks: Iterable<number>,
  events: TableEvent[],
): void {
  if (!job.takesResults || job.consumersOf(stage).every((consumer) => consumer.isDone)) return;
  for (const task of tasks) {
    if (stage.columns.state[task] !== taskDone) continue;
    stage.columns.state[task] = taskOutputLost;
    stage.done -= 1;
    stage.finishedMs = null;
    stage.fetchFailures.delete(task);
    events.push({
      type: "taskRequeued",
      jobId: job.id,
      stage: stage.stage.id,
      task,
      reason: "outputLost",
      attempt: undefined,
      avoidWorkerId: undefined,
    });
  }
}
