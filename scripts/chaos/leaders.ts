/**
 * `pnpm chaos:leaders [--minutes 10] [--every 5]`: kills whoever leads, every few seconds, while jobs go on; in the
 * end all coordinators at once. Case F6. Prints jobs, kills, wrong outputs and hangs; exit code 1 if there was any.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Fleet } from "./fleet.js";
import { Workload } from "./workload.js";

/** A cluster that has no leader for so long has failed. */
const electionMs = 30_000;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, every: { type: "string", default: "5" } },
});
const minutes = positive("--minutes", values.minutes);
const everySeconds = positive("--every", values.every);

const dir = mkdtempSync(join(tmpdir(), "fanfold-chaos-"));
const workload = await Workload.prepare(join(dir, "work"));
const fleet = await Fleet.start({ dir, coordinators: 3, workers: 2, slots: 2 });
let kills = 0;
let leaderless = 0;
let isOver = false;
const began = performance.now();
try {
  await fleet.leader(performance.now() + electionMs);
  const jobs = runJobs();
  while (performance.now() - began < minutes * 60_000) {
    await sleep(everySeconds * 1_000);
    await killLeader();
    process.stderr.write(`${progress()}\n`);
  }
  await Promise.all(fleet.coordinators.map((each) => each.kill()));
  kills += fleet.coordinators.length;
  for (const each of fleet.coordinators) each.start();
  isOver = true;
  await jobs;
} finally {
  await fleet.stop();
}
const { jobs, wrong, hung, failed, runAgain } = workload.outcomes;
console.log(
  `${jobs} jobs in ${((performance.now() - began) / 60_000).toFixed(1)} minutes, ${kills} coordinators killed, the last three at once`,
);
console.log(
  `${wrong} wrong outputs, ${hung} hangs, ${failed.length} failed jobs, ${leaderless} times no leader within ${electionMs / 1_000} s, ${runAgain} attempts run again`,
);
for (const failure of failed) console.log(failure);
const isGood = jobs > 0 && wrong + hung + failed.length + leaderless === 0;
if (isGood) rmSync(dir, { recursive: true, force: true });
else console.log(`logs and data: ${dir}`);
process.exit(isGood ? 0 : 1);

async function runJobs(): Promise<void> {
  while (!isOver) await workload.runOne(fleet.target);
}

async function killLeader(): Promise<void> {
  const leader = await fleet.leader(performance.now() + electionMs);
  if (leader === undefined) {
    leaderless += 1;
    return;
  }
  await leader.kill();
  kills += 1;
  leader.start();
}

function progress(): string {
  const { jobs: begun, wrong: bad, hung: stuck, failed: lost } = workload.outcomes;
  return `${((performance.now() - began) / 1_000).toFixed(0)} s: ${kills} kills, ${begun} jobs, ${bad + stuck + lost.length} bad`;
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`${flag} takes a positive number, not ${text}`);
  process.exit(2);
}
