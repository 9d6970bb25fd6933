/** `fanfold retry`: a job that failed or was cancelled, again. */
import { retryJob } from "fanfold";
import { printJson } from "../json-answer.js";
import { targetOf } from "../target.js";
import type { JobCommandOptions } from "./jobs.js";

/** @throws `USAGE` for a job that has not ended, or has succeeded. */
export async function retry(id: string, options: JobCommandOptions): Promise<void> {
  const run = await retryJob(id, targetOf(options));
  if (options.json) printJson({ id: run.id, retryOf: id, state: run.job?.state ?? "pending" });
  else {
    process.stdout.write(`${run.id}\n`);
    process.stderr.write(`Runs again as ${run.id}. Follow it: fanfold status ${run.id} --follow\n`);
  }
}
