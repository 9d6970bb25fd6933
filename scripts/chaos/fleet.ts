/** A fleet of real processes on this machine, for commands that kill some of them: coordinators and workers. */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ClientOptions, CoordinatorClient, FanfoldError } from "fanfold";

export const root: string = fileURLToPath(new URL("../../../", import.meta.url));
const command = join(root, "packages/cli/bin/fanfold.js");

export interface FleetOptions {
  /** Data folders and logs; the caller removes it. */
  readonly dir: string;
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
  /** Segments are fetched over the network, as between machines; default false. */
  readonly networkShuffle?: boolean;
}

/** Set in the environment of every process of a fleet, and so of all that they start: its folder. */
export const fleetMark = "CHAOS_FLEET";

/** One process of the fleet, which can be started again after it was killed. */
export class Member {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #dir: string;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** `dir` is the fleet's. */
  constructor(name: string, args: readonly string[], dir: string) {
    this.name = name;
    this.#args = args;
    this.#dir = dir;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Undefined when it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** What it keeps on its disk. */
  get dataDir(): string {
    return join(this.#dir, this.name);
  }

  start(): void {
    if (this.#process !== undefined) return;
    const child = spawn(process.execPath, [command, ...this.#args, "--data-dir", this.dataDir], {
      env: { ...process.env, FANFOLD_TOKEN: token, TMPDIR: tempDirOf(this.#dir), [fleetMark]: this.#dir },
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.on("data", (text: Buffer) => appendFileSync(join(this.#dir, `${this.name}.log`), text));
    this.#ended = new Promise((resolve) => {
      child.once("close", () => {
        this.#process = undefined;
        resolve();
      });
    });
    this.#process = child;
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#ended;
  }
}

const token = "a-token-for-chaos-only";

/** Where the processes of a fleet put what is temporary. */
export function tempDirOf(dir: string): string {
  return join(dir, "tmp");
}

export class Fleet {
  readonly coordinators: readonly Member[];
  readonly workers: readonly Member[];
  readonly target: ClientOptions;

  static async start(options: FleetOptions): Promise<Fleet> {
    const { dir } = options;
    const ports = await freePorts(options.coordinators);
    const ids = ports.map((_, index) => String.fromCharCode(97 + index));
    const peers = ids.map((id, index) => `${id}=127.0.0.1:${ports[index]}`).join(",");
    mkdirSync(tempDirOf(dir), { recursive: true });
    const member = (name: string, args: readonly string[]): Member => new Member(name, args, dir);
    const more = options.networkShuffle === true ? ["--network-shuffle"] : [];
    const urls = ports.map((port) => `ws://127.0.0.1:${port}`);
    const coordinators = ids.map((id, index) =>
      member(id, ["coordinator", "--id", id, "--listen", `127.0.0.1:${ports[index]}`, "--peers", peers]),
    );
    const workers = Array.from({ length: options.workers }, (_, index) => {
      const name = `w${index + 1}`;
      const slots = String(options.slots);
      const args = ["worker", "--name", name, "--slots", slots, "--coordinators", urls.join(",")];
      return member(name, [...args, "--pass-env", fleetMark, ...more]);
    });
    const fleet = new Fleet(coordinators, workers, { coordinators: urls, token });
    for (const each of [...coordinators, ...workers]) each.start();
    return fleet;
  }

  private constructor(coordinators: readonly Member[], workers: readonly Member[], target: ClientOptions) {
    this.coordinators = coordinators;
    this.workers = workers;
    this.target = target;
  }

  /** Whoever leads now, waited for until `deadlineMs` of `performance.now()`; undefined when nobody does by then. */
  async leader(deadlineMs: number): Promise<Member | undefined> {
    while (performance.now() < deadlineMs) {
      try {
        const { leader } = await CoordinatorClient.describe(this.target);
        const found = this.coordinators.find(({ name }) => name === leader);
        if (found !== undefined) return found;
      } catch (error) {
        if (!(error instanceof FanfoldError)) throw error;
      }
    }
    return undefined;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.coordinators, ...this.workers].map((each) => each.kill()));
  }
}

/** Ports that are free now; held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
