/**
 * A worker is killed, or frozen and thawed, in every phase of a job, each told by the job or the network itself: the
 * output is that of an undisturbed run. The coordinator runs in this process, with a lease that is short to wait for.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Coordinator } from "@fanfold/coordinator";
import { type JobResult, type JobRun, runJob, submitJob } from "fanfold";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FanfoldProcess, jobs, startWorker, tempFolder, token } from "./fanfold-process.js";
import { ShuffleGate } from "./shuffle-gate.js";

const job = join(jobs, "gated.ts");
const reducers = 4;
/** Bytes of a holder's answer that have passed when it is struck in the middle of a fetch; it has about 200,000. */
const midFetchBytes = 60_000;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
function nothing(): void {
  // Nobody reads it.
}

let coordinator: Coordinator;
let gate: ShuffleGate;
let workers: readonly FanfoldProcess[];
let dir: string;
const at = (name: string): string => join(dir, name);
/** Of a run that nobody disturbed, the same for all phases. */
let expected: object | undefined;

beforeAll(async () => {
  const options = { token, heartbeatIntervalMs: 200, leaseMs: 1_500 };
  coordinator = await Coordinator.start(options, {
    log: silent,
    onFatal: (error) => {
      throw error;
    },
  });
});

afterAll(() => coordinator.close());

beforeEach(async () => {
  dir = tempFolder();
  const text = (n: number): string => createHash("sha512").update(String(n)).digest("base64").repeat(2);
  const lines = Array.from({ length: 8_000 }, (_, n) => `key${n % 60} ${text(n)}\n`);
  writeFileSync(at("input.txt"), ["zz last\n", "gate here\n", ...lines].join(""));
  expected ??= await undisturbed();
  writeFileSync(at("trace"), "");
});

afterEach(() => gate.close());

async function undisturbed(): Promise<object> {
  await (await runJob(job, optionsOf())).result();
  const shown = output();
  for (const name of ["out", "store"]) rmSync(at(name), { recursive: true });
  return shown;
}

const optionsOf = () => ({
  inputs: at("input.txt"),
  out: at("out"),
  reducers,
  splitBytes: 256 * 1024,
  backups: false,
  // "Nothing fetched", and "so much of each", are moments of their own only where no reduce begins before the maps end.
  earlyFetch: false,
  params: { store: at("store"), trace: at("trace"), hold: at("hold") },
});

/** Everything the job shows, but for its manifest, which tells of times. */
function output(): object {
  const parts = readdirSync(at("out")).filter((name) => name !== "_SUCCESS");
  const paths = [...parts.map((name) => at(`out/${name}`)), at("store/ledger.json")];
  return Object.fromEntries(paths.map((path) => [path.slice(dir.length), readFileSync(path, "utf8")]));
}

/** Two workers; what is fetched from the first goes through the gate. */
async function startWorkers(): Promise<void> {
  const port = await freePort();
  gate = await ShuffleGate.open(port);
  const more = ["--slots", "1", "--network-shuffle"];
  const behindGate = ["--listen", `127.0.0.1:${port}`, "--advertise", gate.address];
  workers = await Promise.all([
    startWorker("w1", coordinator.url, at("w1"), [...more, ...behindGate]),
    startWorker("w2", coordinator.url, at("w2"), more),
  ]);
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Holds the job at this step; resolves with the worker that has reached it. */
function heldAt(step: string): Promise<FanfoldProcess> {
  writeFileSync(at("hold"), step);
  return new Promise((resolve) => {
    const watcher = watch(at("trace"), () => {
      const line = readFileSync(at("trace"), "utf8")
        .split("\n")
        .find((text) => text.startsWith(step));
      const found = workers.find(({ child }) => child.pid === Number(line?.split(" ")[1]));
      if (found === undefined) return;
      watcher.close();
      resolve(found);
    });
  });
}

async function heldFetch(bytes: number): Promise<FanfoldProcess | undefined> {
  // The reduces of both workers, each of which fetches from the first.
  await gate.hold(bytes, 2);
  return workers[0];
}

async function lastReduce(run: Promise<JobRun>): Promise<FanfoldProcess> {
  const victim = await heldAt("reduce");
  for await (const event of (await run).events()) {
    if (
      "job" in event &&
      event.job.stages.some(({ kind, done }) => kind === "reduce" && done === reducers - 1)
    )
      break;
  }
  return victim;
}

interface Phase {
  readonly when: string;
  readonly signal: NodeJS.Signals;
  /** Resolves with the worker to strike, at the moment. */
  readonly reached: (run: Promise<JobRun>) => Promise<FanfoldProcess | undefined>;
  /** What the stroke has cost, of the job's two stages. */
  readonly cost?: (stages: JobResult["stages"]) => number | undefined;
}

const lostMaps: Phase["cost"] = (stages) => stages[0]?.lost;
const remadeMaps: Phase["cost"] = (stages) => stages[0]?.remade;
const lostReduces: Phase["cost"] = (stages) => stages[1]?.lost;

const phases: readonly Phase[] = [
  { when: "in a map", signal: "SIGKILL", reached: () => heldAt("map"), cost: lostMaps },
  {
    when: "its maps done, and nothing fetched",
    signal: "SIGKILL",
    reached: () => heldFetch(0),
    cost: remadeMaps,
  },
  {
    when: "in the middle of a fetch",
    signal: "SIGKILL",
    reached: () => heldFetch(midFetchBytes),
    cost: remadeMaps,
  },
  { when: "at the last key of the last reduce", signal: "SIGKILL", reached: lastReduce, cost: lostReduces },
  { when: "while it prepares the output", signal: "SIGKILL", reached: () => heldAt("prepare") },
  { when: "while it publishes the output", signal: "SIGKILL", reached: () => heldAt("commit") },
  { when: "in a map", signal: "SIGSTOP", reached: () => heldAt("map"), cost: lostMaps },
  {
    when: "its maps done, and nothing fetched",
    signal: "SIGSTOP",
    reached: () => heldFetch(0),
    cost: remadeMaps,
  },
  {
    when: "in the middle of a fetch",
    signal: "SIGSTOP",
    reached: () => heldFetch(midFetchBytes),
    cost: remadeMaps,
  },
  { when: "at the last key of the last reduce", signal: "SIGSTOP", reached: lastReduce, cost: lostReduces },
  { when: "while it prepares the output", signal: "SIGSTOP", reached: () => heldAt("prepare") },
  { when: "while it publishes the output", signal: "SIGSTOP", reached: () => heldAt("commit") },
];

describe("a job, one of whose workers gets", () => {
  it.each(phases)("($when) a $signal", async ({ signal, reached, cost }) => {
    await startWorkers();
    const submitted = submitJob(job, { ...optionsOf(), coordinators: [coordinator.url], token });
    const victim = await reached(submitted);
    victim?.child.kill(signal);
    rmSync(at("hold"), { force: true });
    gate.release();
    const result = await (await submitted).result();
    expect(output()).toEqual(expected);
    expect(result.counters).toEqual({ keys: 62 });
    if (cost !== undefined) expect(cost(result.stages)).toBeGreaterThan(0);
    if (signal !== "SIGSTOP") return;
    // The zombie comes back, finds that nobody wants what it has, and changes nothing.
    victim?.child.kill("SIGCONT");
    victim?.child.kill("SIGTERM");
    await victim?.finished;
    expect(output()).toEqual(expected);
    const name = victim === workers[0] ? "w1" : "w2";
    expect(readdirSync(at(`${name}/jobs`))).toEqual([]);
    expect(readdirSync(dir).filter((entry) => entry.includes(".fanfold-"))).toEqual([]);
    expect(existsSync(at("store")) && readdirSync(at("store"))).toEqual(["ledger.json"]);
  });
});
