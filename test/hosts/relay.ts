/**
 * Links that are slow or lossy. Every connection from one host to a port of another is turned aside, by address
 * translation on the host it comes from, to a process on a host between them; loss is the kernel's own, packet by packet.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { transformSync } from "esbuild";
import { type Host, HostNetwork, hostsProblem } from "./host-network.js";
import type { Manner, Route } from "./relay-process.js";

const firstPort = 20_000;

/** A link that is to pass through the relay. */
export interface RelayedLink {
  readonly from: Host;
  readonly to: Host;
  readonly port: number;
}

function problemOn(host: Host): string | undefined {
  try {
    host.exec(["iptables", "--table", "nat", "--list-rules"]);
    host.exec(lossRule("--append", 0.5));
    host.exec(lossRule("--delete", 0.5));
    return undefined;
  } catch (error) {
    return `no iptables with nat and statistic here: ${String((error as { stderr?: unknown }).stderr ?? error)}`;
  }
}

function lossRule(how: "--append" | "--delete", share: number): readonly string[] {
  const match = ["--match", "statistic", "--mode", "random", "--probability", String(share)];
  return ["iptables", how, "INPUT", "--in-interface", "eth0", ...match, "--jump", "DROP"];
}

/** Why links cannot be made bad here; undefined where they can. Needs iptables with `nat` and `statistic`. */
export async function findRelayProblem(): Promise<string | undefined> {
  if (hostsProblem !== undefined) return hostsProblem;
  const network = await HostNetwork.open(["probe"]);
  try {
    return problemOn(network.host("probe"));
  } finally {
    await network.close();
  }
}

/** Of the packets that come to the host, so many are lost: from 0 to 1. */
export function losePackets(host: Host, share: number): void {
  host.exec(lossRule("--append", share));
}

export class Relay {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  /** On `host`; takes the connections of `links` that are made from now on. */
  static async start(host: Host, links: readonly RelayedLink[]): Promise<Relay> {
    const routes = links.map(
      ({ to, port }, n): Route => ({ port: firstPort + n, host: to.address, targetPort: port }),
    );
    const source = readFileSync(new URL("relay-process.ts", import.meta.url), "utf8");
    const { code } = transformSync(source, { loader: "ts", format: "esm", target: "node20" });
    const [file = "", ...through] = host.namespace.through;
    const node = [process.execPath, "--input-type=module", "--eval", code, "--", JSON.stringify(routes)];
    const child = spawn(file, [...through, ...node], { stdio: ["pipe", "pipe", "inherit"] });
    const relay = new Relay(child);
    await relay.#said("relay is up");
    for (const [n, { from, to, port }] of links.entries()) {
      const match = ["--destination", to.address, "--protocol", "tcp", "--dport", String(port)];
      const target = ["--jump", "DNAT", "--to-destination", `${host.address}:${firstPort + n}`];
      from.exec(["iptables", "--table", "nat", "--append", "OUTPUT", ...match, ...target]);
    }
    return relay;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  }

  /** How bytes pass from now on, on all links. */
  async pass(manner: Manner): Promise<void> {
    const told = this.#said(`now ${manner.type}`);
    this.#child.stdin?.write(`${JSON.stringify(manner)}\n`);
    await told;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.stdin?.end();
    await ended;
  }

  async #said(line: string): Promise<void> {
    for (;;) {
      const [heard] = (await once(this.#lines, "line")) as [string];
      if (heard === line) return;
    }
  }
}
