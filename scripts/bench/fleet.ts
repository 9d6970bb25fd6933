/** A cluster of real processes on this machine, for benchmarks that kill some of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { type ClientOptions, CoordinatorClient, isPassing } from "fanfold";
import { repositoryRoot } from "./contender.js";

const command = join(repositoryRoot, "packages/cli/bin/fanfold.js");
const token = "a-token-for-benchmarks";

export interface FleetOptions {
  /** Of this fleet alone. */
  readonly dir: string;
  readonly coordinators: number;
  /** Each with one slot. */
  readonly workers: number;
  /** Added to the environment of the first worker, and of the jobs' code there. */
  readonly firstWorkerEnv?: Readonly<Record<string, string>>;
}

export class Fleet {
  readonly target: ClientOptions;
  readonly #replicas: ReadonlyMap<string, ChildProcess>;
  readonly #workers: readonly ChildProcess[];

  /** Resolves when somebody leads and all workers have joined. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const ports = await Promise.all(Array.from({ length: options.coordinators }, () => freePort()));
    const ids = ports.map((_, index) => String.fromCharCode(97 + index));
    const peers = ids.map((id, index) => `${id}=127.0.0.1:${ports[index]}`).join(",");
    const replicas = new Map<string, ChildProcess>();
    ids.forEach((id, index) => {
      const listen = `127.0.0.1:${ports[index]}`;
      const args = ["coordinator", "--id", id, "--listen", listen, "--data-dir", join(options.dir, id)];
      replicas.set(id, start([...args, ...(ids.length > 1 ? ["--peers", peers] : [])], {}));
    });
    const coordinators = ports.map((port) => `ws://127.0.0.1:${port}`);
    const workers = Array.from({ length: options.workers }, (_, index) => {
      const name = `w${index + 1}`;
      const args = ["worker", "--name", name, "--slots", "1", "--data-dir", join(options.dir, name)];
      // Segments go over the network, as they would from machine to machine.
      const more = ["--network-shuffle", "--coordinators", coordinators.join()];
      const env = index === 0 ? (options.firstWorkerEnv ?? {}) : {};
      // Jobs' code sees of a worker's environment what the worker is told to pass on.
      const passed = Object.keys(env).flatMap((name) => ["--pass-env", name]);
      return start([...args, ...more, ...passed], env);
    });
    const fleet = new Fleet({ coordinators, token }, replicas, workers);
    await fleet.#whenComplete();
    return fleet;
  }

  private constructor(
    target: ClientOptions,
    replicas: ReadonlyMap<string, ChildProcess>,
    workers: readonly ChildProcess[],
  ) {
    this.target = target;
    this.#replicas = replicas;
    this.#workers = workers;
  }

  /** Its executor dies with it. */
  killWorker(index: number): void {
    this.#workers[index]?.kill("SIGKILL");
  }

  async killLeader(): Promise<void> {
    const { leader } = await CoordinatorClient.describe(this.target);
    this.#replicas.get(leader ?? "")?.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    const all = [...this.#workers, ...this.#replicas.values()];
    await Promise.all(
      all.map((child) => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined;
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGKILL");
        return ended;
      }),
    );
  }

  async #whenComplete(): Promise<void> {
    for (;;) {
      try {
        const { isLeader, workers } = await CoordinatorClient.describe(this.target);
        if (isLeader && workers.length === this.#workers.length) return;
      } catch (error) {
        if (!isPassing(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

const pollMs = 100;

function start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const all = { ...process.env, FANFOLD_TOKEN: token, FANFOLD_LOG: "error", ...env };
  return spawn(process.execPath, [command, ...args], { env: all, stdio: "ignore" });
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
