/** `fanfold map` and `fanfold reduce`: one step of a job as a filter, from standard input to standard output. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { spoolStandardInput } from "@fanfold/storage";
import { runMapStep, runReduceStep, type StepOptions } from "fanfold";
import { LineSink, parsePairLine } from "../record-lines.js";
import { stderrLog } from "../stderr-log.js";

export interface StepCommandOptions {
  readonly set: Readonly<Record<string, string>>;
}

/** Records of standard input through `map`; a line a pair. */
export async function mapStep(jobFile: string, options: StepCommandOptions): Promise<void> {
  await runMapStep(jobFile, await stepOptions(options));
}

/** Lines of `fanfold map`, sorted by key, through `reduce`. */
export async function reduceStep(jobFile: string, options: StepCommandOptions): Promise<void> {
  await runReduceStep(jobFile, await stepOptions(options), parsePairLine);
}

async function stepOptions({ set }: StepCommandOptions): Promise<StepOptions> {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-step-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  // User errors name the user's own file and line.
  process.setSourceMapsEnabled(true);
  const input = await spoolStandardInput(process.stdin, dir);
  return { params: set, input, dir, log: stderrLog(), sinks: { open: (_writer, stem) => sinkFor(stem) } };
}

/** Named outputs would be mixed with the main one: they are for people, and go where people look. */
function sinkFor(stem: string): LineSink {
  const name = basename(stem);
  if (name === "part") return new LineSink((line) => process.stdout.write(line));
  return new LineSink((line) => process.stderr.write(`${name}: ${line}`));
}
