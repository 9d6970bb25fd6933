/** Follows a job on the screen until it ends. */
import type { JobLogEntry, JobResult, JobRun } from "fanfold";
import type { ProgressDisplay } from "./progress-display.js";
import { terminalSafe } from "./terminal-safe.js";

/** @throws what the job failed with. */
export async function followRun(run: JobRun, display: ProgressDisplay): Promise<JobResult> {
  try {
    for await (const event of run.events()) {
      switch (event.type) {
        case "stateChanged":
        case "progressed":
          display.show(event.job);
          break;
        case "logged":
          display.print(logText(event.entry));
          break;
        case "linkLost":
          display.print(`The coordinator is away (${event.reason}); the job goes on. Looking for it …`);
          break;
      }
    }
  } finally {
    display.end();
  }
  return run.result();
}

/** `[0.3#1 warn] message {fields}`: stage and task, attempt, level. */
export function logText(entry: JobLogEntry): string {
  const { stage, task, attempt } = entry.attempt;
  const level = entry.source === "log" ? entry.level : entry.source;
  const fields = entry.fields === undefined ? "" : ` ${entry.fields}`;
  return terminalSafe(`[${stage}.${task}#${attempt} ${level}] ${entry.message}${fields}`);
}
