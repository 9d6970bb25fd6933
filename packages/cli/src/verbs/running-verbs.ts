/** Verbs for writing a job and running it on this machine. */
import { Option } from "commander";
import { parseBytes, parseShare, parseWhole } from "../option-values.js";
import {
  flag,
  jobArguments,
  jobOptions,
  json,
  memory,
  option,
  reducers,
  set,
  splitSize,
  tempDir,
  workers,
} from "./options.js";
import type { Verb } from "./verb.js";

const group = "On this machine:";

export const runningVerbs: readonly Verb[] = [
  {
    name: "init",
    summary: "write a runnable starter job",
    group,
    args: [["[dir]", "folder to write to; made when missing", "."]],
    examples: ["fanfold init my-job"],
    load: async () => (await import("../commands/init.js")).init,
  },
  {
    name: "run",
    summary: "run a job on this machine",
    group,
    args: jobArguments,
    options: [
      ...jobOptions,
      new Option(
        "--out <dir>",
        "output folder; - writes the output to standard output",
      ).makeOptionMandatory(),
      workers,
      tempDir,
      flag("--inline", "all in this one process, for a debugger: node --inspect-brk $(which fanfold) run …"),
    ],
    examples: ['fanfold run word-count.ts "books/*.txt" --out counts'],
    load: async () => (await import("../commands/run.js")).run,
  },
  {
    name: "dev",
    summary: "run a job on a sample of its input, again at each change of its code",
    group,
    args: jobArguments,
    options: [
      set,
      option("--sample <bytes>", "how much of the input to read; default 1M", parseBytes),
      option("--lines <n>", "lines of output to show; default 20", parseWhole),
      flag("--once", "run once and end"),
      json,
    ],
    examples: ['fanfold dev word-count.ts "books/*.txt"'],
    load: async () => (await import("../commands/dev.js")).dev,
  },
  {
    name: "explain",
    summary: "print how a job would run: stages, splits, partitions, built-in kernels",
    group,
    args: jobArguments,
    options: [set, reducers, splitSize, memory, workers, json],
    examples: ['fanfold explain word-count.ts "books/*.txt"'],
    load: async () => (await import("../commands/explain.js")).explain,
  },
  {
    name: "map",
    summary: "run a job's map on standard input; prints key, tab, value, each as JSON",
    group,
    args: [["<job>", "the job file"]],
    options: [set],
    examples: ["fanfold map word-count.ts < hello.txt"],
    load: async () => (await import("../commands/one-step.js")).mapStep,
  },
  {
    name: "reduce",
    summary: "run a job's reduce on the output of fanfold map; sorts it first",
    group,
    args: [["<job>", "the job file"]],
    options: [set],
    examples: ["fanfold map word-count.ts < hello.txt | fanfold reduce word-count.ts"],
    load: async () => (await import("../commands/one-step.js")).reduceStep,
  },
  {
    name: "sim",
    summary: "run a job on simulated clusters that fail in every way, and check its output",
    group,
    args: [
      ["<job>", "the job file, TypeScript or JavaScript"],
      ["<input...>", "files, folders or globs; small ones"],
    ],
    options: [
      option("--seed <n>", "the first seed; a seed goes the same way each time", parseWhole).default(1),
      option("--seeds <n>", "how many seeds: lives of a cluster", parseWhole).default(100),
      flag("--kill-workers", "kill and freeze workers"),
      flag("--kill-leader", "kill and freeze the leading coordinator"),
      flag("--partition", "cut hosts off from each other"),
      flag("--slow", "slow hosts, disks and links"),
      option("--drop <share>", "lose messages, e.g. 5%", parseShare),
      option("--no-faults", "let nothing fail; without any of these, everything does"),
      option("--coordinators <n>", "1, 3 or 5", parseWhole).default(3),
      option("--workers <n>", "worker hosts", parseWhole).default(3),
      option("--slots <n>", "attempts at a time on each", parseWhole).default(2),
      option("--reducers <n>", "partitions of the output; default the job's, else 3", parseWhole),
      option("--split-size <bytes>", "target size of a map task's input; default a sixth of it", parseBytes),
      set,
      option("--threads <n>", "seeds at a time; default one a core", parseWhole),
      flag("--keep-going", "go on after a seed that fails"),
      option("--trace <file>", "write the events of the failing seed, or of the first"),
      flag("--json", "print one machine-readable result"),
      flag("--quiet", "print no progress"),
    ],
    examples: [
      "fanfold sim word-count.ts books/alice.txt --seed 42 --seeds 1000 --kill-workers --kill-leader --drop 5%",
    ],
    load: async () => (await import("../commands/sim.js")).sim,
  },
];
