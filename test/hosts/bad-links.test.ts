/** Links that are slow, lossy, or read from by the byte: cases N4 and N6. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fanfold, jobs } from "../cluster/fanfold-process.js";
import { closeNetworks, Fleet, partsOf, undisturbed } from "./fleet.js";
import { areAllWanted } from "./host-network.js";
import { findRelayProblem, losePackets } from "./relay.js";

const shape = ["--reducers", "6", "--split-size", "1K"];
const longMs = 300_000;
/** As in the catalogue: 25 to 125 ms, one way. */
const late = { type: "delay", meanMs: 75, spreadMs: 50 } as const;
/** Of the packets, as they come to a host. */
const lossShare = 0.01;
const mebibyte = 1024 * 1024;
/** What a sender may hold for a reader that does not read, and its heap: less than what is to be sent. */
const grownBytesMax = 64 * mebibyte;
afterEach(closeNetworks);

const problem = areAllWanted ? await findRelayProblem() : undefined;
if (problem !== undefined) console.error(`NOT TESTED: bad links: ${problem}`);

async function reignsOf(fleet: Fleet, coordinators: readonly string[]): Promise<number> {
  const logs = coordinators.map((name) => fleet.process(name).printed(/^[\s\S]*$/));
  const begun = (await Promise.all(logs)).map(([log]) => log.split('"msg":"leading"').length - 1);
  return begun.reduce((a, b) => a + b);
}

function rssBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4_096;
}

describe.skipIf(!areAllWanted || problem !== undefined)("a fleet whose links are bad", () => {
  it(
    "ends a job right over links of 75 ± 50 ms that lose a packet in a hundred, and hardly changes its leader",
    async () => {
      const coordinators = ["a", "b", "c"];
      const workers = ["w1", "w2"];
      const fleet = await Fleet.start({ coordinators, workers, relayed: [...coordinators, ...workers] });
      const { input, parts } = await undisturbed(fleet.dir, shape);
      await fleet.relay.pass(late);
      for (const name of [...coordinators, ...workers]) losePackets(fleet.network.host(name), lossShare);
      const before = await reignsOf(fleet, coordinators);
      const startedMs = performance.now();
      const out = join(fleet.dir, "out");
      const { exitCode, stderr } = await fleet.submit("slow-stages.ts", input, out, shape).finished;
      expect(exitCode, stderr).toBe(0);
      expect(partsOf(out)).toEqual(parts);
      const seconds = (performance.now() - startedMs) / 1000;
      const changes = (await reignsOf(fleet, coordinators)) - before;
      console.log(
        `links of 75 ± 50 ms that lose ${lossShare * 100} %: the job took ${seconds.toFixed(1)} s, with ${changes} changes of leader`,
      );
      expect(changes).toBeLessThanOrEqual(3);
    },
    longMs,
  );

  it(
    "ends a job right though what one worker sends to the other arrives at a byte a second, and holds no more for it",
    async () => {
      const fleet = await Fleet.start({ coordinators: ["a"], workers: ["w1", "w2"], relayed: ["w1", "w2"] });
      const input = join(fleet.dir, "input.txt");
      // Of random letters, which nothing makes smaller: half of it goes from one worker to the other.
      const lines = Array.from({ length: 700_000 }, () => `${randomBytes(165).toString("base64")}\n`);
      writeFileSync(input, lines.join(""));
      const more = ["--reducers", "1", "--split-size", "16M"];
      const calm = join(fleet.dir, "calm");
      const ran = await fanfold([
        "run",
        join(jobs, "sort-lines.ts"),
        input,
        "--out",
        calm,
        ...more,
        "--quiet",
      ]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      await fleet.relay.pass({ type: "trickle", bytesPerSecond: 1 });
      const pids = ["w1", "w2"].map((name) => fleet.process(name).child.pid ?? 0);
      const before = pids.map(rssBytes);
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, ...pids.map((pid, n) => rssBytes(pid) - (before[n] ?? 0)));
      }, 100);
      const out = join(fleet.dir, "out");
      const { exitCode, stderr } = await fleet.submit("sort-lines.ts", input, out, more).finished;
      clearInterval(watch);
      expect(exitCode, stderr).toBe(0);
      expect(partsOf(out)).toEqual(partsOf(calm));
      console.log(`a byte a second: a worker's memory grew by ${Math.round(most / mebibyte)} MiB at most`);
      expect(most).toBeLessThan(grownBytesMax);
    },
    longMs,
  );
});
