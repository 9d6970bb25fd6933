/** The command line of the benchmarks. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseSize } from "./byte-sizes.js";
import { repositoryRoot } from "./contender.js";
import type { WorkName } from "./works.js";

export interface BenchOptions {
  readonly verb: Verb;
  /** What `profile` profiles, and its job in `jobs/`. */
  readonly subject: WorkName;
  readonly job: string;
  readonly dir: string;
  readonly seed: number;
  readonly size: number | undefined;
  readonly zipf: number;
  readonly sort: number;
  readonly json: number;
  readonly repeats: number;
  readonly workers: number;
  readonly memory: string | undefined;
  /** Of `timeline`: segments over the network, from a worker daemon a slot. */
  readonly isRemote: boolean;
  readonly splitBytes: number | undefined;
  readonly earlyFetch: boolean;
  /** Print JSON instead of tables. */
  readonly isJson: boolean;
}

export type Verb = "gen" | "all" | "peers" | "keys" | "scale" | "timeline" | "profile" | WorkName;

export const verbs: readonly Verb[] = [
  "gen",
  "words",
  "sort",
  "json",
  "index",
  "startup",
  "all",
  "peers",
  "keys",
  "scale",
  "timeline",
  "profile",
];

export const usage: string = `pnpm bench [${verbs.join("|")}] [options]

  gen               make the data: --zipf 512M, --json 512M (sizes), --sort 5000000 (records)
  words … startup   run that work, repeat by repeat, with fanfold, a plain Node program, GNU tools, DuckDB and Dask
  all               all of them (the default)
  peers             words, sort, json and index at the sizes of the targets: 512M, 5 M records, 512M, 256M
  keys              more than 2^24 different keys in one partition: spilled, and right
  scale             fanfold with 1 and 2 workers, and its memory at 1 and 10 times the input
  timeline JOB      which slot was busy when, and for how much of the time: words, words-kernel, sort-fixed, …
  profile JOB       where the time of a job's record path goes, in one process: words, words-user, words-kernel, …

  --dir DIR         where the data is kept (.fanfold/bench)
  --seed N          of the data (1)
  --size BYTES      of the input, such as 64M; each work has its own default
  --repeats N       of every contender (3)
  --workers N       of fanfold (2)
  --memory BYTES    as fanfold's --memory; sort's -S gets the same
  --remote          timeline: segments over the network, from one worker daemon a slot
  --split-size N    timeline: of the input's splits
  --no-early-fetch  timeline: reduces begin when all maps are done
  --json            print JSON (as a flag, but for gen)`;

/** @throws Error that says what is wrong with the words. */
export function parseOptions(words: readonly string[]): BenchOptions {
  const isGen = words[0] === "gen";
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      dir: { type: "string", default: join(repositoryRoot, ".fanfold/bench") },
      seed: { type: "string", default: "1" },
      size: { type: "string" },
      zipf: { type: "string", default: "512M" },
      sort: { type: "string", default: "5000000" },
      json: { type: isGen ? "string" : "boolean" },
      repeats: { type: "string", default: "3" },
      workers: { type: "string", default: "2" },
      memory: { type: "string" },
      remote: { type: "boolean", default: false },
      "split-size": { type: "string" },
      "no-early-fetch": { type: "boolean", default: false },
    },
  });
  const [verb = "all", subject = "words", ...rest] = positionals;
  if (!isVerb(verb) || rest.length > 0) throw new Error(`what is "${positionals.join(" ")}"?\n\n${usage}`);
  if (values.memory !== undefined) parseSize(values.memory);
  return {
    verb,
    subject: workNamed(subject.split("-")[0] ?? ""),
    job: subject,
    dir: values.dir,
    seed: whole(values.seed, 0),
    size: values.size === undefined ? undefined : parseSize(values.size),
    zipf: parseSize(values.zipf),
    sort: parseSize(values.sort),
    json: parseSize(typeof values.json === "string" ? values.json : "512M"),
    repeats: whole(values.repeats, 1),
    workers: whole(values.workers, 1),
    memory: values.memory,
    isRemote: values.remote,
    earlyFetch: !values["no-early-fetch"],
    splitBytes: values["split-size"] === undefined ? undefined : parseSize(values["split-size"]),
    isJson: values.json === true,
  };
}

function isVerb(word: string): word is Verb {
  return (verbs as readonly string[]).includes(word);
}

function workNamed(word: string): WorkName {
  switch (word) {
    case "words":
    case "sort":
    case "json":
    case "index":
    case "startup":
      return word;
    default:
      throw new Error(`"${word}" is not a work; words, sort, json, index or startup`);
  }
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`"${text}" is not a whole number from ${least}`);
}
