/** Commands about one small job, for tests of the table. */
import {
  type Command,
  type FinishedAttempt,
  type JobOptions,
  type JobRecord,
  type JobSpec,
  JobTable,
  type TableEvent,
  type TaskResult,
} from "../src/index.js";
import { spec, splits } from "./driver.js";

export const jobId = "job-1";
export const outcome = { code: "USER_CODE_FAILED", message: "boom" } as const;

export function planned(jobSpec: JobSpec, maps: number, partitions: number): JobTable {
  const table = new JobTable();
  table.apply({ type: "jobSubmitted", jobId, spec: jobSpec, atMs: 1 });
  table.apply({
    type: "jobPlanned",
    jobId,
    from: 0,
    splits: splits(maps),
    isLast: true,
    partitions,
    atMs: 2,
  });
  return table;
}

/** A job of `maps` maps and `reduces` reduce tasks that is running. */
export function tableOf(maps: number, reduces: number, options: Partial<JobOptions> = {}): JobTable {
  return planned(spec(maps, reduces, { options }), maps, reduces);
}

export function id(stage: number, task: number, attempt = 1, epoch = 1): FinishedAttempt["attempt"] {
  return { jobId, stage, task, attempt, epoch };
}

export interface Finish {
  attempt?: number;
  workerId?: string;
  digest?: string;
  inputsVersion?: number;
  result?: Partial<TaskResult>;
}

export function finished(stage: number, task: number, more: Finish = {}): Command {
  const { attempt = 1, workerId = "w1", digest = `d${task}`, inputsVersion = 0 } = more;
  const result = {
    segment: { path: `/seg/${task}`, bytes: 1, digest },
    outputs: [],
    counters: {},
    metrics: {},
    ...more.result,
  };
  return {
    type: "tasksFinished",
    atMs: 10,
    results: [{ attempt: id(stage, task, attempt), workerId, inputsVersion, result }],
  };
}

export type Failing = Extract<Command, { type: "attemptsFailed" }>["failures"][number];

export function failed(stage: number, task: number, attempt: number, more: Partial<Failing> = {}): Command {
  const failure = {
    attempt: id(stage, task, attempt),
    workerId: "w1",
    kind: "failed",
    error: outcome,
  } as const;
  return { type: "attemptsFailed", atMs: 20, failures: [{ ...failure, ...more }] };
}

/** A report of reduce task `task` that output of `map` could not be fetched. */
export function unfetched(
  task: number,
  attempt: number,
  ...maps: { task: number; attempt?: number }[]
): Command {
  const missing = maps.map((map) => ({ stage: 0, task: map.task, attempt: map.attempt ?? 1, epoch: 1 }));
  return failed(1, task, attempt, { kind: "fetchFailed", missing });
}

export function typesOf(events: readonly TableEvent[]): string[] {
  return events.map((event) => event.type);
}

export function theJob(table: JobTable): JobRecord {
  return table.job(jobId)!;
}
