/** The kinds of jobs that chaos is measured with, and their inputs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SubmitOptions } from "fanfold";
import { root } from "./fleet.js";
import type { Random } from "./random.js";

export interface JobKind {
  readonly name: string;
  readonly module: string;
  readonly options: Omit<SubmitOptions, "out" | "folders">;
  /** A named output that gets a folder of its own. */
  readonly folder?: string;
  /** The job is to fail so: with this code, at this byte of its input. */
  readonly failure?: { readonly code: string; readonly offset: number };
  /** Its sink writes to the file that the parameter `ledger` names. */
  readonly hasLedger?: boolean;
}

const sumLines = 4_000;
const sumKeys = 40;
const textLineCount = 12_000;
const readings = 6_000;

/** Small splits: many tasks, so that each fault finds some that are not done. */
const splitBytes = 4_096;
const reducers = 4;

export function jobKinds(dir: string, random: Random): readonly JobKind[] {
  mkdirSync(dir, { recursive: true });
  const write = (name: string, lines: readonly string[]): string => {
    const path = join(dir, name);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
    return path;
  };
  const own = (name: string): string => join(root, "scripts/chaos/jobs", name);
  const example = (name: string): string => join(root, "examples", name, `${name}.ts`);
  const sums = write("sums.txt", sumInput());
  const text = write("text.txt", textInput(random));
  const options = { splitBytes, reducers };
  return [
    { name: "word-count", module: example("word-count"), options: { ...options, inputs: text } },
    { name: "sort", module: example("distributed-sort"), options: { ...options, inputs: text } },
    {
      name: "secondary-sort",
      module: example("secondary-sort"),
      // A CSV file is never split: several of them.
      options: {
        ...options,
        inputs: [0, 1, 2, 3, 4, 5].map((part) => write(`weather-${part}.csv`, weatherInput(part, random))),
      },
    },
    { name: "sums", module: own("slow-sums.ts"), options: { ...options, inputs: sums } },
    {
      name: "sums, held twice",
      module: own("slow-sums.ts"),
      options: { ...options, inputs: sums, shuffleReplicas: 2 },
    },
    {
      name: "skipping",
      module: own("touchy-sums.ts"),
      options: { ...options, inputs: write("touchy.jsonl", touchyInput()), skipBadRecords: 4 },
    },
    {
      name: "ledger",
      module: own("ledger-sums.ts"),
      options: { ...options, inputs: sums },
      folder: "even",
      hasLedger: true,
    },
    poison(write("poison.txt", poisonInput()), own("poison-sums.ts"), options),
  ];
}

function sumInput(): string[] {
  return Array.from({ length: sumLines }, (_, n) => `key${n % sumKeys} ${n}`);
}

function textInput(random: Random): string[] {
  const syllables = ["ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te"];
  const word = (): string =>
    Array.from({ length: random.between(1, 4) }, () => random.pick(syllables)).join("");
  return Array.from({ length: textLineCount }, () =>
    Array.from({ length: random.between(2, 5) }, word).join(" "),
  );
}

function weatherInput(part: number, random: Random): string[] {
  const rows = Array.from({ length: readings / 6 }, (_, n) => {
    const time = new Date(Date.UTC(2020, 0, 1, n, part)).toISOString();
    return `station-${random.between(0, 30)},${time},${random.between(-200, 400) / 10}`;
  });
  return ["station,time,degrees", ...rows];
}

/** Four bad records: two are no JSON, one makes `map` throw, one key makes `reduce` throw. */
function touchyInput(): string[] {
  const lines = Array.from({ length: sumLines }, (_, n) => JSON.stringify({ kind: `k${n % sumKeys}`, n }));
  lines[10] = '{"kind":';
  lines[2_000] = '{"n":1}';
  lines[3_000] = "}{";
  lines[3_500] = '{"kind":"cursed","n":1}';
  return lines;
}

const poisonedLine = 2_500;

function poisonInput(): string[] {
  const lines = sumInput();
  lines[poisonedLine] = "poison 1";
  return lines;
}

function poison(inputs: string, module: string, options: Partial<SubmitOptions>): JobKind {
  const offset = poisonInput()
    .slice(0, poisonedLine)
    .reduce((bytes, line) => bytes + line.length + 1, 0);
  const failure = { code: "USER_CODE_FAILED", offset };
  return { name: "poison", module, options: { ...options, inputs }, failure };
}
