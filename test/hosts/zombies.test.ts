/**
 * A worker that ends its attempt while nobody can hear it, and tells of it when the network is whole again: by then its
 * work is another's, and its result, its segment and its output are refused.
 */
import { existsSync, readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fanfold, jobs } from "../cluster/fanfold-process.js";
import { closeNetworks, Fleet, partsOf } from "./fleet.js";
import { areAllWanted, hostsProblem } from "./host-network.js";

afterEach(closeNetworks);

/** Shows all that there is: one split, so one map, and the last key in a partition of its own. */
const shape = ["--reducers", "2", "--split-size", "1G"];

class HeldJob {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    const lines = Array.from({ length: 500 }, (_, n) => `key${n % 60} ${"text".repeat(n % 7)}\n`);
    writeFileSync(this.at("input.txt"), ["zz last\n", "gate here\n", ...lines].join(""));
    writeFileSync(this.at("trace"), "");
  }

  at(name: string): string {
    return join(this.dir, name);
  }

  /** The job goes no further than this step. */
  hold(step: string): void {
    writeFileSync(this.at("hold"), step);
  }

  params(): readonly string[] {
    const files = Object.entries({ store: this.at("store"), trace: this.at("trace"), hold: this.at("hold") });
    return [...shape, ...files.flatMap(([name, path]) => ["--set", `${name}=${path}`])];
  }

  /** Resolves with the pid of the worker that has begun the step. */
  begun(step: string): Promise<number> {
    return new Promise((resolve) => {
      const look = (): void => {
        const line = readFileSync(this.at("trace"), "utf8")
          .split("\n")
          .find((text) => text.startsWith(`${step} `));
        if (line === undefined) return;
        watcher.close();
        resolve(Number(line.split(" ")[1]));
      };
      const watcher = watch(this.at("trace"), look);
      look();
    });
  }

  /** First attempts at tasks of a stage whose files a worker has. */
  attemptsAt(worker: string, stage: number): string[] {
    const attempt = new RegExp(`^j\\w+-${stage}-\\d+-1-\\d+$`);
    const jobs = join(this.dir, worker, "jobs");
    return readdirSync(jobs).flatMap((job) =>
      readdirSync(join(jobs, job)).filter((name) => attempt.test(name)),
    );
  }

  /** Where anything of an attempt lies: in workers' folders, or staged beside the output. */
  placesOf(attempt: string): string[] {
    const all = readdirSync(this.dir, { recursive: true, encoding: "utf8" });
    return all.filter((path) => path.endsWith(attempt));
  }
}

describe.skipIf(hostsProblem !== undefined)("a worker that is cut off from its coordinator", () => {
  it.runIf(areAllWanted).each([
    ["map", 0],
    ["reduce", 1],
  ] as const)(
    "and ends its %s meanwhile is refused once the network is healed: result, segment and output",
    async (step, stage) => {
      const fleet = await Fleet.start({ coordinators: ["a"], workers: ["w1", "w2"], slots: 1 });
      const job = new HeldJob(fleet.dir);
      const file = join(jobs, "gated.ts");
      const alone = ["run", file, job.at("input.txt"), "--out", job.at("alone"), "--quiet", ...job.params()];
      expect(await fanfold(alone)).toMatchObject({ exitCode: 0 });
      const ledger = readFileSync(join(job.at("store"), "ledger.json"), "utf8");
      writeFileSync(job.at("trace"), "");

      job.hold(step);
      const submitted = fleet.submit("gated.ts", job.at("input.txt"), job.at("out"), [
        ...job.params(),
        "--no-backups",
      ]);
      const pid = await job.begun(step);
      const victim = ["w1", "w2"].find((name) => fleet.process(name).child.pid === pid) ?? "";
      expect(victim, "the worker that holds").not.toBe("");
      const [attempt = ""] = job.attemptsAt(victim, stage);
      expect(attempt).not.toBe("");

      fleet.network.cut([victim], ["a"]);
      // It goes on and ends, unheard; the job is held where all is done again, and nothing is published.
      job.hold("commit");
      await fleet.process("a").printed(/worker given up: it has been silent for too long/);
      expect(await job.begun("commit")).not.toBe(pid);
      // It has not stopped by itself: what it has made waits to be told of, the output staged beside the other one's.
      const places = job.placesOf(attempt);
      expect(places.filter((path) => path.startsWith(join(victim, "jobs")))).toHaveLength(1);
      expect(places).toHaveLength(2);
      fleet.network.heal();
      await fleet.process("a").printed(/worker given up[\s\S]*worker joined/);
      // Refused while the job still goes on: it is not the job's end that clears up.
      while (job.placesOf(attempt).length > 0) await fleet.view();
      expect(existsSync(job.at("out"))).toBe(false);

      job.hold("nothing");
      const { exitCode, stdout, stderr } = await submitted.finished;
      expect(exitCode, stderr).toBe(0);
      expect(partsOf(job.at("out"))).toEqual(partsOf(job.at("alone")));
      expect(readFileSync(join(job.at("store"), "ledger.json"), "utf8")).toBe(ledger);
      const result = JSON.parse(stdout) as {
        readonly counters: Readonly<Record<string, number>>;
        readonly stages: readonly { readonly lostAttempts: number; readonly failedAttempts: number }[];
      };
      // Each key counts once, though two attempts have counted it.
      expect(result.counters).toEqual({ keys: 62 });
      expect(result.stages[stage]?.lostAttempts).toBe(1);
      expect(result.stages.map(({ failedAttempts }) => failedAttempts)).toEqual([0, 0]);
    },
  );
});
