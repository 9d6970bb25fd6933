/**
 * Holds the rules of the house that no compiler or linter knows: which package may import which, what a pure core may
 * not touch, names that say nothing, files that have grown too long. Prints each breach, and exits with 1.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const fileLinesMax = 500;
const bannedNames: ReadonlySet<string> = new Set([
  "utils",
  "util",
  "common",
  "helpers",
  "helper",
  "misc",
  "shared",
  "base",
  "manager",
]);

/** The layer table of ARCHITECTURE.md: a package may import those listed, and nothing else of ours. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  job: [],
  paxos: [],
  placement: [],
  snapshot: [],
  scheduler: ["job", "placement"],
  history: ["job", "scheduler"],
  monitor: ["job", "scheduler", "protocol", "history", "transport", "coordinator"],
  protocol: ["job", "scheduler", "snapshot"],
  transport: ["job", "protocol", "snapshot"],
  dataflow: ["job", "placement"],
  storage: ["job", "dataflow"],
  coordinator: ["job", "paxos", "placement", "snapshot", "scheduler", "protocol", "transport"],
  worker: [
    "job",
    "placement",
    "snapshot",
    "scheduler",
    "protocol",
    "history",
    "transport",
    "dataflow",
    "storage",
  ],
  fanfold: ["job", "scheduler", "protocol", "transport", "dataflow", "storage", "coordinator", "worker"],
  simulation: [
    "job",
    "scheduler",
    "protocol",
    "transport",
    "dataflow",
    "storage",
    "coordinator",
    "worker",
    "fanfold",
  ],
  dashboard: ["job", "scheduler", "protocol", "history"],
  cli: [
    "job",
    "scheduler",
    "protocol",
    "history",
    "transport",
    "storage",
    "coordinator",
    "monitor",
    "worker",
    "fanfold",
    "dashboard",
    "simulation",
  ],
};
/** Packages whose code decides and does nothing else. */
const pure: ReadonlySet<string> = new Set([
  "job",
  "paxos",
  "placement",
  "snapshot",
  "scheduler",
  "protocol",
  "history",
]);

/** What a pure core may not touch: time, chance, and anything that happens later. */
const impure: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)/, "the time"],
  [/\bMath\.random\b/, "chance"],
  [/\basync\b|\bawait\b/, "async code"],
  [/\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/, "timers"],
  [/\bprocess\.|\bconsole\./, "the process"],
  [/from "node:/, "Node"],
];

/** Shells that a simulation runs whole: they have the time and the network from their surroundings. */
const simulated: ReadonlySet<string> = new Set(["coordinator", "worker"]);
/** Real processes, and what an executor has around it when it is one. */
const outsideSimulation: ReadonlySet<string> = new Set([
  "packages/worker/src/executor-main.ts",
  "packages/worker/src/executor-process.ts",
  "packages/worker/src/executor.ts",
]);
const around: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, "the time"],
  [/\bsetTimeout\(|\bsetInterval\(|\bsetImmediate\(/, "timers"],
  [/\bMath\.random\b|\brandomInt\b|\brandomUUID\b/, "chance"],
  [/import \{[^}]*\b(dial|listen|lockFolder)\b[^}]*\} from "@fanfold\/transport"/, "the network"],
];

const breaches: string[] = [];

for (const file of trackedFiles()) {
  const text = readFileSync(file, "utf8");
  checkNames(file);
  checkSizes(file, text);
  const [, packageName, folder] = file.split("/");
  if (!file.startsWith("packages/") || folder !== "src" || packageName === undefined) continue;
  checkArrows(file, text, packageName);
  if (pure.has(packageName)) checkPurity(file, text);
  if (simulated.has(packageName) && !outsideSimulation.has(file)) checkSurroundings(file, text);
  if (/\bprocess\.exit\(/.test(withoutComments(text)) && !/(^|-)main\.ts$/.test(basename(file))) {
    breaches.push(`${file}: only a main file may exit the process`);
  }
}

for (const breach of breaches) console.error(breach);
console.error(breaches.length === 0 ? "tidy: all in order" : `tidy: ${breaches.length} to put right`);
process.exitCode = breaches.length === 0 ? 0 : 1;

function trackedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.ts", "*.tsx"], {
    encoding: "utf8",
  });
  return listed.split("\n").filter((file) => file !== "" && !file.endsWith(".d.ts"));
}

function checkSurroundings(file: string, text: string): void {
  const code = withoutComments(text);
  for (const [pattern, what] of around) {
    if (pattern.test(code))
      breaches.push(`${file}: has ${what} from its \`Surroundings\`, not from the system`);
  }
}

function checkNames(file: string): void {
  const stem = basename(file).replace(/(\.test|\.config)?\.tsx?$/, "");
  if (bannedNames.has(stem)) breaches.push(`${file}: "${stem}" says nothing about what is inside`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) breaches.push(`${file}: file names are kebab-case`);
}

function checkSizes(file: string, text: string): void {
  const lines = text.split("\n").length - 1;
  if (lines > fileLinesMax) breaches.push(`${file}: ${lines} lines, at most ${fileLinesMax}`);
}

function checkArrows(file: string, text: string, packageName: string): void {
  const allowed = arrows[packageName];
  if (allowed === undefined) {
    breaches.push(`${file}: package "${packageName}" is not in the layer table`);
    return;
  }
  for (const match of withoutComments(text).matchAll(
    /(?:from|import\()\s*"(@fanfold\/([a-z]+)|fanfold)(\/[^"]*)?"/g,
  )) {
    const target = match[2] ?? "fanfold";
    if (match[3] !== undefined && match[3] !== "/local") breaches.push(`${file}: deep import of ${match[1]}`);
    if (!allowed.includes(target)) breaches.push(`${file}: ${packageName} may not import ${target}`);
  }
}

function checkPurity(file: string, text: string): void {
  const code = withoutComments(text);
  for (const [pattern, what] of impure) {
    if (pattern.test(code)) breaches.push(`${file}: a pure core does not touch ${what}`);
  }
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}
