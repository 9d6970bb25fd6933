/** What a job's summary says in a few words. Pure. */
import type { JobSummary } from "@fanfold/scheduler";

export interface TaskTotals {
  readonly done: number;
  readonly running: number;
  readonly tasks: number;
  readonly failed: number;
  readonly lost: number;
}

export function taskTotals(job: JobSummary): TaskTotals {
  const sum = (of: (stage: JobSummary["stages"][number]) => number): number =>
    job.stages.reduce((total, stage) => total + of(stage), 0);
  return {
    done: sum(({ done }) => done),
    running: sum(({ running }) => running),
    tasks: sum(({ tasks }) => tasks),
    failed: sum(({ failed }) => failed),
    lost: sum(({ lost }) => lost),
  };
}

export function elapsedMs(job: JobSummary, nowMs: number): number {
  return Math.max(0, (job.times.finishedMs ?? nowMs) - job.times.submittedMs);
}

export function isOver(job: JobSummary): boolean {
  return job.times.finishedMs !== null;
}

/** The first line of a stack that is the user's own: `word-count.ts:12:5`. */
export function userLine(
  stack: string | undefined,
): { readonly file: string; readonly text: string } | undefined {
  for (const line of stack?.split("\n") ?? []) {
    const match = /\(?((?:file:\/\/)?[^\s()]+\.[cm]?[jt]sx?):(\d+)(?::(\d+))?\)?\s*$/.exec(line);
    if (match === null || /node_modules|node:internal/.test(line)) continue;
    const file = (match[1] ?? "").replace(/^file:\/\//, "");
    return { file, text: `${file.split("/").at(-1)}:${match[2]}` };
  }
  return undefined;
}

/** Metrics that are shown under their own names elsewhere. */
const shownElsewhere: ReadonlySet<string> = new Set(["recordsIn", "bytesIn", "recordsOut", "bytesOut"]);

export function otherMetrics(metrics: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(metrics).filter(([name, value]) => !shownElsewhere.has(name) && value !== 0);
}
