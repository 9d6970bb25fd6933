/** `fanfold jobs`, `status`, `logs`, `cancel`, `pause`, `resume`. */
import { CoordinatorClient, type JobLogEntry, JobRun, type JobSummary, type StageSummary } from "fanfold";
import { ask, clusterOf, jobOf } from "../cluster-question.js";
import { countText, durationText } from "../figures.js";
import { followRun, logText } from "../follow-run.js";
import { printJson } from "../json-answer.js";
import { createDisplay } from "../progress-display.js";
import { type ClusterOptions, targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import { quarantineLine } from "../worker-text.js";

export interface JobCommandOptions extends ClusterOptions {
  readonly json: boolean;
}

export async function listJobs(options: JobCommandOptions): Promise<void> {
  const jobs = await ask(options, async (client) => {
    const result = await client.request({ type: "listJobs" });
    return result.type === "jobs" ? result.jobs : [];
  });
  if (options.json) {
    printJson(jobs.map((job) => statusJson(job)));
    return;
  }
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    head: ["ID", "NAME", "STATE", "TASKS", "TIME"],
    style: { head: [], border: [] },
  });
  for (const job of jobs) {
    const tasks = job.stages.reduce((sum, stage) => sum + stage.tasks, 0);
    const done = job.stages.reduce((sum, stage) => sum + stage.done, 0);
    table.push([job.id, job.name, job.state, `${done}/${tasks}`, durationText(ageMs(job))]);
  }
  process.stdout.write(`${terminalSafe(table.toString())}\n`);
}

export async function showStatus(
  id: string,
  options: JobCommandOptions & { readonly follow: boolean },
): Promise<void> {
  if (options.follow) {
    await followStatus(id, options);
    return;
  }
  await ask(options, async (client) => {
    const job = await jobOf(client, id);
    showJob(job, options);
    if (options.json || job.times.finishedMs !== null) return;
    const { workers } = await clusterOf(client);
    for (const line of workers.flatMap(quarantineLine)) process.stdout.write(`  ${terminalSafe(line)}\n`);
  });
}

/** @throws what the job failed with, after its last state is shown. */
async function followStatus(id: string, options: JobCommandOptions): Promise<void> {
  const run = new JobRun({ ...targetOf(options), jobId: id });
  await run.follow();
  try {
    await followRun(run, await createDisplay(false));
  } finally {
    if (run.job !== undefined && run.job.times.finishedMs !== null) showJob(run.job, options);
  }
}

function showJob(job: JobSummary, options: JobCommandOptions): void {
  if (options.json) printJson(statusJson(job));
  else process.stdout.write(`${terminalSafe(statusText(job))}\n`);
}

/** What user code of a job has logged and printed; the leader keeps the latest lines of each job in memory. */
export async function showLogs(
  id: string,
  options: JobCommandOptions & { readonly follow: boolean },
): Promise<void> {
  const print = (entry: JobLogEntry): void => {
    process.stdout.write(`${options.json ? JSON.stringify(entry) : logText(entry)}\n`);
  };
  if (!options.follow) {
    const client = await CoordinatorClient.connect(targetOf(options), {
      onJobLog: (entries) => entries.forEach(print),
    });
    // Lines come before the reply.
    await client.request({ type: "watchJob", jobId: id });
    client.close();
    return;
  }
  const run = new JobRun({ ...targetOf(options), jobId: id });
  await run.follow();
  for await (const event of run.events()) if (event.type === "logged") print(event.entry);
}

export async function changeJob(
  verb: "cancel" | "pause" | "resume",
  id: string,
  options: JobCommandOptions,
): Promise<void> {
  const job = await ask(options, async (client) => {
    await client.request({ type: verb, jobId: id });
    return jobOf(client, id);
  });
  if (options.json) printJson(statusJson(job));
  else process.stdout.write(`${terminalSafe(`${job.id} ${job.state}`)}\n`);
}

/** A job as `--json` shows it. */
export function statusJson(job: JobSummary): object {
  const { manifest: _manifest, ...shown } = job;
  return shown;
}

function statusText(job: JobSummary): string {
  const lines = [`${job.id}  ${job.name}  ${job.state}  ${durationText(ageMs(job))}`];
  for (const stage of job.stages) {
    const records = countText(stage.recordsIn);
    lines.push(
      `  ${stage.kind.padEnd(6)} ${stage.done}/${stage.tasks} done, ${stage.running} running, ${records} records in${setbackText(stage)}`,
    );
  }
  if (job.skippedRecords > 0) lines.push(`  skipped ${countText(job.skippedRecords)} bad records`);
  if (job.error !== null) lines.push(`  error ${job.error.code}: ${job.error.message}`);
  if (job.state === "succeeded" && job.out !== null) lines.push(`  output: ${job.out}`);
  return lines.join("\n");
}

/** What did not go as it should, where anything did not. */
function setbackText({ failed, lost, remade, backups, backupsWon }: StageSummary): string {
  const counts: [number, string][] = [
    [failed, "failed"],
    [lost, "lost"],
    [remade, "outputs made again"],
    [backups + backupsWon, "backups"],
  ];
  return counts.flatMap(([n, what]) => (n > 0 ? [`, ${countText(n)} ${what}`] : [])).join("");
}

function ageMs(job: JobSummary): number {
  return (job.times.finishedMs ?? Date.now()) - job.times.submittedMs;
}
