/** The leader is killed in every phase of a job: its output is, byte for byte, that of a run that nobody disturbed. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JobRun, type JobSummary, submitJob } from "fanfold";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, startWorker, tempFolder, token } from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

const job = join(jobs, "slow-stages.ts");
let dir: string;
let input: string;

beforeEach(async () => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  writeFileSync(input, Array.from({ length: 1_500 }, (_, n) => `key${n % 60} ${n}\n`).join(""));
  expected ??= await undisturbed();
});

/** Name → text of every part file. */
function partsOf(out: string): Readonly<Record<string, string>> {
  const parts = readdirSync(out).filter((name) => name.startsWith("part-"));
  return Object.fromEntries(parts.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

/** Of a run that nobody disturbed, the same for all phases. */
let expected: Readonly<Record<string, string>> | undefined;

async function undisturbed(): Promise<Readonly<Record<string, string>>> {
  const out = join(dir, "undisturbed");
  const args = ["run", job, input, "--out", out, "--reducers", "4", "--split-size", "1K", "--quiet"];
  expect((await fanfold(args)).exitCode).toBe(0);
  return partsOf(out);
}

const stage = (summary: JobSummary, kind: string): JobSummary["stages"][number] | undefined =>
  summary.stages.find((each) => each.kind === kind);

/** When to strike; its publication is a matter of milliseconds, and has exact moments in failover-commit.test.ts. */
const phases: readonly (readonly [string, (summary: JobSummary) => boolean])[] = [
  ["as soon as it is submitted", () => true],
  ["while its maps run", (summary) => (stage(summary, "map")?.done ?? 0) >= 3],
  [
    "when its maps are done",
    (summary) => stage(summary, "map")?.finishedMs !== null && summary.stages.length > 0,
  ],
  ["while its reduces run", (summary) => (stage(summary, "reduce")?.done ?? 0) >= 1],
];

/** A job on a fresh cluster of three coordinators and a worker. */
async function submitted(): Promise<{ replicas: Replicas; run: JobRun; out: string }> {
  const replicas = await Replicas.start(dir);
  await replicas.leader();
  await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
  const out = join(dir, "out");
  const coordinators = replicas.urls.split(",");
  const options = { coordinators, token, inputs: input, out, reducers: 4, splitBytes: 1_024 };
  return { replicas, run: await submitJob(job, options), out };
}

describe("a job whose leader is killed", () => {
  it.each(phases)("%s gives the bytes of an undisturbed run, once", async (_when, isTime) => {
    const { replicas, run, out } = await submitted();
    let killed: string | undefined;
    for await (const event of run.events()) {
      if (killed !== undefined || !("job" in event) || !isTime(event.job)) continue;
      const leader = await replicas.leader();
      killed = leader.id;
      await replicas.kill(leader);
    }
    const result = await run.result();
    expect(killed).toBeDefined();
    expect(partsOf(out)).toEqual(expected);
    expect(result.counters).toEqual({ keys: 60 });
    // What ran when the leader died was adopted by the next one, and nothing was run again.
    expect(result.stages.map(({ lost, failed }) => lost + failed)).toEqual([0, 0]);
    expect(readdirSync(dir).filter((name) => name.includes(".fanfold-"))).toEqual([]);
  });

  it("again and again, each new leader too, still ends right", async () => {
    const { replicas, run, out } = await submitted();
    for (let kills = 0; kills < 4; kills += 1) {
      const leader = await replicas.leader();
      await replicas.kill(leader);
      await leader.start();
    }
    await run.result();
    expect(partsOf(out)).toEqual(expected);
  });

  it("between a submit and its answer makes one job of the submit that is repeated", async () => {
    const replicas = await Replicas.start(dir);
    const leader = await replicas.leader();
    const args = [
      "submit",
      job,
      input,
      "--out",
      join(dir, "out"),
      "--detach",
      "--coordinators",
      replicas.urls,
    ];
    const submitting = fanfold(args);
    await replicas.kill(leader);
    expect((await submitting).exitCode).toBe(0);
    const { stdout } = await fanfold(["jobs", "--json", "--coordinators", replicas.urls]);
    expect(JSON.parse(stdout)).toHaveLength(1);
  });
});
