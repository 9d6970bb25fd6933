/** Map outputs that are held twice: a worker is killed in the middle of the reduces, and no map is run again. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { submitJob } from "fanfold";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, startCoordinator, startWorker, tempFolder, token } from "./fanfold-process.js";

const job = join(jobs, "slow-stages.ts");
let dir: string;
let input: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  writeFileSync(input, Array.from({ length: 1_500 }, (_, n) => `key${n % 60} ${n}\n`).join(""));
});

function partsOf(out: string): Readonly<Record<string, string>> {
  const parts = readdirSync(out).filter((name) => name.startsWith("part-"));
  return Object.fromEntries(parts.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

describe("a job with --shuffle-replicas 2", () => {
  it("runs no map again when a worker is killed in the middle of its reduces", async () => {
    const undisturbed = join(dir, "undisturbed");
    const args = [
      "run",
      job,
      input,
      "--out",
      undisturbed,
      "--reducers",
      "8",
      "--split-size",
      "1K",
      "--quiet",
    ];
    expect((await fanfold(args)).exitCode).toBe(0);
    const { url } = await startCoordinator(join(dir, "c"));
    const more = ["--slots", "2", "--network-shuffle"];
    const names = ["w1", "w2", "w3"];
    const workers = await Promise.all(names.map((name) => startWorker(name, url, join(dir, name), more)));
    const out = join(dir, "out");
    const options = { coordinators: [url], token, inputs: input, out, reducers: 8, splitBytes: 1_024 };
    const run = await submitJob(job, { ...options, shuffleReplicas: 2 });
    let hasKilled = false;
    for await (const event of run.events()) {
      if (hasKilled || !("job" in event)) continue;
      const reduces = event.job.stages.find(({ kind }) => kind === "reduce");
      if ((reduces?.done ?? 0) < 1) continue;
      hasKilled = true;
      workers[0]?.child.kill("SIGKILL");
    }
    const result = await run.result();
    expect(hasKilled).toBe(true);
    expect(partsOf(out)).toEqual(partsOf(undisturbed));
    const maps = result.stages.find(({ kind }) => kind === "map");
    expect(maps).toMatchObject({ remade: 0, failed: 0, lost: 0 });
    // Copies go with their job: a worker that drains has done what it was told before.
    for (const [index, name] of [...names.entries()].slice(1)) {
      workers[index]?.child.kill("SIGTERM");
      await workers[index]?.finished;
      const held = join(dir, name, "jobs");
      expect(existsSync(held) ? readdirSync(held) : []).toEqual([]);
    }
  });
});
