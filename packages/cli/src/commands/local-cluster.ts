/** `fanfold cluster up`, `down`, `status`: a real cluster of several processes on this machine. */
import { join, resolve } from "node:path";
import { FanfoldError } from "fanfold";
import { printJson } from "../json-answer.js";
import { localClusterDir } from "../local-cluster-place.js";
import { type ClusterPlan, LocalProcesses, type ProcessStatus } from "../local-processes.js";

export interface LocalClusterOptions {
  readonly dir?: string;
  readonly json: boolean;
}

export interface ClusterUpOptions extends LocalClusterOptions {
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
}

/** An odd number up to this: every command waits for a majority of disks. */
const coordinatorsMax = 9;
const workersMax = 64;

export async function clusterUp(options: ClusterUpOptions): Promise<void> {
  const { coordinators, workers, slots } = options;
  if (coordinators % 2 === 0 || coordinators > coordinatorsMax) {
    const message = `--coordinators must be odd and at most ${coordinatorsMax}, not ${coordinators}: an even number tolerates no more failures than one fewer.`;
    throw new FanfoldError("USAGE", message);
  }
  if (workers > workersMax) throw new FanfoldError("USAGE", `At most ${workersMax} workers, not ${workers}.`);
  const processes = new LocalProcesses(dirOf(options));
  const { plan, started } = await processes.up({ coordinators, workers, slots }, (line) => {
    process.stderr.write(`${line}\n`);
  });
  if (options.json) printJson(describe(plan, processes));
  else {
    process.stdout.write(`${reachText(plan, processes.dir)}\n`);
    const what = started === 0 ? "It was up already." : `Started ${started} processes.`;
    const page = plan.coordinators[0]?.url?.replace(/^ws/, "http") ?? "";
    process.stderr.write(`The page: ${page}/ (its token: ${join(processes.dir, "token")})\n`);
    process.stderr.write(`${what} End it: fanfold cluster down${dirFlag(options)}\n`);
  }
}

export async function clusterDown(options: LocalClusterOptions & { readonly purge: boolean }): Promise<void> {
  const processes = new LocalProcesses(dirOf(options));
  const ended = await processes.down();
  if (options.purge) processes.purge();
  if (options.json) printJson({ dir: processes.dir, ended });
  else process.stdout.write(ended === 0 ? "No process was running.\n" : `Ended ${ended} processes.\n`);
}

export async function clusterStatus(options: LocalClusterOptions): Promise<void> {
  const processes = new LocalProcesses(dirOf(options));
  const plan = processes.plan();
  if (plan === undefined) {
    const message = `There is no cluster in ${processes.dir}. Start one: fanfold cluster up`;
    throw new FanfoldError("NO_COORDINATOR", message);
  }
  if (options.json) {
    printJson(describe(plan, processes));
    return;
  }
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    head: ["PROCESS", "PID", "STATE", "URL", "LOG"],
    style: { head: [], border: [] },
  });
  for (const { name, pid, isRunning, url, log } of processes.statuses(plan)) {
    table.push([name, pid === null ? "-" : String(pid), isRunning ? "running" : "ended", url ?? "-", log]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

function dirOf({ dir }: LocalClusterOptions): string {
  return dir === undefined ? localClusterDir() : resolve(dir);
}

function dirFlag({ dir }: LocalClusterOptions): string {
  return dir === undefined ? "" : ` --dir ${dir}`;
}

/** Lines that a shell can take: `eval "$(fanfold cluster up)"`. */
function reachText(plan: ClusterPlan, dir: string): string {
  const urls = plan.coordinators.map(({ url }) => url).join(",");
  return `export FANFOLD_COORDINATORS=${urls}\nexport FANFOLD_TOKEN_FILE=${join(dir, "token")}`;
}

function describe(plan: ClusterPlan, processes: LocalProcesses): object {
  const statuses: readonly ProcessStatus[] = processes.statuses(plan);
  const coordinators = plan.coordinators.map(({ url }) => url);
  return { dir: processes.dir, coordinators, tokenFile: join(processes.dir, "token"), processes: statuses };
}
