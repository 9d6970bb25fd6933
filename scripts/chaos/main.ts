/**
 * `pnpm chaos [--minutes 5] [--seed S] [--every 3]`: three coordinators and four workers under random faults (every few
 * seconds a worker or an executor is killed or frozen, every 20 s the leader is killed) while jobs of many kinds run,
 * one after the other. Prints the seed, jobs, kills, wrong outputs, hangs, and leaked files, sockets and processes;
 * exit code 1 if there was any of the bad ones. The seed chooses faults and jobs again; times are the machine's.
 */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { faultPlan } from "./fault-plan.js";
import { Fleet } from "./fleet.js";
import { type JobKind, jobKinds } from "./job-kinds.js";
import { JobTrial } from "./job-trial.js";
import { type Holdings, holdingsOf, type Leaks, leaksNow, leaksOf, survivors, witnessMiB } from "./leaks.js";
import { Random } from "./random.js";
import { electionMs, Tormentor } from "./tormentor.js";

const workers = 4;
const slots = 1;
const leaderEveryMs = 20_000;
const progressMs = 15_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    every: { type: "string", default: "3" },
    seed: { type: "string", default: String(randomInt(1, 2 ** 31)) },
  },
});
const minutes = positive("--minutes", values.minutes);
const everyMs = positive("--every", values.every) * 1_000;
const seed = positive("--seed", values.seed);

const dir = mkdtempSync(join(tmpdir(), "fanfold-chaos-"));
const outputs = join(dir, "work");
console.log(`seed ${seed}; logs and data: ${dir}`);
const kinds = jobKinds(join(dir, "inputs"), new Random(seed));
const trial = await JobTrial.prepare(outputs, kinds);
const fleet = await Fleet.start({ dir, coordinators: 3, workers, slots, networkShuffle: true });
const tormentor = new Tormentor(dir, fleet, new Random(seed + 1));
const chosen = new Random(seed + 2);
const beganMs = performance.now();
const ticker = setInterval(() => process.stderr.write(`${progress()}\n`), progressMs);
let leaks: Leaks;
let outlived: readonly string[];
let witness = "";
try {
  await fleet.leader(performance.now() + electionMs);
  // Once through all kinds, undisturbed: what an idle fleet then holds open is what it may hold open later.
  for (const kind of kinds) await trial.runOne(fleet.target, kind);
  const before = await atRest();
  const mibBefore = witnessMiB(fleet);
  await underFaults();
  const check = { dir, outputs, fleet, before, slots };
  await leaksOf(() => Object.values(leaksNow(check)).flat());
  leaks = leaksNow(check);
  witness = `${mibBefore} MiB before, ${witnessMiB(fleet)} MiB after`;
} finally {
  clearInterval(ticker);
  await fleet.stop();
  outlived = await leaksOf(() => survivors(dir));
}
process.exit(report(leaks, outlived) ? 0 : 1);

/** The same at two looks in a row, or so long later. */
async function atRest(): Promise<Holdings> {
  let last = "";
  await leaksOf(() => {
    const holdings = JSON.stringify(holdingsOf(fleet));
    const isSame = holdings === last;
    last = holdings;
    return isSame ? [] : [holdings];
  });
  return holdingsOf(fleet);
}

async function underFaults(): Promise<void> {
  let isOver = false;
  const jobs = (async () => {
    while (!isOver) await trial.runOne(fleet.target, chosen.pick<JobKind>(kinds));
  })();
  const plan = faultPlan({ workers, everyMs, leaderEveryMs }, new Random(seed + 3));
  await tormentor.torment(plan, minutes * 60_000);
  isOver = true;
  await jobs;
}

function progress(): string {
  const { workersKilled, leadersKilled } = tormentor.damage;
  const { jobs, wrong, hung, failed } = trial.tally;
  const seconds = ((performance.now() - beganMs) / 1_000).toFixed(0);
  return `${seconds} s: ${workersKilled} workers and ${leadersKilled} leaders killed, ${jobs} jobs, ${wrong.length + hung.length + failed.length} bad`;
}

/** True when all is as it should be. */
function report({ files, sockets, processes }: Leaks, left: readonly string[]): boolean {
  const { jobs, runAgain, wrong, hung, failed } = trial.tally;
  const { workersKilled, workersFrozen, executorsKilled, executorsFrozen, leadersKilled, leaderless } =
    tormentor.damage;
  const took = ((performance.now() - beganMs) / 60_000).toFixed(1);
  console.log(`${jobs} jobs of ${kinds.length} kinds in ${took} minutes, ${runAgain} tasks run again`);
  console.log(
    `killed: ${workersKilled} workers, ${leadersKilled} leaders, ${executorsKilled} executors; frozen: ${workersFrozen} workers, ${executorsFrozen} executors`,
  );
  console.log(
    `${wrong.length} wrong outputs, ${hung.length} hangs, ${failed.length} jobs that ended otherwise than they should, ${leaderless} times no leader within ${electionMs / 1_000} s`,
  );
  console.log(
    `leaked: ${files.length} files, ${sockets.length} sockets, ${processes.length + left.length} processes; the worker that was never killed: ${witness}`,
  );
  const bad = [...wrong.map((name) => `wrong: ${name}`), ...hung.map((name) => `hangs: ${name}`), ...failed];
  for (const line of [...bad, ...files, ...sockets, ...processes, ...left]) console.log(`  ${line}`);
  const isGood =
    jobs > kinds.length &&
    leaderless + bad.length + files.length + sockets.length + processes.length + left.length === 0;
  if (isGood) rmSync(dir, { recursive: true, force: true });
  else console.log(`logs and data: ${dir}`);
  return isGood;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`${flag} takes a positive number, not ${text}`);
  process.exit(2);
}
