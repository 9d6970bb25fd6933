/** `fanfold replay`: one task of a job, here. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FanfoldError, fetchJob, replayTask } from "fanfold";
import { printJson } from "../json-answer.js";
import type { TaskName } from "../option-values.js";
import { LineSink } from "../record-lines.js";
import { stderrLog } from "../stderr-log.js";
import { targetOf } from "../target.js";
import type { JobCommandOptions } from "./jobs.js";

export interface ReplayCommandOptions extends JobCommandOptions {
  readonly inspectBrk: boolean;
  readonly lines?: number;
}

const linesShown = 20;

/** @throws what the task fails with. */
export async function replay(
  jobId: string,
  { stage, task }: TaskName,
  options: ReplayCommandOptions,
): Promise<void> {
  const job = await fetchJob(jobId, targetOf(options));
  const dir = mkdtempSync(join(tmpdir(), "fanfold-replay-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  process.setSourceMapsEnabled(true);
  let left = options.json ? 0 : (options.lines ?? linesShown);
  const print = (line: string): void => {
    left -= 1;
    if (left >= 0) process.stdout.write(line);
  };
  const waitForDebugger = options.inspectBrk ? await debuggerGate() : undefined;
  const result = await replayTask(job, {
    stage,
    task,
    dir,
    log: stderrLog(),
    onTask: (kind, number) => process.stderr.write(`${kind}.${number} …\n`),
    sinks: { open: () => new LineSink(print) },
    ...(waitForDebugger === undefined ? {} : { beforeLoading: waitForDebugger }),
  });
  if (options.json) {
    printJson({ jobId, stage, task, ...result });
    return;
  }
  if (left < 0) process.stderr.write(`… and ${-left} more lines (--lines N shows more)\n`);
  const { recordsIn, pairsEmitted, recordsOut } = result.metrics;
  process.stderr.write(
    `${stage}.${task} went through: ${recordsIn ?? 0} records in, ${pairsEmitted ?? 0} emitted, ${recordsOut ?? 0} out\n`,
  );
}

/** Opens the inspector, as `node --inspect-brk` does; the function waits for a debugger, then breaks. */
async function debuggerGate(): Promise<() => void> {
  const inspector = await import("node:inspector");
  try {
    if (inspector.url() === undefined) inspector.open(0, "127.0.0.1");
  } catch (cause) {
    throw new FanfoldError("USAGE", `No debugger can attach: ${(cause as Error).message}.`, { cause });
  }
  return () => {
    process.stderr.write(`Attach a debugger, such as chrome://inspect, to ${inspector.url() ?? ""}\n`);
    inspector.waitForDebugger();
    // biome-ignore lint/suspicious/noDebugger: the point of --inspect-brk
    debugger;
  };
}
