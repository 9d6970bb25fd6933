/** A job again, as it was submitted: the same code, inputs, output and parameters. */
import { randomUUID } from "node:crypto";
import { FanfoldError } from "@fanfold/job";
import { type ClientOptions, CoordinatorClient, whileLeadersChange } from "./coordinator-client.js";
import { JobRun } from "./job-run.js";

/**
 * Submits a job that failed or was cancelled again, under an id of its own. It starts from the beginning: what the
 * first run had made is gone, since a job that does not succeed leaves nothing behind.
 *
 * @throws `JOB_UNKNOWN`; `USAGE` for a job that has not ended, or has succeeded; as `submitJob`.
 */
export async function retryJob(jobId: string, target: ClientOptions): Promise<JobRun> {
  const key = randomUUID();
  const again = await whileLeadersChange(async () => {
    const client = await CoordinatorClient.connect(target);
    try {
      return await submitAgain(client, jobId, key);
    } finally {
      client.close();
    }
  });
  const run = new JobRun({ ...target, jobId: again });
  await run.follow();
  return run;
}

async function submitAgain(client: CoordinatorClient, jobId: string, key: string): Promise<string> {
  const known = await client.request({ type: "getJob", jobId });
  const state = known.type === "job" ? known.job.state : "pending";
  if (state !== "failed" && state !== "cancelled") {
    const advice =
      state === "succeeded" ? "Submit it anew." : `Wait for it, or end it: fanfold cancel ${jobId}`;
    throw new FanfoldError(
      "USAGE",
      `Job ${jobId} is ${state}; only failed and cancelled jobs are retried. ${advice}`,
    );
  }
  const result = await client.request({ type: "getSpec", jobId });
  if (result.type !== "spec") throw new FanfoldError("INTERNAL", `getSpec was answered by ${result.type}.`);
  const submitted = await client.request({ type: "submit", spec: result.spec, key });
  if (submitted.type === "accepted") return submitted.jobId;
  throw new FanfoldError("INTERNAL", `A submit was answered by ${submitted.type}.`);
}
