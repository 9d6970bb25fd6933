/**
 * `pnpm bench:faults`: what failures cost, in the manner of section 5 of the MapReduce paper. A total sort on nine
 * workers of one slot each and three coordinators, all real processes: one worker killed half-way through the maps, one
 * worker ten times slower with and without backups, the leader killed. Each beside an undisturbed run just before it.
 *
 * The job waits as a slow disk would (`jobs/paced-sort.ts`), so that nine workers on a small machine have a machine
 * each as far as their pace goes. The output of every run is compared with the first one's.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type JobSummary, submitJob } from "fanfold";
import { parseSize } from "./byte-sizes.js";
import { jobFile, repositoryRoot } from "./contender.js";
import { dataFile } from "./data/data-file.js";
import { Fleet } from "./fleet.js";
import { spreadOf } from "./statistics.js";
import { markdownTable } from "./table.js";

const workers = 9;
/** Maps a worker, so that the work lost with one is a share of what it did and not all of it. */
const mapsPerWorker = 16;
const reducers: number = 4 * workers;
const slowFactor = 10;

interface Case {
  readonly name: string;
  /** Wall time over an undisturbed run's, at most. */
  readonly goal: string;
  readonly slowWorker?: boolean;
  readonly backups?: boolean;
  /** Done to the fleet when half of the maps are done. */
  readonly strike?: (fleet: Fleet) => void | Promise<void>;
}

const undisturbed: Case = { name: "undisturbed", goal: "" };
const cases: readonly Case[] = [
  { name: `1 of ${workers} workers killed`, goal: "+15 %", strike: (fleet) => fleet.killWorker(workers - 1) },
  { name: `1 worker ${slowFactor}× slower, with backups`, goal: "+10 %", slowWorker: true },
  { name: `1 worker ${slowFactor}× slower, without backups`, goal: "", slowWorker: true, backups: false },
  { name: "leader killed", goal: "+5 %", strike: (fleet) => fleet.killLeader() },
];

interface Run {
  readonly seconds: number;
  readonly digest: string;
  readonly job: JobSummary;
}

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "60M" },
    repeats: { type: "string", default: "3" },
    only: { type: "string", default: "" },
  },
});
const input = dataFile({
  kind: "sort",
  bytes: parseSize(values.size),
  seed: 1,
  dir: join(repositoryRoot, ".fanfold/bench"),
});
const chosen = cases.filter(({ name }) => name.includes(values.only));
const results = new Map<Case, { readonly before: Run; readonly disturbed: Run }[]>();
let digest: string | undefined;
for (let repeat = 0; repeat < Number(values.repeats); repeat += 1) {
  for (const each of chosen) {
    const before = await measure(undisturbed);
    const disturbed = await measure(each);
    results.set(each, [...(results.get(each) ?? []), { before, disturbed }]);
  }
}
console.log(
  `sort of ${values.size}, ${workers} workers of one slot, three coordinators, ${values.repeats} repeat(s)\n`,
);
const head = ["", "undisturbed s", "disturbed s", "ratio", "goal", "min", "max", "run again", "backups won"];
console.log(markdownTable(head, chosen.map(rowOf)));
process.exit();

function rowOf(each: Case): string[] {
  const pairs = results.get(each) ?? [];
  const ratio = spreadOf(pairs.map(({ before, disturbed }) => disturbed.seconds / before.seconds));
  const seconds = (pick: (pair: (typeof pairs)[number]) => Run): string =>
    spreadOf(pairs.map((pair) => pick(pair).seconds)).median.toFixed(1);
  const sum = (pick: (stage: JobSummary["stages"][number]) => number): string =>
    String(
      spreadOf(pairs.map(({ disturbed: { job } }) => job.stages.reduce((all, stage) => all + pick(stage), 0)))
        .median,
    );
  return [
    each.name,
    seconds(({ before }) => before),
    seconds(({ disturbed }) => disturbed),
    percent(ratio.median),
    each.goal,
    percent(ratio.min),
    percent(ratio.max),
    sum(({ lost, remade }) => lost + remade),
    sum(({ backupsWon }) => backupsWon),
  ];
}

function percent(ratio: number): string {
  return `${ratio >= 1 ? "+" : "−"}${Math.abs(100 * (ratio - 1)).toFixed(0)} %`;
}

async function measure(each: Case): Promise<Run> {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-faults-"));
  const firstWorkerEnv = each.slowWorker === true ? { PACE: String(slowFactor) } : {};
  const fleet = await Fleet.start({ dir, coordinators: 3, workers, firstWorkerEnv });
  try {
    const out = join(dir, "out");
    const job = await runJob(each, fleet, out);
    const seconds = ((job.times.finishedMs ?? 0) - job.times.submittedMs) / 1_000;
    const found = digestOf(out);
    digest ??= found;
    if (found !== digest) throw new Error(`${each.name}: WRONG output`);
    process.stderr.write(`  ${each.name}: ${seconds.toFixed(1)} s\n`);
    return { seconds, digest: found, job };
  } finally {
    await fleet.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runJob(each: Case, fleet: Fleet, out: string): Promise<JobSummary> {
  const run = await submitJob(jobFile("paced-sort"), {
    ...fleet.target,
    inputs: input.path,
    out,
    reducers,
    splitBytes: Math.ceil(input.bytes / (workers * mapsPerWorker)),
    ...(each.backups === undefined ? {} : { backups: each.backups }),
  });
  let hasStruck = each.strike === undefined;
  for await (const event of run.events()) {
    if (hasStruck || !("job" in event)) continue;
    const maps = event.job.stages.find(({ kind }) => kind === "map");
    if (maps === undefined || 2 * maps.done < maps.tasks) continue;
    hasStruck = true;
    await each.strike?.(fleet);
  }
  await run.result();
  return run.job!;
}

/** Of all parts in their order. */
function digestOf(out: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(out)
    .filter((file) => file.startsWith("part-"))
    .sort())
    hash.update(readFileSync(join(out, name)));
  return hash.digest("hex");
}
