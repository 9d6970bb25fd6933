/** A worker is killed, or frozen and thawed, in every phase of a job: the output is that of an undisturbed run. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JobSummary, submitJob } from "fanfold";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, startCoordinator, startWorker, tempFolder, token } from "./fanfold-process.js";

const job = join(jobs, "slow-stages.ts");
const reducers = 4;
let dir: string;
let input: string;
/** Of a run that nobody disturbed, the same for all phases. */
let expected: Readonly<Record<string, string>> | undefined;

beforeEach(async () => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  writeFileSync(input, Array.from({ length: 1_500 }, (_, n) => `key${n % 60} ${n}\n`).join(""));
  expected ??= await undisturbed();
});

async function undisturbed(): Promise<Readonly<Record<string, string>>> {
  const out = join(dir, "undisturbed");
  const args = ["run", job, input, "--out", out, "--reducers", `${reducers}`, "--split-size", "1K"];
  expect((await fanfold([...args, "--quiet"])).exitCode).toBe(0);
  return partsOf(out);
}

function partsOf(out: string): Readonly<Record<string, string>> {
  const parts = readdirSync(out).filter((name) => name.startsWith("part-"));
  return Object.fromEntries(parts.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

function done(summary: JobSummary, kind: string): number {
  return summary.stages.find((stage) => stage.kind === kind)?.done ?? 0;
}

const areMapsDone = ({ stages }: JobSummary): boolean =>
  stages.some(({ kind, finishedMs }) => kind === "map" && finishedMs !== null);

const phases: readonly (readonly [string, NodeJS.Signals, (summary: JobSummary) => boolean])[] = [
  ["while maps run", "SIGKILL", (summary) => done(summary, "map") >= 3],
  ["when its maps are done and nothing is reduced", "SIGKILL", areMapsDone],
  ["when all reduces but one are done", "SIGKILL", (summary) => done(summary, "reduce") >= reducers - 1],
  ["while the output is prepared or published", "SIGKILL", ({ state }) => state === "committing"],
  ["while maps run", "SIGSTOP", (summary) => done(summary, "map") >= 3],
  ["while reduces run", "SIGSTOP", (summary) => done(summary, "reduce") >= 1],
];

describe("a job, one of whose workers gets", () => {
  it.each(phases)("(%s) a %s", async (_when, signal, isTime) => {
    const { url } = await startCoordinator(join(dir, "c"));
    const more = ["--slots", "1", "--network-shuffle"];
    const victim = await startWorker("w1", url, join(dir, "w1"), more);
    await startWorker("w2", url, join(dir, "w2"), more);
    const out = join(dir, "out");
    const options = { coordinators: [url], token, inputs: input, out, reducers, splitBytes: 1_024 };
    const run = await submitJob(job, options);
    let hasStruck = false;
    for await (const event of run.events()) {
      if (hasStruck || !("job" in event) || !isTime(event.job)) continue;
      hasStruck = true;
      victim.child.kill(signal);
    }
    const result = await run.result();
    // The last phase may be over before it is seen; all others were hit.
    if (!hasStruck) expect(_when).toContain("published");
    expect(partsOf(out)).toEqual(expected);
    expect(result.counters).toEqual({ keys: 60 });
    if (signal !== "SIGSTOP") return;
    // The zombie comes back, finds that nobody wants what it has, and changes nothing.
    victim.child.kill("SIGCONT");
    victim.child.kill("SIGTERM");
    await victim.finished;
    expect(partsOf(out)).toEqual(expected);
    expect(readdirSync(join(dir, "w1", "jobs"))).toEqual([]);
    expect(readdirSync(dir).filter((name) => name.includes(".fanfold-"))).toEqual([]);
  });
});
