/** Verbs for the jobs of a cluster. */
import { Option } from "commander";
import { parseDuration, parseTaskName, parseWhole } from "../option-values.js";
import { clusterOptions, flag, jobOptions, json, option, submitArguments } from "./options.js";
import { needed, type Verb } from "./verb.js";

const group = "Jobs of a cluster:";
const id = ["<id>", "the job's id"] as const;

const stateVerbs = (["cancel", "pause", "resume"] as const).map(
  (name): Verb => ({
    name,
    summary: `${name} a job`,
    group,
    args: [id],
    options: [...clusterOptions, json],
    examples: [`fanfold ${name} j1abc`],
    load: async () => {
      const { changeJob } = await import("../commands/jobs.js");
      return (jobId: string, options) => changeJob(name, jobId, options);
    },
  }),
);

export const jobVerbs: readonly Verb[] = [
  {
    name: "submit",
    summary: "submit a job to a running cluster",
    group,
    args: submitArguments,
    options: [
      ...jobOptions,
      ...clusterOptions,
      needed(new Option("--out <dir>", "output folder, on storage that the workers see")),
      new Option("--wait", "wait for the job to end, the default").default(true),
      flag("--detach", "do not wait for the job to end"),
      option("--key <key>", "submitting again with the same key gives the same job"),
    ],
    examples: ["fanfold submit word-count.ts /data/books --out /data/counts"],
    load: async () => (await import("../commands/submit.js")).submit,
  },
  {
    name: "jobs",
    summary: "list the cluster's jobs",
    group,
    options: [...clusterOptions, json],
    examples: ["fanfold jobs --json"],
    load: async () => (await import("../commands/jobs.js")).listJobs,
  },
  {
    name: "status",
    summary: "show a job",
    group,
    args: [id],
    options: [...clusterOptions, json, flag("--follow", "stay until the job has ended")],
    examples: ["fanfold status j1abc --follow"],
    load: async () => (await import("../commands/jobs.js")).showStatus,
  },
  {
    name: "wait",
    summary: "wait until jobs have ended; fails as they do",
    group,
    args: [["<id...>", "the jobs' ids"]],
    options: [
      ...clusterOptions,
      json,
      option("--timeout <time>", "give up after this long, e.g. 90s or 10m; exit code 124", parseDuration),
    ],
    examples: ["fanfold wait j1abc j2def --timeout 10m"],
    load: async () => (await import("../commands/wait.js")).wait,
  },
  {
    name: "why",
    summary: "say in words what a job waits for, and what slows it",
    group,
    args: [id],
    options: [...clusterOptions, json],
    examples: ["fanfold why j1abc"],
    load: async () => (await import("../commands/why.js")).why,
  },
  {
    name: "events",
    summary: "print what happened: jobs, attempts that failed or were lost, leaders, workers",
    group,
    args: [["[id]", "of this job alone"]],
    options: [
      ...clusterOptions,
      flag("--json", "print JSON, a line each"),
      flag("--follow", "stay, and print what happens"),
    ],
    examples: ["fanfold events --follow", "fanfold events j1abc"],
    load: async () => (await import("../commands/events.js")).events,
  },
  {
    name: "logs",
    summary: "print what a job's code has logged",
    group,
    args: [id],
    options: [
      ...clusterOptions,
      flag("--json", "print JSON, a line each"),
      flag("--follow", "stay until the job has ended"),
    ],
    examples: ["fanfold logs j1abc --follow"],
    load: async () => (await import("../commands/jobs.js")).showLogs,
  },
  ...stateVerbs,
  {
    name: "retry",
    summary: "run a failed or cancelled job again, from the start, as a new job",
    group,
    args: [id],
    options: [...clusterOptions, json],
    examples: ["fanfold retry j1abc"],
    load: async () => (await import("../commands/retry.js")).retry,
  },
  {
    name: "report",
    summary: "save a job that has ended as one HTML file: the page, with its data inside",
    group,
    args: [id],
    options: [...clusterOptions, json, needed(new Option("--out <file>", "the file to write"))],
    examples: ["fanfold report j1abc --out report.html"],
    load: async () => (await import("../commands/report.js")).report,
  },
  {
    name: "replay",
    summary: "run one task of a job here: same code, bytes and parameters",
    group,
    args: [id, ["<task>", "e.g. map.3 or reduce.0"]],
    options: [
      ...clusterOptions,
      json,
      flag("--inspect-brk", "wait for a debugger before the job's code is loaded"),
      option("--lines <n>", "lines of output to show; default 20", parseWhole),
    ],
    examples: ["fanfold replay j1abc map.3 --inspect-brk"],
    load: async () => {
      const { replay } = await import("../commands/replay.js");
      return (jobId: string, task: string, options) => replay(jobId, parseTaskName(task), options);
    },
  },
];
