/**
 * `pnpm bench:consensus`: what three real coordinator processes do with real disks. Decided commands a second and
 * their latency, one at a time and many at once; and the time from a leader's SIGKILL to the first command that
 * the next one decides. A command is a `pause` or `resume` of a job, asked for by a client and answered when decided.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type ClientOptions, CoordinatorClient, isPassing, submitJob } from "fanfold";
import { quantile } from "./statistics.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(root, "packages/cli/bin/fanfold.js");
const token = "a-token-for-benchmarks";
const ids = ["a", "b", "c"] as const;

interface Replica {
  readonly id: string;
  readonly url: string;
  readonly args: readonly string[];
  process: ChildProcess;
}

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    commands: { type: "string", default: "2000" },
    inflight: { type: "string", default: "64" },
  },
});
const kills = Number(values.kills);
const commands = Number(values.commands);
const inflight = Number(values.inflight);

const dir = mkdtempSync(join(tmpdir(), "fanfold-consensus-"));
const replicas = await startReplicas();
try {
  const target: ClientOptions = { coordinators: replicas.map(({ url }) => url), token };
  const jobIds = await submitJobs(target, inflight);
  const [first = ""] = jobIds;
  console.log(
    `commands decided on three replicas, fdatasync before every acknowledgement (${commands} each)`,
  );
  console.log(rateText("one at a time", await measureCommands(target, [first], commands)));
  console.log(rateText(`${inflight} at once`, await measureCommands(target, jobIds, commands)));
  const times: number[] = [];
  for (let kill = 1; kill <= kills; kill += 1) {
    times.push(await measureFailover(target, first, kill));
    process.stderr.write(`kill ${kill}: ${times.at(-1)?.toFixed(0)} ms\n`);
  }
  const figures = [0.5, 0.9, 0.99, 1].map((share) => `${quantile(times, share).toFixed(0)} ms`);
  console.log(`from SIGKILL of the leader to the first command decided by the next, ${kills} kills:`);
  console.log(`  p50 ${figures[0]}, p90 ${figures[1]}, p99 ${figures[2]}, worst ${figures[3]}`);
} finally {
  for (const replica of replicas) replica.process.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}
process.exit();

async function startReplicas(): Promise<Replica[]> {
  const ports = await Promise.all(ids.map(() => freePort()));
  const peers = ids.map((id, index) => `${id}=127.0.0.1:${ports[index]}`).join(",");
  return ids.map((id, index) => {
    const address = `127.0.0.1:${ports[index]}`;
    const args = [
      "coordinator",
      "--id",
      id,
      "--listen",
      address,
      "--peers",
      peers,
      "--data-dir",
      join(dir, id),
    ];
    return { id, url: `ws://${address}`, args, process: start(args) };
  });
}

function start(args: readonly string[]): ChildProcess {
  const env = { ...process.env, FANFOLD_TOKEN: token, FANFOLD_LOG: "error" };
  return spawn(process.execPath, [command, ...args], { env, stdio: "ignore" });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Jobs that wait for a worker, of whom there is none. */
async function submitJobs(target: ClientOptions, count: number): Promise<string[]> {
  await whenLed(target);
  const job = join(root, "examples/word-count/word-count.ts");
  const submitted: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const run = await submitJob(job, { ...target, inputs: root, out: join(dir, `out-${n}`) });
    submitted.push(run.id);
  }
  return submitted;
}

async function whenLed(target: ClientOptions): Promise<CoordinatorClient> {
  for (;;) {
    try {
      return await CoordinatorClient.connect(target);
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
}

interface Rate {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
}

/** `total` commands, as many at once as there are jobs, alternately pausing and resuming each. */
async function measureCommands(
  target: ClientOptions,
  jobIds: readonly string[],
  total: number,
): Promise<Rate> {
  const client = await CoordinatorClient.connect(target);
  const latenciesMs: number[] = [];
  const began = performance.now();
  let asked = 0;
  await Promise.all(
    jobIds.map(async (jobId) => {
      for (let turn = 0; asked < total; turn += 1) {
        asked += 1;
        const sent = performance.now();
        await client.request({ type: turn % 2 === 0 ? "pause" : "resume", jobId });
        latenciesMs.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  client.close();
  return { perSecond: latenciesMs.length / seconds, latenciesMs };
}

function rateText(what: string, { perSecond, latenciesMs }: Rate): string {
  const p50 = quantile(latenciesMs, 0.5).toFixed(2);
  const p99 = quantile(latenciesMs, 0.99).toFixed(2);
  return `  ${what.padEnd(14)} ${perSecond.toFixed(0).padStart(7)} a second, latency p50 ${p50} ms, p99 ${p99} ms`;
}

/** Milliseconds from the kill to the first command decided; the killed replica is started again afterwards. */
async function measureFailover(target: ClientOptions, jobId: string, kill: number): Promise<number> {
  const { leader } = await CoordinatorClient.describe(target);
  const doomed = replicas.find(({ id }) => id === leader);
  if (doomed === undefined) throw new Error("nobody leads");
  const began = performance.now();
  doomed.process.kill("SIGKILL");
  // The job's state changes with every kill, so that the answer is a command's and not "it is so already".
  for (let turn = kill; ; turn += 1) {
    try {
      const client = await CoordinatorClient.connect(target);
      await client.request({ type: turn % 2 === 0 ? "pause" : "resume", jobId });
      client.close();
      break;
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
  }
  const elapsed = performance.now() - began;
  doomed.process = start(doomed.args);
  await whenWhole(target);
  return elapsed;
}

/** Until all replicas vote again, so that the next kill finds a cluster that may lose one. */
async function whenWhole(target: ClientOptions): Promise<void> {
  for (;;) {
    const view = await CoordinatorClient.describe(target).catch(() => undefined);
    if (view?.leader !== null && view?.toleratedFailures === 1) return;
  }
}
