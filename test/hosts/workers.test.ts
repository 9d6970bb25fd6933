/** Workers on hosts of their own, and the links between them cut. */
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { closeNetworks, doneOf, Fleet, partsOf, undisturbed } from "./fleet.js";
import { areAllWanted, hostsProblem } from "./host-network.js";

const shape = ["--reducers", "6", "--split-size", "1K"];
afterEach(closeNetworks);

if (hostsProblem !== undefined) console.error(`NOT TESTED: workers whose network fails: ${hostsProblem}`);

/** Beyond a lease and a beat, what a busy machine may take to say so. */
const lateMsMax = 2_000;
/** A coordinator's and a worker's patience with each other. */
const leaseMs = 5_000;

interface StageFigures {
  readonly kind: string;
  readonly remadeOutputs: number;
}

describe.skipIf(hostsProblem !== undefined)("a worker on a host of its own", () => {
  it("that sees the coordinator, but not its peers, is found out: what it holds is made again, and nothing else", async () => {
    const fleet = await Fleet.start({ coordinators: ["a"], workers: ["w1", "w2", "w3"] });
    const { input, parts } = await undisturbed(fleet.dir, shape);
    const out = join(fleet.dir, "out");
    fleet.network.cut(["w1"], ["w2", "w3"]);
    const { exitCode, stdout, stderr } = await fleet.submit("slow-stages.ts", input, out, shape).finished;
    expect(exitCode, stderr).toBe(0);
    expect(partsOf(out)).toEqual(parts);
    const { id, stages } = JSON.parse(stdout) as { readonly id: string; readonly stages: StageFigures[] };
    const lost = await fleet.events(id, "outputsLost");
    expect(lost).toContainEqual(expect.stringMatching(/^\d+ outputs? (was|were) lost with worker w1-/));
    const remade = stages.find(({ kind }) => kind === "map")?.remadeOutputs;
    // Readers that began early may have given up some of them one by one before.
    expect(remade).toBe(lost.reduce((all, text) => all + Number.parseInt(text, 10), 0));
    await fleet.process("a").printed(/worker quarantined: it and its peers cannot fetch from each other/);
  });

  it.runIf(areAllWanted)(
    "whose way to the coordinator swallows everything is noticed by both within the lease, and its work done by others",
    async () => {
      const fleet = await Fleet.start({ coordinators: ["a"], workers: ["w1", "w2"], slots: 1 });
      const { input, parts } = await undisturbed(fleet.dir, shape);
      const out = join(fleet.dir, "out");
      const submitted = fleet.submit("slow-stages.ts", input, out, shape);
      await fleet.job((job) => doneOf(job, "map") > 0);
      const startedMs = performance.now();
      fleet.network.cut(["w1"], ["a"]);
      const noticed = async (by: string, line: RegExp): Promise<number> => {
        await fleet.process(by).printed(line);
        return performance.now() - startedMs;
      };
      const [coordinatorMs, workerMs] = await Promise.all([
        noticed("a", /worker given up: it has been silent for too long/),
        noticed("w1", /lost the coordinator: silent for too long/),
      ]);
      console.log(
        `a link that swallows everything, lease ${leaseMs} ms: noticed by the coordinator after ${Math.round(coordinatorMs)} ms, by the worker after ${Math.round(workerMs)} ms`,
      );
      expect(Math.max(coordinatorMs, workerMs)).toBeLessThan(leaseMs + lateMsMax);
      const { exitCode, stderr } = await submitted.finished;
      expect(exitCode, stderr).toBe(0);
      expect(partsOf(out)).toEqual(parts);
      fleet.network.heal();
      await fleet.process("a").printed(/worker given up[\s\S]*worker joined/);
    },
  );
});
