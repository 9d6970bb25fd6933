/** `fanfold wait`: until jobs have ended, or the time is up. */
import { FanfoldError, JobRun, type JobSummary } from "fanfold";
import { durationText } from "../figures.js";
import { printJson } from "../json-answer.js";
import { targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import { type JobCommandOptions, statusJson } from "./jobs.js";

export interface WaitOptions extends JobCommandOptions {
  /** In milliseconds. */
  readonly timeout?: number;
}

/** @throws `TIMED_OUT`; what the first of the jobs that did not succeed failed with. */
export async function wait(ids: readonly string[], options: WaitOptions): Promise<void> {
  const runs = [...new Set(ids)].map((jobId) => new JobRun({ ...targetOf(options), jobId }));
  const ended = Promise.all(runs.map((run) => run.follow())).then(() =>
    Promise.allSettled(runs.map((run) => run.result())),
  );
  const isOver = await inTime(ended, options.timeout);
  const jobs = runs.flatMap(({ job }) => job ?? []);
  if (options.json) printJson(jobs.map((job) => statusJson(job)));
  else for (const job of jobs) process.stdout.write(`${terminalSafe(`${job.id} ${job.state}`)}\n`);
  if (!isOver) throw timedOut(ids, jobs, options.timeout ?? 0);
  for (const run of runs) await run.result();
}

/** False when the time was up first. */
async function inTime(promise: Promise<unknown>, timeoutMs: number | undefined): Promise<boolean> {
  if (timeoutMs === undefined) return promise.then(() => true);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut(ids: readonly string[], jobs: readonly JobSummary[], timeoutMs: number): FanfoldError {
  if (jobs.length === 0) {
    const text = `Nobody has told of ${ids.join(", ")} within ${durationText(timeoutMs)}. See: fanfold why ${ids[0]}`;
    return new FanfoldError("TIMED_OUT", text);
  }
  const open = jobs.filter((job) => job.times.finishedMs === null).map((job) => `${job.id} is ${job.state}`);
  const first = jobs.find((job) => job.times.finishedMs === null)?.id ?? "ID";
  const message = `After ${durationText(timeoutMs)}, ${open.join(", ")}. See: fanfold why ${first}`;
  return new FanfoldError("TIMED_OUT", message);
}
