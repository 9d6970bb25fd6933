/** Options that several verbs take. */
import { Option } from "commander";
import {
  collectParam,
  collectUrls,
  collectWord,
  parseBytes,
  parseDuration,
  parseWhole,
} from "../option-values.js";
import { settable } from "../settings/settable.js";

/** An option with a value; `parse` turns its text into the value. */
export function option(flags: string, description: string, parse?: (text: string) => unknown): Option {
  const made = new Option(flags, description);
  return parse === undefined ? made : made.argParser((text: string) => parse(text));
}

/** A switch that is off. */
export function flag(flags: string, description: string): Option {
  return new Option(flags, description).default(false);
}

export const json: Option = flag("--json", "print JSON");

export const tokenFile: Option = settable(
  option("--token-file <file>", "the cluster's token; default FANFOLD_TOKEN, then your own on this machine"),
  { isPath: true },
);

/** Encrypted links. */
export const tlsOptions: readonly Option[] = [
  settable(option("--tls-ca <file>", "authority that the cluster's certificates are signed by (PEM)"), {
    isPath: true,
  }),
  settable(option("--tls-cert <file>", "own certificate (PEM); fanfold certs create makes one"), {
    isPath: true,
  }),
  settable(option("--tls-key <file>", "key of the certificate (PEM)"), { isPath: true }),
];

/** Of processes that others connect to. */
export const listenerOptions: readonly Option[] = [
  new Option("--host-name <name>", "a name it goes by, as callers say it; may be repeated")
    .argParser(collectWord)
    .default([], "none"),
  settable(flag("--insecure", "listen beyond this machine without token or TLS; said at every start")),
];

/** Which cluster is meant. */
export const clusterOptions: readonly Option[] = [
  settable(
    option(
      "--coordinators <urls>",
      "coordinators, separated by commas; default those of cluster up, else ws://127.0.0.1:7101",
      collectUrls,
    ),
  ),
  tokenFile,
  ...tlsOptions,
];

export const set: Option = new Option("--set <name=value>", "a parameter of the job; may be repeated")
  .argParser(collectParam)
  .default({}, "none");

const folder: Option = new Option(
  "--folder <output=dir>",
  "a folder of its own for a named output; may be repeated",
)
  .argParser(collectParam)
  .default({}, "none");

export const memory: Option = settable(
  option("--memory <bytes>", "memory for the buffers of each worker, e.g. 256M", parseBytes),
);
export const reducers: Option = settable(option("--reducers <n>", "partitions of the output", parseWhole));
export const splitSize: Option = settable(
  option("--split-size <bytes>", "target size of a map task's input, e.g. 16M", parseBytes),
);
export const workers: Option = settable(
  option("--workers <n>", "worker processes; default one a core", parseWhole),
);
export const tempDir: Option = settable(
  option("--temp-dir <dir>", "where spills go; default the system's temporary folder"),
  { isPath: true },
);

/** How a job is run, wherever it is. */
export const jobOptions: readonly Option[] = [
  reducers,
  splitSize,
  memory,
  settable(option("--max-attempts <n>", "tries of a task before the job fails", parseWhole)),
  option("--skip-bad-records <n>", "bad records to skip and save, over the whole job", parseWhole),
  settable(
    option("--shuffle-replicas <n>", "workers that hold each map output: 1 or 2; default 1", parseWhole),
  ),
  folder,
  set,
  new Option("--no-backups", "give slow tasks no second attempt"),
  new Option("--no-early-fetch", "begin reduce tasks when all maps are done, and not before to fetch"),
  settable(
    option("--stall-timeout <time>", "end an attempt that shows no progress for so long", parseDuration),
  ),
  flag("--force", "replace an existing output folder, when the job has succeeded"),
  flag("--json", "print one machine-readable result"),
  settable(flag("--quiet", "print no progress")),
];

export const submitArguments = [
  ["<job>", "the job file, TypeScript or JavaScript"],
  ["[input...]", "files, folders or globs on storage that the workers see"],
] as const;

export const jobArguments = [
  ["<job>", "the job file, TypeScript or JavaScript"],
  ["[input...]", "files, folders or globs; - is standard input"],
] as const;
