/** One way of doing a piece of work: a command that reads the input and writes the answer to a path of its own. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AnswerLayout } from "./answer.js";

export type Command = readonly [string, ...string[]];

export interface Contender {
  readonly name: string;
  /** Executables that it cannot do without. */
  readonly needs: readonly string[];
  readonly layout: AnswerLayout;
  command(input: string, output: string): Command;
}

export interface FanfoldOptions {
  readonly workers: number;
  /** As `--memory` takes it. */
  readonly memory: string | undefined;
}

/** Everything is run from the compiled `scripts/dist/bench`. */
export const repositoryRoot: string = fileURLToPath(new URL("../../../", import.meta.url));
const fanfoldCommand: string = join(repositoryRoot, "packages/cli/bin/fanfold.js");

/** Where a job of the benchmark lies, as source: `fanfold` bundles it. */
export function jobFile(job: string): string {
  return join(repositoryRoot, "scripts/bench/jobs", `${job}.ts`);
}

export function fanfold(
  name: string,
  job: string,
  options: FanfoldOptions,
  layout: AnswerLayout = "pairs",
): Contender {
  const memory = options.memory === undefined ? [] : ["--memory", options.memory];
  const fixed = ["--workers", String(options.workers), ...memory, "--json", "--quiet"];
  return {
    name,
    needs: [],
    layout,
    command: (input, output) => [
      process.execPath,
      fanfoldCommand,
      "run",
      jobFile(job),
      input,
      "--out",
      output,
      ...fixed,
    ],
  };
}

/** The same job's record path in this one process: no coordinator, no sockets, no executors. */
export function recordPath(job: string, layout: AnswerLayout = "pairs"): Contender {
  const script = fileURLToPath(new URL("./record-path-main.js", import.meta.url));
  return {
    name: "record path alone, 1 process",
    needs: [],
    layout,
    command: (input, output) => [process.execPath, script, job, input, output],
  };
}

/** A plain single-process program of `plain/`. */
export function plainNode(program: string, layout: AnswerLayout = "pairs"): Contender {
  const script = fileURLToPath(new URL(`./plain/${program}.js`, import.meta.url));
  return {
    name: "plain Node, 1 process",
    needs: [],
    layout,
    // Programs that hold their input need more than Node's usual heap.
    command: (input, output) => [process.execPath, "--max-old-space-size=8192", script, input, output],
  };
}

/** A shell command line, which finds input and output in `$1` and `$2`. */
export function shell(
  name: string,
  needs: readonly string[],
  script: string,
  layout: AnswerLayout = "pairs",
): Contender {
  return {
    name,
    needs: ["sh", ...needs],
    layout,
    command: (input, output) => ["sh", "-c", script, "sh", input, output],
  };
}

/** Which of the executables that a contender needs are not on the PATH. */
export function missingTools(contender: Contender): string[] {
  return contender.needs.filter((tool) => !isOnPath(tool));
}

function isOnPath(tool: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
