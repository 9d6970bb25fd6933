/** Attempts in the form that travels: columns again, of the rows that are new to the reader. */
import { AttemptColumns, attemptStates, type MetricColumn, metricColumns } from "./attempt-columns.js";
import type { JobHistory } from "./job-history.js";
import { attemptsPerAnswerMax } from "./limits.js";

export interface AttemptsView {
  readonly jobId: string;
  /** Row numbers and versions mean something only to the replica that gave them; another has another name here. */
  readonly source: string;
  /** Ask for what has changed since then. */
  readonly version: number;
  readonly hasMore: boolean;
  /** Rows there are in all. */
  readonly total: number;
  readonly unrecorded: number;
  /** By the numbers in the `worker` column. */
  readonly workers: readonly string[];
  readonly states: readonly string[];
  readonly rows: AttemptRows;
}

/** Each list has one entry a row. Times are in milliseconds since 1970, `null` where not known or not yet. */
export type AttemptRows = Readonly<
  Record<"row" | "stage" | "task" | "attempt" | "worker" | "slot" | "state" | MetricColumn, readonly number[]>
> & { readonly startMs: readonly (number | null)[]; readonly endMs: readonly (number | null)[] };

export interface AttemptsQuery {
  readonly since: number;
  readonly limit?: number | undefined;
  readonly stage?: number | undefined;
  readonly task?: number | undefined;
}

const noHistory = {
  attempts: new AttemptColumns(),
  workers: [] as readonly string[],
  unrecorded: 0,
};

export function attemptsView(
  history: JobHistory | undefined,
  { jobId, source }: { readonly jobId: string; readonly source: string },
  query: AttemptsQuery,
): AttemptsView {
  const { attempts, workers, unrecorded } = history ?? noHistory;
  const limit = Math.min(query.limit ?? attemptsPerAnswerMax, attemptsPerAnswerMax);
  const changed = attempts.changedSince(query.since, limit);
  const rows = changed.filter(
    (row) =>
      (query.stage === undefined || attempts.stage[row] === query.stage) &&
      (query.task === undefined || attempts.task[row] === query.task),
  );
  const hasMore = changed.length === limit;
  const pick = (column: ArrayLike<number>): number[] => rows.map((row) => column[row]!);
  const pickTime = (column: Float64Array): (number | null)[] =>
    rows.map((row) => (Number.isNaN(column[row]!) ? null : column[row]!));
  const metrics = Object.fromEntries(metricColumns.map((name) => [name, pick(attempts.metrics[name])]));
  return {
    jobId,
    source,
    version: hasMore ? attempts.changed[changed.at(-1)!]! : attempts.version,
    hasMore,
    total: attempts.length,
    unrecorded,
    workers,
    states: attemptStates,
    rows: {
      row: rows,
      stage: pick(attempts.stage),
      task: pick(attempts.task),
      attempt: pick(attempts.attempt),
      worker: pick(attempts.worker),
      slot: pick(attempts.slot),
      state: pick(attempts.state),
      startMs: pickTime(attempts.startMs),
      endMs: pickTime(attempts.endMs),
      ...(metrics as Record<MetricColumn, number[]>),
    },
  };
}
