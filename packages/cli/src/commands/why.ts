/** `fanfold why`: what a job waits for. */
import { CoordinatorClient, isPassing } from "fanfold";
import { ask, clusterOf, jobOf } from "../cluster-question.js";
import { printJson } from "../json-answer.js";
import { targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import { reasonsFor, type WhySources } from "../why-text.js";
import type { JobCommandOptions } from "./jobs.js";

/** @throws `JOB_UNKNOWN`; `NO_COORDINATOR` when there is nobody to say anything. */
export async function why(id: string, options: JobCommandOptions): Promise<void> {
  const sources = await sourcesFor(id, options);
  const reasons = reasonsFor(sources);
  if (options.json) printJson({ id, state: sources.job?.state ?? null, reasons });
  else for (const { text } of reasons) process.stdout.write(`${terminalSafe(text)}\n`);
}

async function sourcesFor(id: string, options: JobCommandOptions): Promise<WhySources> {
  const view = await CoordinatorClient.describe(targetOf(options));
  const nowMs = Date.now();
  // Nobody leads, so there is no job to ask for; but why that is so can be told at once.
  if (!view.isLeader) return { job: undefined, cluster: view, events: [], nowMs };
  try {
    return await ask(options, async (client) => {
      const listed = await client.request({ type: "listEvents", afterIndex: 0, jobId: id, follow: false });
      const events = listed.type === "events" ? listed.events : [];
      return { job: await jobOf(client, id), cluster: await clusterOf(client), events, nowMs };
    });
  } catch (error) {
    if (!isPassing(error)) throw error;
    return {
      job: undefined,
      cluster: await CoordinatorClient.describe(targetOf(options)),
      events: [],
      nowMs,
    };
  }
}
