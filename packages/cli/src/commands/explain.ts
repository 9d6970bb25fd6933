/** `fanfold explain`: how a job would run. */
import { explainJob, FanfoldError, type JobExplanation } from "fanfold";
import { earlyError } from "../exit-codes.js";
import { bytesText, countText } from "../figures.js";
import { printJson } from "../json-answer.js";
import { terminalSafe } from "../terminal-safe.js";
import { type JobOptions, submitOptions } from "./run.js";

export type ExplainCommandOptions = Omit<JobOptions, "out" | "force" | "quiet"> & {
  readonly workers?: number;
};

export async function explain(
  jobFile: string,
  inputs: readonly string[],
  options: ExplainCommandOptions,
): Promise<void> {
  if (inputs.length === 0) throw new FanfoldError("USAGE", "Which input? Name files, folders or globs.");
  const { force: _force, ...wishes } = submitOptions({ ...options, force: false, quiet: true, out: "" });
  const plan = await explainJob(jobFile, {
    ...wishes,
    inputs,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
  }).catch((error: unknown) => {
    throw earlyError(error);
  });
  if (options.json) printJson(plan);
  else process.stdout.write(`${terminalSafe(planText(plan))}\n`);
}

/** The plan as a few lines, a stage each with the steps of its tasks below. */
export function planText(plan: JobExplanation): string {
  const { input, code } = plan;
  const lines = [
    `${plan.name}  (code ${code.digest.slice(0, 12)}, ${bytesText(code.bytes)})`,
    `input   ${countText(input.files)} files, ${bytesText(input.bytes)}, read as ${input.reader}: ` +
      `${countText(input.splits)} splits of ${bytesText(input.smallestSplitBytes)} to ${bytesText(input.largestSplitBytes)}`,
  ];
  for (const stage of plan.stages) {
    const after = stage.after.length === 0 ? "" : `, after stage ${stage.after.join(" and ")}`;
    const waves = stage.waves === 1 ? "one round" : `${countText(stage.waves)} rounds`;
    lines.push(
      `stage ${stage.id}  ${stage.kind}: ${countText(stage.tasks)} tasks, ${waves} on ${plan.slots} slots${after}`,
    );
    for (const { what, runs } of stage.steps) {
      lines.push(`          ${runs === "user" ? "your code " : "built in  "} ${what}`);
    }
  }
  if (plan.partitions > 0) lines.push(`shuffle ${partitionsText(plan)}, chosen by ${plan.partitioner}`);
  lines.push(`memory  ${bytesText(plan.memoryBytes)} for the buffers of each slot`);
  return lines.join("\n");
}

function partitionsText({ partitions, partitionsFrom }: JobExplanation): string {
  const by = {
    option: "as --reducers says",
    job: "as the job says",
    workers: "two a slot, since nobody says",
    none: "",
  }[partitionsFrom];
  return `${countText(partitions)} partitions (${by})`;
}
