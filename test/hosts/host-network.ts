/**
 * Hosts of their own on one machine: network namespaces, joined by a bridge in a further one. Nothing of the machine's
 * own network is touched, and nothing has a name that could be left behind: a namespace lives as long as the process
 * that holds it, and that one ends when its standard input does, so also when the tests are killed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { FanfoldProcess, type Finished, fanfold } from "../cluster/fanfold-process.js";

/** Nobody's: a frame to it reaches every host, and none of them takes it. */
const nobodysMac = "02:00:00:00:00:00";
const holdOpen = ["sh", "-c", "echo up; exec cat"];

/** How namespaces can be had here: as root, or as a user who is root in a namespace of users. */
type Way = "root" | "user";

const unshareOf: Readonly<Record<Way, readonly string[]>> = {
  root: ["unshare", "--net"],
  user: ["unshare", "--map-root-user", "--net"],
};

function probe(): { readonly way: Way | undefined; readonly problem: string } {
  const script = "ip link add fanfold0 type bridge && ip link add fanfold1 type veth peer name fanfold2";
  const problems: string[] = [];
  for (const way of ["root", "user"] as const) {
    const [file = "", ...args] = unshareOf[way];
    try {
      execFileSync(file, [...args, "sh", "-c", script], { stdio: ["ignore", "ignore", "pipe"] });
      return { way, problem: "" };
    } catch (error) {
      problems.push(String((error as { stderr?: unknown }).stderr ?? error).trim());
    }
  }
  return { way: undefined, problem: problems.join("; ") };
}

const { way, problem } = probe();

/** Why there can be no hosts here; undefined where there can. Needs `ip` of iproute2 and the right to use namespaces. */
export const hostsProblem: string | undefined =
  way === undefined
    ? `no network namespaces here (iproute2, and root or user namespaces): ${problem}`
    : undefined;

/** `pnpm test:hosts`; without it, one test of each kind is enough. */
export const areAllWanted: boolean = process.env["FANFOLD_HOSTS"] === "all";

/** Runs a command in the namespaces of a process. */
function entering(pid: number): readonly string[] {
  const user = way === "user" ? ["--user", "--preserve-credentials"] : [];
  return ["nsenter", "--target", String(pid), ...user, "--net", "--"];
}

class Namespace {
  readonly child: ChildProcess;
  readonly through: readonly string[];

  static async open(command: readonly string[]): Promise<Namespace> {
    const [file = "", ...args] = [...command, ...holdOpen];
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return new Namespace(child);
  }

  private constructor(child: ChildProcess) {
    this.child = child;
    this.through = entering(child.pid ?? 0);
  }

  ip(...lines: readonly string[]): void {
    const [file = "", ...args] = [...this.through, "ip", "-batch", "-"];
    execFileSync(file, args, { input: `${lines.join("\n")}\n`, stdio: ["pipe", "ignore", "pipe"] });
  }

  async close(): Promise<void> {
    const ended = once(this.child, "close");
    this.child.stdin?.end();
    await ended;
  }
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly namespace: Namespace;

  constructor(name: string, address: string, namespace: Namespace) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
  }

  /** Starts the command there. */
  start(args: readonly string[]): FanfoldProcess {
    return new FanfoldProcess(args, { through: this.namespace.through });
  }

  /** Runs the command there, to its end. */
  run(args: readonly string[]): Promise<Finished> {
    return fanfold(args, { through: this.namespace.through });
  }

  /** Runs any command in the host's network, to its end. */
  exec(command: readonly string[]): void {
    const [file = "", ...args] = [...this.namespace.through, ...command];
    execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
  }

  /** From now on, what this host sends to the other is lost on the way, without a word to either. */
  stopReaching(other: Host): void {
    this.namespace.ip(`neigh replace ${other.address} lladdr ${nobodysMac} dev eth0 nud permanent`);
  }

  reachAgain(other: Host): void {
    this.namespace.ip(`neigh del ${other.address} dev eth0`);
  }
}

export class HostNetwork {
  readonly #bridge: Namespace;
  readonly #hosts = new Map<string, Host>();
  readonly #cuts = new Map<string, () => void>();

  static async open(names: readonly string[]): Promise<HostNetwork> {
    const network = new HostNetwork(await Namespace.open(unshareOf[way ?? "root"]));
    network.#bridge.ip("link add bridge type bridge", "link set bridge up");
    for (const name of names) await network.#add(name);
    return network;
  }

  private constructor(bridge: Namespace) {
    this.#bridge = bridge;
  }

  host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** What the first say to the second is lost. */
  cutOneWay(from: readonly string[], to: readonly string[]): void {
    for (const a of from) {
      for (const b of to) {
        if (a === b || this.#cuts.has(`${a}>${b}`)) continue;
        this.host(a).stopReaching(this.host(b));
        this.#cuts.set(`${a}>${b}`, () => this.host(a).reachAgain(this.host(b)));
      }
    }
  }

  cut(these: readonly string[], those: readonly string[]): void {
    this.cutOneWay(these, those);
    this.cutOneWay(those, these);
  }

  heal(): void {
    for (const undo of this.#cuts.values()) undo();
    this.#cuts.clear();
  }

  /** Once the processes in it have ended. */
  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(({ namespace }) => namespace.close()));
    await this.#bridge.close();
  }

  async #add(name: string): Promise<void> {
    const number = this.#hosts.size + 1;
    const namespace = await Namespace.open([...this.#bridge.through, "unshare", "--net"]);
    const address = `10.77.0.${number}`;
    const pid = namespace.child.pid;
    this.#bridge.ip(
      `link add host${number} type veth peer name eth0 netns ${pid}`,
      `link set host${number} master bridge up`,
    );
    namespace.ip("link set lo up", `addr add ${address}/16 dev eth0`, "link set eth0 up");
    this.#hosts.set(name, new Host(name, address, namespace));
  }
}
