/** Three coordinators that agree by Paxos, on free ports, each with its own disk. */
import { createServer } from "node:net";
import { join } from "node:path";
import { CoordinatorClient } from "fanfold";
import { FanfoldProcess, fanfold, token } from "./fanfold-process.js";

export interface Replica {
  readonly id: string;
  readonly url: string;
  process: FanfoldProcess;
  start(): Promise<void>;
  /** Starts it without waiting for anything: it may refuse. */
  again(): FanfoldProcess;
}

export interface ClusterView {
  readonly leader: string | null;
  readonly toleratedFailures: number;
  readonly replicas: readonly {
    readonly id: string;
    readonly role: string;
    readonly reachable: boolean;
    readonly problem: string | null;
    readonly decidedIndex: number | null;
  }[];
  readonly workers: readonly { readonly name: string; readonly running: number }[];
}

export class Replicas {
  readonly all: readonly Replica[];

  static async start(dir: string, count = 3): Promise<Replicas> {
    const ports = await freePorts(count);
    const ids = ports.map((_, index) => String.fromCharCode(97 + index));
    const peers = ids.map((id, index) => `${id}=127.0.0.1:${ports[index]}`).join(",");
    const all = ids.map((id, index): Replica => {
      const listen = `127.0.0.1:${ports[index]}`;
      const args = [
        "coordinator",
        "--id",
        id,
        "--listen",
        listen,
        "--peers",
        peers,
        "--data-dir",
        join(dir, id),
      ];
      const replica: Replica = {
        id,
        url: `ws://${listen}`,
        process: new FanfoldProcess(args),
        again() {
          replica.process = new FanfoldProcess(args);
          return replica.process;
        },
        async start() {
          replica.process = new FanfoldProcess(args);
          await replica.process.printed(/coordinator is listening/);
        },
      };
      return replica;
    });
    await Promise.all(all.map((replica) => replica.process.printed(/coordinator is listening/)));
    return new Replicas(all);
  }

  private constructor(all: readonly Replica[]) {
    this.all = all;
  }

  get urls(): string {
    return this.all.map(({ url }) => url).join(",");
  }

  async view(): Promise<ClusterView> {
    const { stdout } = await fanfold(["cluster", "--json", "--coordinators", this.urls]);
    return JSON.parse(stdout) as ClusterView;
  }

  /** Asks until somebody leads; from this process, which costs a tenth of what the command does. */
  async leader(): Promise<Replica> {
    const target = { coordinators: this.all.map(({ url }) => url), token };
    for (;;) {
      const { leader } = await CoordinatorClient.describe(target);
      const found = this.all.find(({ id }) => id === leader);
      if (found !== undefined) return found;
    }
  }

  async kill(replica: Replica): Promise<void> {
    replica.process.child.kill("SIGKILL");
    await replica.process.finished;
  }
}

/** Ports that are free now; held all at once, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
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
