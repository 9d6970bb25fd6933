/**
 * The leader is killed exactly within a job's commit: after the decision was logged, by the order that it gives next,
 * and at each step of carrying that out. The worker runs in this process, so that the moment is an event.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OutputService, outputService, publishOutput, WorkerDaemon } from "@fanfold/worker";
import { submitJob } from "fanfold";
import { afterEach, describe, expect, it } from "vitest";
import { fanfold, jobs, tempFolder, token } from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

const job = join(jobs, "slow-stages.ts");
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
function nothing(): void {
  // Nobody reads it.
}

let worker: WorkerDaemon | undefined;

afterEach(async () => {
  await worker?.close();
  worker = undefined;
});

function partsOf(out: string): Readonly<Record<string, string>> {
  const parts = readdirSync(out).filter((name) => name.startsWith("part-"));
  return Object.fromEntries(parts.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

type Strike = (kill: () => Promise<void>) => OutputService["publishOutput"];

const moments: readonly (readonly [string, Strike])[] = [
  [
    "when it has ordered the publication, and nothing is done yet",
    (kill) => async (order, recordsDir) => {
      await kill();
      return await publishOutput(order, recordsDir);
    },
  ],
  [
    "when the publication is done, and nobody has said so",
    (kill) => async (order, recordsDir) => {
      const answer = await publishOutput(order, recordsDir);
      await kill();
      return answer;
    },
  ],
];

describe("a job whose leader is killed within its commit", () => {
  it.each(moments)("%s: is published once, whole, by the next leader's order", async (_when, strike) => {
    const dir = tempFolder();
    const input = join(dir, "input.txt");
    writeFileSync(input, Array.from({ length: 300 }, (_, n) => `key${n % 12} ${n}\n`).join(""));
    const undisturbed = join(dir, "undisturbed");
    const args = ["run", job, input, "--out", undisturbed, "--reducers", "2", "--quiet"];
    expect((await fanfold(args)).exitCode).toBe(0);
    const replicas = await Replicas.start(dir);
    const first = await replicas.leader();
    let orders = 0;
    const struck = strike(() => replicas.kill(first));
    const outputs: OutputService = {
      ...outputService,
      publishOutput: (order, recordsDir) => {
        // Its vote is told before; what may come twice is the order to show what was prepared.
        if (order.step !== "commit") return publishOutput(order, recordsDir);
        orders += 1;
        return orders === 1 ? struck(order, recordsDir) : publishOutput(order, recordsDir);
      },
    };
    const coordinators = replicas.urls.split(",");
    worker = new WorkerDaemon(
      { name: "w1", slots: 2, coordinators, token, dataDir: join(dir, "w1") },
      { log: silent, outputs },
    );
    await worker.start();
    const out = join(dir, "out");
    const run = await submitJob(job, { coordinators, token, inputs: input, out, reducers: 2 });
    const result = await run.result();
    expect(partsOf(out)).toEqual(partsOf(undisturbed));
    expect(result.stages.map(({ lost, failed }) => lost + failed)).toEqual([0, 0]);
    // The dead leader's order, and the next one's: publishing can be repeated.
    expect(orders).toBe(2);
    expect(readdirSync(dir).filter((name) => name.includes(".fanfold-"))).toEqual([]);
  });

  it("is not run again when the client that did not hear of its end submits it anew", async () => {
    const dir = tempFolder();
    const input = join(dir, "input.txt");
    writeFileSync(input, "key1 1\nkey2 2\n");
    const replicas = await Replicas.start(dir);
    const first = await replicas.leader();
    const coordinators = replicas.urls.split(",");
    let publications = 0;
    const outputs: OutputService = {
      ...outputService,
      publishOutput: (order, recordsDir) => {
        if (order.step === "commit") publications += 1;
        return publishOutput(order, recordsDir);
      },
    };
    worker = new WorkerDaemon(
      { name: "w1", slots: 1, coordinators, token, dataDir: join(dir, "w1") },
      { log: silent, outputs },
    );
    await worker.start();
    const options = { coordinators, token, inputs: input, out: join(dir, "out"), key: "nightly" };
    const run = await submitJob(job, options);
    const result = await run.result();
    await replicas.kill(first);
    const again = await submitJob(job, options);
    expect(again.id).toBe(run.id);
    expect(await again.result()).toEqual(result);
    expect(publications).toBe(1);
  });
});
