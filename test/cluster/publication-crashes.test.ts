/**
 * A job that writes to its output folder, to another folder and to a sink of its own: real processes are killed while
 * the sink is in the middle of a step, which is told by the sink itself, and all of the output appears, or none.
 */
import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type JobRun, submitJob } from "fanfold";
import { beforeEach, describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  startWorker,
  tempFolder,
  token,
} from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

let dir: string;
const at = (name: string): string => join(dir, name);

beforeEach(() => {
  dir = tempFolder();
  writeFileSync(at("input.txt"), "one three three\nseven one\n");
  writeFileSync(at("trace"), "");
});

/** Resolves with the pid of the worker whose sink has just begun this step for the so manieth time. */
async function reached(step: string, times = 1): Promise<number> {
  return (await begun(step, times)).worker;
}

function begun(step: string, times = 1): Promise<{ readonly worker: number; readonly sink: number }> {
  return new Promise((resolve) => {
    const look = (): void => {
      const steps = readFileSync(at("trace"), "utf8")
        .split("\n")
        .filter((line) => line.startsWith(step));
      const found = steps[times - 1];
      if (found === undefined) return;
      watcher.close();
      const [worker = 0, sink = 0] = found.split(" ").slice(1).map(Number);
      resolve({ worker, sink });
    };
    const watcher = watch(at("trace"), look);
    look();
  });
}

interface Cluster {
  readonly replicas: Replicas;
  readonly workers: readonly FanfoldProcess[];
  readonly run: JobRun;
}

async function startJob(veto = "no"): Promise<Cluster> {
  const replicas = await Replicas.start(dir);
  await replicas.leader();
  const names = ["w1", "w2"];
  const workers = await Promise.all(
    names.map((name) => startWorker(name, replicas.urls, at(name), ["--slots", "1"])),
  );
  const run = await submitJob(join(jobs, "ledger.ts"), {
    coordinators: replicas.urls.split(","),
    token,
    inputs: at("input.txt"),
    out: at("out"),
    folders: { long: at("long-words") },
    reducers: 2,
    params: { store: at("store"), trace: at("trace"), hold: at("hold"), veto },
  });
  return { replicas, workers, run };
}

async function killBoth({ replicas, workers }: Cluster, workerPid: number): Promise<void> {
  await replicas.kill(await replicas.leader());
  const doomed = workers.find(({ child }) => child.pid === workerPid);
  doomed?.child.kill("SIGKILL");
  expect(doomed).toBeDefined();
}

const leftovers = (): string[] => readdirSync(dir).filter((name) => name.includes(".fanfold-"));

describe("a job whose leader and participant are killed", () => {
  it.each(["prepare", "commit"])("in the middle of %s shows all of its output, once", async (step) => {
    writeFileSync(at("hold"), step);
    const cluster = await startJob();
    const pid = await reached(step);
    // Nothing can be seen before the decision; after it, the job's own folder still comes last.
    expect(existsSync(at("out"))).toBe(false);
    expect(existsSync(join(at("store"), "ledger.json"))).toBe(false);
    if (step === "prepare") expect(existsSync(at("long-words"))).toBe(false);
    await killBoth(cluster, pid);
    rmSync(at("hold"));
    const result = await cluster.run.result();
    const expected = ["one\t2", "seven\t1", "three\t2"];
    expect(outputLines(at("out")).sort()).toEqual(expected);
    expect(outputLines(at("long-words"), "long-").sort()).toEqual(['"seven"', '"three"', '"three"']);
    expect(JSON.parse(readFileSync(join(at("store"), "ledger.json"), "utf8"))).toEqual({
      one: 2,
      seven: 1,
      three: 2,
    });
    expect(readdirSync(at("store"))).toEqual(["ledger.json"]);
    expect(readdirSync(at("long-words"))).toContain("_SUCCESS");
    expect(result.files.some(({ name }) => name.startsWith(at("long-words")))).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it("leaves nothing of an output that a participant has voted against, though the abort is cut short", async () => {
    writeFileSync(at("hold"), "abort");
    const cluster = await startJob("yes");
    const pid = await reached("abort");
    await expect(cluster.run.result()).rejects.toThrow(
      'prepare of sink "ledger" threw Error: the ledger is closed',
    );
    await killBoth(cluster, pid);
    rmSync(at("hold"));
    // The next leader owes the sink its abort, and the other folder's staging its end.
    await reached("abort", 2);
    const view = await fanfold(["jobs", "--json", "--coordinators", cluster.replicas.urls]);
    expect(JSON.parse(view.stdout)).toMatchObject([{ state: "failed" }]);
    expect(existsSync(at("out"))).toBe(false);
    expect(existsSync(at("long-words"))).toBe(false);
    expect(leftovers()).toEqual([]);
  });
});

describe("fanfold run", () => {
  const words = (veto: string): string[] => {
    const params = { store: at("store"), trace: at("trace"), hold: at("hold"), veto };
    const set = Object.entries(params).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
    const places = ["--out", at("out"), "--folder", `long=${at("long-words")}`];
    return ["run", join(jobs, "ledger.ts"), at("input.txt"), ...places, "--quiet", ...set];
  };

  it("ends when a sink and a folder of its own have undone what they had prepared for nothing", async () => {
    const refused = await fanfold(words("yes"));
    expect(refused.stderr).toContain('prepare of sink "ledger" threw Error: the ledger is closed');
    expect(readFileSync(at("trace"), "utf8")).toMatch(/^prepare .*\nabort .*\n$/);
    expect(existsSync(at("long-words"))).toBe(false);
    expect(leftovers()).toEqual([]);
    expect((await fanfold(words("no"))).exitCode).toBe(0);
    expect(outputLines(at("long-words"), "long-").sort()).toEqual(['"seven"', '"three"', '"three"']);
  });

  it("that is interrupted while a sink prepares lets it abort, and not before the other step has ended", async () => {
    writeFileSync(at("hold"), "prepare");
    const run = new FanfoldProcess(words("no"));
    const { sink } = await begun("prepare");
    run.child.kill("SIGINT");
    await begun("abort");
    expect(existsSync(`/proc/${sink}`)).toBe(false);
    expect((await run.finished).exitCode).toBe(130);
    expect(existsSync(at("store"))).toBe(false);
    expect(leftovers()).toEqual([]);
  });
});
