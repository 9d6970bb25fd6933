/**
 * The processes of a cluster on this machine. What there should be is written down in one file of its folder, so that
 * `up` again starts just what is missing, on the same ports and disks, also after a restart of the machine.
 */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { CoordinatorClient, FanfoldError } from "fanfold";
import { planFileName } from "./local-cluster-place.js";
import { readToken } from "./token-file.js";

export interface ClusterPlan {
  readonly coordinators: readonly PlannedProcess[];
  readonly workers: readonly PlannedProcess[];
}

export interface PlannedProcess {
  readonly name: string;
  readonly args: readonly string[];
  /** Of a coordinator. */
  readonly url?: string;
  readonly pid?: number;
}

export interface ProcessStatus {
  readonly name: string;
  readonly pid: number | null;
  readonly isRunning: boolean;
  readonly url: string | null;
  readonly log: string;
}

export interface ClusterSize {
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
}

/** Where a coordinator listens when nobody says where: then no command has to be told either. */
const firstPort = 7101;
/** How long processes may take to come up, and to end by themselves. */
const upTimeoutMs = 30_000;
const downTimeoutMs = 15_000;
const lookPauseMs = 50;

export class LocalProcesses {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** What there should be; undefined where nothing was ever started. @throws `CONFIG_INVALID` */
  plan(): ClusterPlan | undefined {
    if (!existsSync(this.#planFile)) return undefined;
    try {
      return JSON.parse(readFileSync(this.#planFile, "utf8")) as ClusterPlan;
    } catch (cause) {
      throw new FanfoldError(
        "CONFIG_INVALID",
        `${this.#planFile} cannot be read: ${(cause as Error).message}.`,
      );
    }
  }

  statuses(plan: ClusterPlan): readonly ProcessStatus[] {
    return [...plan.coordinators, ...plan.workers].map((each) => ({
      name: each.name,
      pid: each.pid ?? null,
      isRunning: this.#isRunning(each),
      url: each.url ?? null,
      log: this.#logOf(each.name),
    }));
  }

  /** Starts what is missing, and waits until a leader knows all workers. @throws `USAGE`, `TIMED_OUT` */
  async up(
    size: ClusterSize,
    tell: (line: string) => void,
  ): Promise<{ readonly plan: ClusterPlan; readonly started: number }> {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    this.#makeToken();
    const plan = await this.#planFor(size);
    let started = 0;
    const start = (each: PlannedProcess): PlannedProcess => {
      if (this.#isRunning(each)) return each;
      started += 1;
      tell(`starting ${each.name}`);
      return { ...each, pid: this.#start(each) };
    };
    const running = { coordinators: plan.coordinators.map(start), workers: plan.workers.map(start) };
    this.#write(running);
    await this.#untilUp(running);
    return { plan: running, started };
  }

  /** Ends workers, which finish what they run, then coordinators. Returns how many were running. */
  async down(): Promise<number> {
    const plan = this.plan();
    if (plan === undefined) return 0;
    const ended = (await this.#end(plan.workers)) + (await this.#end(plan.coordinators));
    const stopped = ({ pid: _pid, ...rest }: PlannedProcess): PlannedProcess => rest;
    this.#write({ coordinators: plan.coordinators.map(stopped), workers: plan.workers.map(stopped) });
    return ended;
  }

  /** Removes logs, disks and plan of a cluster that is down. */
  purge(): void {
    for (const entry of [planFileName, "token", "logs", "data"]) {
      rmSync(join(this.dir, entry), { recursive: true, force: true });
    }
  }

  get #planFile(): string {
    return join(this.dir, planFileName);
  }

  #logOf(name: string): string {
    return join(this.dir, "logs", `${name}.log`);
  }

  /** The user's own: then the cluster on the usual ports is the one that every command finds by itself. */
  #makeToken(): void {
    const path = join(this.dir, "token");
    if (!existsSync(path)) writeFileSync(path, `${readToken(undefined)}\n`, { mode: 0o600 });
  }

  /** What is there already, and further workers as asked for. Coordinators are fixed: their number is in their logs. */
  async #planFor(size: ClusterSize): Promise<ClusterPlan> {
    const known = this.plan();
    if (known !== undefined && known.coordinators.length !== size.coordinators) {
      const message = `The cluster in ${this.dir} has ${known.coordinators.length} coordinators, not ${size.coordinators}. End and remove it first: fanfold cluster down --purge`;
      throw new FanfoldError("USAGE", message);
    }
    const coordinators = known?.coordinators ?? (await this.#newCoordinators(size.coordinators));
    const urls = coordinators.map(({ url }) => url ?? "").join(",");
    const workers = [...(known?.workers ?? [])];
    for (let index = workers.length + 1; index <= size.workers; index += 1) {
      const name = `w${index}`;
      const args = ["worker", "--name", name, "--slots", String(size.slots), "--coordinators", urls];
      workers.push({ name, args: [...args, ...this.#placeOf(name)] });
    }
    return { coordinators, workers };
  }

  async #newCoordinators(count: number): Promise<PlannedProcess[]> {
    const ports = await freePorts(count);
    const ids = ports.map((_, index) => String.fromCharCode("a".charCodeAt(0) + index));
    const peers = ids.map((id, index) => `${id}=127.0.0.1:${ports[index]}`).join(",");
    return ids.map((name, index): PlannedProcess => {
      const listen = `127.0.0.1:${ports[index]}`;
      const args = ["coordinator", "--id", name, "--listen", listen, "--peers", peers];
      return { name, args: [...args, ...this.#placeOf(name)], url: `ws://${listen}` };
    });
  }

  #placeOf(name: string): readonly string[] {
    return ["--data-dir", join(this.dir, "data", name), "--token-file", join(this.dir, "token")];
  }

  /** Its own session and its own log: it does not end with the terminal. */
  #start({ name, args }: PlannedProcess): number {
    mkdirSync(join(this.dir, "logs"), { recursive: true });
    const log = openSync(this.#logOf(name), "a", 0o600);
    try {
      const main = process.argv[1] ?? "";
      const child = spawn(process.execPath, [main, ...args], {
        cwd: this.dir,
        detached: true,
        stdio: ["ignore", log, log],
      });
      child.unref();
      if (child.pid !== undefined) return child.pid;
    } finally {
      closeSync(log);
    }
    throw new FanfoldError("INTERNAL", `${name} could not be started.`);
  }

  /** Whether the process of this number is still ours: numbers are given again. */
  #isRunning({ pid, name }: PlannedProcess): boolean {
    if (pid === undefined || !isAlive(pid)) return false;
    const commandLine = readProc(pid, "cmdline");
    return commandLine === undefined || commandLine.includes(join(this.dir, "data", name));
  }

  async #untilUp(plan: ClusterPlan): Promise<void> {
    const target = {
      coordinators: plan.coordinators.map(({ url }) => url ?? ""),
      token: readFileSync(join(this.dir, "token"), "utf8").trim(),
    };
    const deadline = performance.now() + upTimeoutMs;
    for (;;) {
      const ended = [...plan.coordinators, ...plan.workers].find((each) => !this.#isRunning(each));
      if (ended !== undefined) throw this.#brokenStart(ended.name);
      const view = await CoordinatorClient.describe(target).catch(() => undefined);
      if (view?.isLeader === true && view.workers.length >= plan.workers.length) return;
      if (performance.now() > deadline) {
        throw new FanfoldError(
          "TIMED_OUT",
          `The cluster is not up after ${upTimeoutMs / 1000} s. See ${join(this.dir, "logs")}`,
        );
      }
      await pause();
    }
  }

  #brokenStart(name: string): FanfoldError {
    const lines = readFileSync(this.#logOf(name), "utf8").trimEnd().split("\n");
    return new FanfoldError(
      "NO_COORDINATOR",
      `${name} has ended: ${lines.at(-1) ?? ""} (${this.#logOf(name)})`,
    );
  }

  async #end(processes: readonly PlannedProcess[]): Promise<number> {
    const running = processes.filter((each) => this.#isRunning(each));
    for (const { pid } of running) signal(pid, "SIGTERM");
    const deadline = performance.now() + downTimeoutMs;
    while (running.some((each) => this.#isRunning(each)) && performance.now() < deadline) await pause();
    for (const each of running) if (this.#isRunning(each)) signal(each.pid, "SIGKILL");
    return running.length;
  }

  #write(plan: ClusterPlan): void {
    writeFileSync(`${this.#planFile}.new`, `${JSON.stringify(plan, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${this.#planFile}.new`, this.#planFile);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A child that has ended and that nobody has asked about is no process any more.
  return readProc(pid, "stat")?.includes(") Z ") !== true;
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

/** Undefined on systems that do not tell. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " ");
  } catch {
    return undefined;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookPauseMs));
}

/** The usual ports when they are free, else any; all held at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const [index, server] of servers.entries()) {
    ports.push(await bind(server, firstPort + index).catch(() => bind(server, 0)));
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function bind(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
