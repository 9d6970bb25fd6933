/** `fanfold top`: the cluster's workers and jobs, live on a terminal, once elsewhere. */
import { type ClusterSummary, CoordinatorClient, isPassing, type JobSummary } from "fanfold";
import { ask, clusterOf, jobsOf } from "../cluster-question.js";
import { bytesText, countText, durationText } from "../figures.js";
import { printJson } from "../json-answer.js";
import { targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import { type JobCommandOptions, statusJson } from "./jobs.js";

export interface TopOptions extends JobCommandOptions {
  /** In milliseconds. */
  readonly interval: number;
  readonly once: boolean;
}

interface Look {
  readonly cluster: ClusterSummary;
  readonly jobs: readonly JobSummary[];
}

/** Rows of each table: what does not fit on a screen is better asked for by `cluster` and `jobs`. */
const rowsMax = 15;

export async function top(options: TopOptions): Promise<void> {
  const isLive = !options.once && !options.json && process.stdout.isTTY && process.env["TERM"] !== "dumb";
  if (isLive) return live(options);
  const look = await lookOnce(options);
  if (options.json) printJson({ cluster: look.cluster, jobs: look.jobs.map((job) => statusJson(job)) });
  else process.stdout.write(`${lookText(look)}\n`);
}

/** Until Ctrl-C or q. */
async function live(options: TopOptions): Promise<void> {
  const { createLogUpdate } = await import("log-update");
  const update = createLogUpdate(process.stdout);
  const stopped = untilStopped();
  for (;;) {
    try {
      update(`${lookText(await lookOnce(options))}\nq ends`);
    } catch (error) {
      if (!isPassing(error)) throw error;
      update(`${terminalSafe((error as Error).message)}\nLooking again …`);
    }
    const isOver = await Promise.race([
      stopped.promise,
      new Promise<false>((resolve) => setTimeout(resolve, options.interval, false)),
    ]);
    if (!isOver) continue;
    update.done();
    stopped.release();
    return;
  }
}

function untilStopped(): { readonly promise: Promise<true>; release(): void } {
  let resolveIt: (value: true) => void = () => undefined;
  const promise = new Promise<true>((resolve) => {
    resolveIt = resolve;
  });
  const onKey = (key: Buffer): void => {
    if (key.includes("q") || key.includes(3)) resolveIt(true);
  };
  const onSignal = (): void => resolveIt(true);
  if (process.stdin.isTTY) process.stdin.setRawMode(true).on("data", onKey).resume();
  process.once("SIGINT", onSignal);
  return {
    promise,
    release: () => {
      process.off("SIGINT", onSignal);
      if (process.stdin.isTTY) process.stdin.off("data", onKey).setRawMode(false).pause();
    },
  };
}

/** Without a leader there are no jobs to be told, but the replicas still are. */
async function lookOnce(options: TopOptions): Promise<Look> {
  try {
    return await ask(options, async (client) => {
      return { cluster: await clusterOf(client), jobs: await jobsOf(client) };
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    return { cluster: await CoordinatorClient.describe(targetOf(options)), jobs: [] };
  }
}

/** One screen. */
export function lookText({ cluster, jobs }: Look, nowMs: number = Date.now()): string {
  const slots = cluster.workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = cluster.workers.reduce((sum, worker) => sum + worker.running, 0);
  const up = cluster.replicas.filter(({ reachable }) => reachable).length;
  const active = jobs.filter(({ times }) => times.finishedMs === null);
  const lines = [
    `leader ${cluster.leader ?? "none"}   replicas ${up}/${cluster.replicas.length}   ` +
      `workers ${cluster.workers.length}   slots ${busy}/${slots} busy   jobs ${active.length} active, ${jobs.length - active.length} ended`,
    "",
    columns(["WORKER", "STATE", "SLOTS", "BUSY"], cluster.workers.map(workerRow)),
    "",
    columns(["JOB", "NAME", "STATE", "STAGE", "TASKS", "RUNNING", "IN", "TIME"], jobRows(jobs, nowMs)),
  ];
  return terminalSafe(lines.join("\n"));
}

function workerRow({ workerId, slots, running, state }: ClusterSummary["workers"][number]): string[] {
  return [
    workerId,
    state,
    String(slots),
    `${"█".repeat(running)}${"░".repeat(Math.max(0, slots - running))} ${running}`,
  ];
}

/** Active jobs first, then the latest. */
function jobRows(jobs: readonly JobSummary[], nowMs: number): string[][] {
  const order = (job: JobSummary): number => (job.times.finishedMs === null ? 0 : 1);
  const sorted = [...jobs].sort((a, b) => order(a) - order(b) || b.times.submittedMs - a.times.submittedMs);
  return sorted.map((job) => {
    const stage = job.stages.find(({ done, tasks }) => done < tasks) ?? job.stages.at(-1);
    const rate = stage?.bytesInPerSecond ?? 0;
    return [
      job.id,
      job.name,
      job.state,
      stage?.kind ?? "-",
      stage === undefined ? "-" : `${countText(stage.done)}/${countText(stage.tasks)}`,
      String(job.stages.reduce((sum, each) => sum + each.running, 0)),
      rate > 0 ? `${bytesText(rate)}/s` : "-",
      durationText((job.times.finishedMs ?? nowMs) - job.times.submittedMs),
    ];
  });
}

function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = [head, ...rows.slice(0, rowsMax)];
  const widths = head.map((_, index) => Math.max(...shown.map((row) => (row[index] ?? "").length)));
  const lines = shown.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  if (rows.length > rowsMax) lines.push(`… and ${rows.length - rowsMax} more`);
  return lines.join("\n");
}
