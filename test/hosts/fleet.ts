/** A fleet on hosts of its own, over TLS: coordinators, workers, and a host for people. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobSummary } from "fanfold";
import { type FanfoldProcess, fanfold, jobs, tempFolder } from "../cluster/fanfold-process.js";
import type { ClusterView } from "../cluster/replicas.js";
import { HostNetwork } from "./host-network.js";
import { Relay } from "./relay.js";

const coordinatorPort = 7101;
const workerPort = 7201;
/** The host of whoever asks. */
export const desk = "desk";

export interface FleetOptions {
  readonly coordinators: readonly string[];
  readonly workers: readonly string[];
  /** Of each worker. */
  readonly slots?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Links between these, both ways, pass through a {@link Relay}. */
  readonly relayed?: readonly string[];
}

/** The host that stands between others. */
const between = "between";

const open: HostNetwork[] = [];
const relays: Relay[] = [];

/** For `afterEach`, ahead of the hook of `fanfold-process.ts`, which ends the processes: what is left waits for them. */
export async function closeNetworks(): Promise<void> {
  for (const relay of relays.splice(0)) await relay.close();
  for (const network of open.splice(0)) await network.close();
}

export class Fleet {
  readonly dir: string;
  readonly network: HostNetwork;
  readonly processes = new Map<string, FanfoldProcess>();
  readonly #options: FleetOptions;
  readonly #tls: readonly string[];
  #relay: Relay | undefined;

  static async start(options: FleetOptions): Promise<Fleet> {
    const dir = tempFolder();
    const names = [...options.coordinators, ...options.workers, desk, between];
    const network = await HostNetwork.open(names);
    open.push(network);
    const certs = join(dir, "certs");
    const addresses = names.flatMap((name) => ["--host", network.host(name).address]);
    const made = await fanfold(["certs", "create", "fleet", "--dir", certs, ...addresses]);
    if (made.exitCode !== 0) throw new Error(made.stderr);
    const fleet = new Fleet(dir, network, options);
    if (options.relayed !== undefined) await fleet.#startRelay(options.relayed);
    await Promise.all(options.coordinators.map((name) => fleet.startCoordinator(name)));
    await Promise.all(options.workers.map((name) => fleet.startWorker(name)));
    return fleet;
  }

  private constructor(dir: string, network: HostNetwork, options: FleetOptions) {
    this.dir = dir;
    this.network = network;
    this.#options = options;
    const file = (name: string): string => join(dir, "certs", name);
    this.#tls = [
      "--tls-ca",
      file("ca.pem"),
      "--tls-cert",
      file("fleet.pem"),
      "--tls-key",
      file("fleet-key.pem"),
    ];
  }

  /** Of the links that are relayed. */
  get relay(): Relay {
    if (this.#relay === undefined) throw new Error("no link is relayed");
    return this.#relay;
  }

  async #startRelay(names: readonly string[]): Promise<void> {
    const { coordinators } = this.#options;
    const portOf = (name: string): number => (coordinators.includes(name) ? coordinatorPort : workerPort);
    const pairs = names.flatMap((a) => names.filter((b) => a !== b).map((b) => [a, b] as const));
    const links = pairs.map(([a, b]) => ({
      from: this.network.host(a),
      to: this.network.host(b),
      port: portOf(b),
    }));
    this.#relay = await Relay.start(this.network.host(between), links);
    relays.push(this.#relay);
  }

  /** Where coordinators are; all of them, or those. */
  at(names: readonly string[] = this.#options.coordinators): readonly string[] {
    const urls = names.map((name) => `wss://${this.network.host(name).address}:${coordinatorPort}`);
    return ["--coordinators", urls.join(","), ...this.#tls];
  }

  process(name: string): FanfoldProcess {
    const found = this.processes.get(name);
    if (found === undefined) throw new Error(`no process on ${name}`);
    return found;
  }

  async startCoordinator(name: string): Promise<void> {
    const { coordinators } = this.#options;
    const addressOf = (each: string): string => `${this.network.host(each).address}:${coordinatorPort}`;
    const peers = coordinators.map((each) => `${each}=${addressOf(each)}`).join(",");
    const args = [
      "coordinator",
      "--id",
      name,
      "--listen",
      addressOf(name),
      "--data-dir",
      join(this.dir, name),
    ];
    const started = this.network.host(name).start([...args, ...this.#tls, "--peers", peers]);
    this.processes.set(name, started);
    await started.printed(/coordinator is listening/);
  }

  async startWorker(name: string): Promise<void> {
    const host = this.network.host(name);
    const args = ["worker", "--name", name, "--slots", String(this.#options.slots ?? 2), "--network-shuffle"];
    const listen = ["--listen", `${host.address}:${workerPort}`, "--data-dir", join(this.dir, name)];
    const started = host.start([...args, ...listen, ...this.at()]);
    this.processes.set(name, started);
    await started.printed(/worker is up/);
  }

  /** What somebody at a desk sees, who asks these coordinators. */
  async view(of: readonly string[] = this.#options.coordinators, from: string = desk): Promise<ClusterView> {
    const { stdout, stderr } = await this.network.host(from).run(["cluster", "--json", ...this.at(of)]);
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout) as ClusterView;
  }

  async leader(of?: readonly string[]): Promise<string> {
    for (;;) {
      const { leader } = await this.view(of);
      if (leader !== null) return leader;
    }
  }

  /** Asks until the cluster is as told. */
  async until(isSo: (view: ClusterView) => boolean): Promise<void> {
    while (!isSo(await this.view())) {
      // Asked again at once: a question takes as long as a pause would.
    }
  }

  /** Submits and waits for the end, at the desk. */
  submit(job: string, input: string, out: string, more: readonly string[] = []): FanfoldProcess {
    const args = ["submit", join(jobs, job), input, "--out", out, "--json", ...more, ...this.at()];
    return this.network.host(desk).start(args);
  }

  /** What happened to a job, of a kind. */
  async events(jobId: string, type: string): Promise<readonly string[]> {
    const { stdout } = await this.network.host(desk).run(["events", jobId, "--json", ...this.at()]);
    const events = stdout.split("\n").filter((line) => line !== "");
    return events
      .map((line) => JSON.parse(line) as { readonly type: string; readonly text: string })
      .flatMap((event) => (event.type === type ? [event.text] : []));
  }

  /** Asks until the only job is as told. */
  async job(isSo: (job: JobSummary) => boolean, of?: readonly string[]): Promise<JobSummary> {
    for (;;) {
      const host = this.network.host(desk);
      const listed = await host.run(["jobs", "--json", ...this.at(of)]);
      const [first] = listed.exitCode === 0 ? (JSON.parse(listed.stdout) as readonly JobSummary[]) : [];
      if (first === undefined) continue;
      const shown = await host.run(["status", first.id, "--json", ...this.at(of)]);
      if (shown.exitCode !== 0) continue;
      const job = JSON.parse(shown.stdout) as JobSummary;
      if (isSo(job)) return job;
      if (job.error !== null && job.error !== undefined) throw new Error(JSON.stringify(job.error));
    }
  }
}

/** How far a stage of a job is. */
export function doneOf(job: JobSummary, kind: "map" | "reduce"): number {
  return job.stages.find((stage) => stage.kind === kind)?.done ?? 0;
}

/** Lines of `key number`, and the same job's output where nothing disturbed it. */
export async function undisturbed(
  dir: string,
  more: readonly string[],
): Promise<{ readonly input: string; readonly parts: Readonly<Record<string, string>> }> {
  const input = join(dir, "input.txt");
  writeFileSync(input, Array.from({ length: 1_500 }, (_, n) => `key${n % 120} ${n}\n`).join(""));
  const out = join(dir, "undisturbed");
  const { exitCode, stderr } = await fanfold([
    "run",
    join(jobs, "slow-stages.ts"),
    input,
    "--out",
    out,
    ...more,
    "--quiet",
  ]);
  if (exitCode !== 0) throw new Error(stderr);
  return { input, parts: partsOf(out) };
}

export function partsOf(out: string): Readonly<Record<string, string>> {
  const parts = readdirSync(out).filter((name) => name.startsWith("part-"));
  return Object.fromEntries(parts.map((name) => [name, readFileSync(join(out, name), "utf8")]));
}
