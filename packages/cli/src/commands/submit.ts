/** `fanfold submit`: a job for a cluster that is there. */
import { CoordinatorClient, FanfoldError, type JobRun, submitJob } from "fanfold";
import { ExitError, earlyError } from "../exit-codes.js";
import { followRun } from "../follow-run.js";
import { printJobError, printJson } from "../json-answer.js";
import { createDisplay, noDisplay } from "../progress-display.js";
import { resultJson, resultText } from "../result-report.js";
import { type ClusterOptions, targetOf } from "../target.js";
import { type JobOptions, submitOptions } from "./run.js";

export interface SubmitCommandOptions extends JobOptions, ClusterOptions {
  readonly detach: boolean;
  readonly key?: string;
}

export async function submit(
  jobFile: string,
  inputs: readonly string[],
  options: SubmitCommandOptions,
): Promise<void> {
  if (options.out === "-" || inputs.includes("-")) {
    throw new FanfoldError(
      "USAGE",
      "A cluster reads and writes files that its workers see; - is for fanfold run.",
    );
  }
  if (inputs.length === 0) throw new FanfoldError("USAGE", "Which input? Name files, folders or globs.");
  try {
    const run = await submitJob(jobFile, {
      ...submitOptions(options),
      ...targetOf(options),
      inputs,
      out: options.out,
      ...(options.key === undefined ? {} : { key: options.key }),
    });
    await warnWithoutWorkers(options);
    if (options.detach) tellDetached(run, options.json);
    else await wait(run, options);
  } catch (error) {
    if (options.json) printJobError(error);
    throw error;
  }
}

async function warnWithoutWorkers(options: SubmitCommandOptions): Promise<void> {
  const { isLeader, workers } = await CoordinatorClient.describe(targetOf(options));
  if (!isLeader || workers.length > 0) return;
  process.stderr.write("No worker is connected: the job waits for one. See: fanfold worker --help\n");
}

function tellDetached(run: JobRun, isJson: boolean): void {
  const text = isJson ? JSON.stringify({ id: run.id, state: run.job?.state ?? "pending" }) : run.id;
  process.stdout.write(`${text}\n`);
}

async function wait(run: JobRun, options: SubmitCommandOptions): Promise<void> {
  const display = options.json && !process.stderr.isTTY ? noDisplay : await createDisplay(options.quiet);
  const onInterrupt = (): void => {
    display.end();
    process.stderr.write(
      `\nDetached: the job goes on. Follow it: fanfold status ${run.id} --follow; end it: fanfold cancel ${run.id}\n`,
    );
    throw new ExitError(130, "detached", { isTold: true });
  };
  process.once("SIGINT", onInterrupt);
  try {
    const result = await followRun(run, display).catch((error: unknown) => {
      throw run.job?.times.plannedMs === null ? earlyError(error) : error;
    });
    if (options.json) printJson(resultJson(result));
    else if (!options.quiet) process.stderr.write(`${resultText(result)}\n`);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
