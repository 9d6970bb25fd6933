/** One way of doing a piece of work: a command that reads the input and writes the answer to a path of its own. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AnswerLayout } from "./answer.js";

export type Command = readonly [string, ...string[]];

export interface Contender {
  readonly name: string;
  /** Executables that it cannot do without. */
  readonly needs: readonly string[];
  /** What else is missing, and how to get it; undefined when nothing is. */
  readonly lacks?: () => string | undefined;
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
export function recordPath(
  job: string,
  layout: AnswerLayout = "pairs",
  name = "record path alone, 1 process",
): Contender {
  const script = fileURLToPath(new URL("./record-path-main.js", import.meta.url));
  return {
    name,
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

/** Where DuckDB's package is, if it is anywhere. */
const peersFolder: string = join(repositoryRoot, ".fanfold/bench/peers");

/** SQL for a work, by DuckDB with two threads. */
export function duckDb(work: string, options: FanfoldOptions, layout: AnswerLayout = "pairs"): Contender {
  const script = fileURLToPath(new URL("./peers/duckdb.js", import.meta.url));
  const isHere = existsSync(join(repositoryRoot, "node_modules/@duckdb/node-api"));
  const folder = isHere ? [] : [`FANFOLD_BENCH_PEERS=${peersFolder}`];
  const memory = options.memory === undefined ? [] : [options.memory];
  return {
    name: "DuckDB SQL, 2 threads",
    needs: ["env"],
    lacks: () =>
      isHere || existsSync(join(peersFolder, "node_modules/@duckdb/node-api"))
        ? undefined
        : `@duckdb/node-api (npm install --prefix ${peersFolder} @duckdb/node-api)`,
    layout,
    command: (input, output) => ["env", ...folder, process.execPath, script, work, input, output, ...memory],
  };
}

/** Debian's own Python, which its packages are for, before any other. */
const pythons: readonly string[] = ["/usr/bin/python3", "python3"];

export function daskBag(work: string): Contender {
  const script = join(repositoryRoot, "scripts/bench/peers/dask_bag.py");
  const python = pythons.find((name) => spawnSync(name, ["-c", "import dask.bag"]).status === 0);
  return {
    name: "Dask bag, 2 processes",
    needs: [],
    lacks: () => (python === undefined ? "Dask (Debian: python3-dask python3-distributed)" : undefined),
    layout: "pairs",
    command: (input, output) => [python ?? "python3", script, work, input, output],
  };
}

/** Which of the executables that a contender needs are not on the PATH. */
export function missingTools(contender: Contender): string[] {
  const lack = contender.lacks?.();
  return [...contender.needs.filter((tool) => !isOnPath(tool)), ...(lack === undefined ? [] : [lack])];
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
