/** Coordinators and workers, each on a host of its own: the production classes, in a simulated world. */
import { join } from "node:path";
import { Coordinator, type NodeLog } from "@fanfold/coordinator";
import { pause } from "@fanfold/transport";
import { listInputs, type OutputService, outputService, publishOutput, WorkerDaemon } from "@fanfold/worker";
import type { Chance } from "./chance.js";
import { SimulatedDisk } from "./simulated-disk.js";
import { executorStarter } from "./simulated-executor.js";
import { SimulatedNetwork } from "./simulated-network.js";
import { SimulatedPaths } from "./simulated-paths.js";
import { SimulatedProcess } from "./simulated-process.js";
import type { Impurities, UserCode } from "./user-code.js";
import type { World } from "./world.js";

const coordinatorPort = 7101;
export const clusterToken = "simulated";
/** How long listing an input and publishing an output take. */
const storageMs = { least: 1, most: 60 } as const;

export interface ClusterOptions {
  readonly coordinators: number;
  readonly workers: number;
  readonly slots: number;
  readonly taskLength: number;
  readonly leaseMs: number;
  /** For the workers' segments and the coordinators' bundles; a real folder. */
  readonly dir: string;
  /** Of the job. */
  readonly inputs: readonly string[];
}

interface Host {
  readonly name: string;
  lives: number;
  process: SimulatedProcess | undefined;
  slowness: number;
}

interface CoordinatorHost extends Host {
  readonly disk: SimulatedDisk;
}

export class Cluster {
  readonly world: World;
  readonly network: SimulatedNetwork;
  readonly coordinators: readonly CoordinatorHost[];
  readonly workers: readonly Host[];
  /** Publications that are to be cut short, each at a step of its own. */
  publishCrashes = 0;
  readonly impurities: Impurities = new Map();
  readonly #paths: SimulatedPaths;
  readonly #options: ClusterOptions;
  readonly #code: UserCode;
  readonly #chance: Chance;
  #leader: CoordinatorHost | undefined;

  constructor(world: World, options: ClusterOptions, code: UserCode) {
    this.world = world;
    this.#options = options;
    this.#paths = new SimulatedPaths({ ...options, jobFile: code.jobFile });
    this.#code = code;
    this.#chance = world.chance("cluster");
    this.coordinators = names("c", options.coordinators).map((name) => ({
      ...hostOf(name),
      disk: new SimulatedDisk(world.chance(`${name} disk`)),
    }));
    this.workers = names("w", options.workers).map(hostOf);
    // Coordinators see no files of others, and so never need a real path.
    const knows = new Set(this.coordinators.map(({ name }) => name));
    this.network = new SimulatedNetwork(world, {
      leaving: (host, message) => (knows.has(host) ? message : this.#paths.leaving(message)),
      entering: (host, message) => (knows.has(host) ? message : this.#paths.entering(message)),
    });
  }

  get urls(): readonly string[] {
    return this.coordinators.map(({ name }) => `ws://${name}:${coordinatorPort}`);
  }

  get hosts(): readonly Host[] {
    return [...this.coordinators, ...this.workers];
  }

  /** Who last said that it leads. */
  get believedLeader(): CoordinatorHost | undefined {
    return this.#leader;
  }

  dataDirOf(worker: Host): string {
    return join(this.#options.dir, worker.name);
  }

  start(): void {
    for (const host of this.coordinators) this.startCoordinator(host);
    for (const host of this.workers) this.startWorker(host);
  }

  process(name: string): SimulatedProcess {
    return new SimulatedProcess({ name, host: name }, this.world, this.network);
  }

  startCoordinator(host: CoordinatorHost): void {
    const process = this.#begin(host);
    const peers = new Map(this.coordinators.map(({ name }, index) => [name, this.urls[index] ?? ""]));
    const { surroundings } = process;
    const replica = { id: host.name, peers, dataDir: this.dataDirOf(host) };
    const fail = (error: Error): void => {
      if (process.isAlive) this.world.fail(new Error(`coordinator ${host.name} ended: ${error.message}`));
    };
    Coordinator.start(
      { host: host.name, port: coordinatorPort, token: clusterToken, replica, ...this.#timing() },
      {
        log: this.#logOf(process, () => {
          this.#leader = host;
        }),
        surroundings,
        openFiles: () => Promise.resolve(host.disk.mount(surroundings.clock)),
        onFatal: fail,
      },
    ).catch(fail);
  }

  startWorker(host: Host): void {
    const process = this.#begin(host);
    const { surroundings } = process;
    const { world, network, impurities } = this;
    const daemon = new WorkerDaemon(
      {
        name: host.name,
        slots: this.#options.slots,
        coordinators: this.urls,
        token: clusterToken,
        dataDir: this.dataDirOf(host),
        host: host.name,
        hostId: host.name,
        cwd: this.#options.dir,
        env: {},
      },
      {
        log: this.#logOf(process, () => undefined),
        surroundings,
        startExecutor: executorStarter({
          world,
          network,
          daemon: process,
          code: this.#code,
          impurities,
          slowness: () => host.slowness * this.#options.taskLength,
          onAttempt: () => undefined,
        }),
        outputs: this.#outputsOf(process),
      },
    );
    daemon.start().catch((error: unknown) => this.world.fail(error as Error));
  }

  /** `isPower`: the host goes with it, without a word to anybody. */
  kill(host: Host, isPower: boolean): void {
    this.world.note(`kill ${host.process?.name ?? host.name}${isPower ? " by power cut" : ""}`);
    if (isPower) this.network.silence(host.name, true);
    host.process?.end();
    host.process = undefined;
    if (isPower && "disk" in host) (host as CoordinatorHost).disk.cutPower();
  }

  restart(host: Host): void {
    if (host.process?.isAlive === true) return;
    this.network.silence(host.name, false);
    this.world.note(`start ${host.name}`);
    if ("disk" in host) this.startCoordinator(host as CoordinatorHost);
    else this.startWorker(host);
  }

  /** In proportion to the lease, as by default. */
  #timing(): {
    readonly heartbeatIntervalMs: number;
    readonly leaseMs: number;
    readonly reconnectGraceMs: number;
  } {
    const { leaseMs } = this.#options;
    return { leaseMs, heartbeatIntervalMs: leaseMs / 10, reconnectGraceMs: leaseMs / 5 };
  }

  #begin(host: Host): SimulatedProcess {
    host.lives += 1;
    const name = `${host.name}#${host.lives}`;
    const process = new SimulatedProcess({ name, host: host.name }, this.world, this.network);
    host.process = process;
    return process;
  }

  #outputsOf(process: SimulatedProcess): OutputService {
    const { clock } = process.surroundings;
    const { world } = this;
    const takesTime = (): Promise<void> =>
      pause(clock, this.#chance.between(storageMs.least, storageMs.most));
    return {
      listInputs: async (order) => {
        await takesTime();
        return await world.work(() => listInputs(order));
      },
      publishOutput: async (order, recordsDir) => {
        await takesTime();
        const answer = await world.work(() => publishOutput(order, recordsDir, this.#crashOf(process)));
        await takesTime();
        return answer;
      },
      discardOutput: (out, jobId) => outputService.discardOutput(out, jobId),
    };
  }

  /** Ends the process at some step of its publication, if it is to be. */
  #crashOf(process: SimulatedProcess): ((step: string) => void) | undefined {
    if (this.publishCrashes === 0) return undefined;
    this.publishCrashes -= 1;
    let left = this.#chance.below(publishStepsMax);
    return (step) => {
      left -= 1;
      if (left !== 0) return;
      this.world.note(`${process.name} dies after: ${step}`);
      this.world.after(0, () => process.end());
      throw new Error(`the worker died after: ${step}`);
    };
  }

  #logOf(process: SimulatedProcess, onLeading: () => void): NodeLog {
    const write = (_fields: object, message: string): void => {
      if (process.isAlive)
        this.world.note(`${process.name} says ${this.#paths.leaving(message.split("\n", 1)[0] ?? "")}`);
    };
    return {
      debug: () => undefined,
      info: (fields, message) => {
        if (message === "leading") onLeading();
        write(fields, message);
      },
      warn: write,
      error: write,
    };
  }
}

/** More steps than a publication of a few files has: some crashes never come. */
const publishStepsMax = 14;

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}

function hostOf(name: string): Host {
  return { name, lives: 0, process: undefined, slowness: 1 };
}
