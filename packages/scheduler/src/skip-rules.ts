/**
 * Counts the bad records that a job has skipped: those of winning attempts alone, so that each counts once however
 * often its task is run. A task that is made again brings its own anew. One record too many fails the job.
 */
import type { ErrorReport } from "@fanfold/job";
import { skippedNamedMax } from "./limits.js";
import type { SkippedRecords } from "./task-result.js";

/** By `stage/task`; only tasks that have skipped something. */
export type Skips = Map<string, SkippedRecords>;

/** Takes in what a task's winner has skipped, in place of what its earlier winner had. */
export function noteSkipped(
  skips: Skips,
  id: { readonly stage: number; readonly task: number },
  skipped: SkippedRecords | undefined,
): void {
  const name = `${id.stage}/${id.task}`;
  if (skipped === undefined || skipped.count === 0) skips.delete(name);
  else skips.set(name, skipped);
}

export function skippedCount(skips: Skips): number {
  let count = 0;
  for (const skipped of skips.values()) count += skipped.count;
  return count;
}

/** When the job is over its number is all that matters. */
export function forgetSkippedTasks(skips: Skips): void {
  const count = skippedCount(skips);
  skips.clear();
  if (count > 0) skips.set("all", { count, first: [] });
}

/** Of a job that has skipped more than `max`; `undefined` if it has not. */
export function skipError(skips: Skips, max: number): ErrorReport | undefined {
  const count = skippedCount(skips);
  if (count <= max) return undefined;
  const first = [...skips.values()].flatMap((skipped) => skipped.first).slice(0, skippedNamedMax);
  const message =
    `${count} bad records, and the job may skip ${max}; the first of them\n` +
    first.map((text) => `  ${text}`).join("\n");
  return { code: "SKIP_LIMIT_EXCEEDED", message, details: { max, count } };
}
