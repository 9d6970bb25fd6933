/**
 * An executor process in the simulation: the production `Executor`, whose attempts really run, on the user's real
 * records, in no virtual time, and are then told to have taken as long as the seed says.
 */
import { basename } from "node:path";
import {
  type AttemptOptions,
  type AttemptProgress,
  runMapAttempt,
  runReduceAttempt,
  runSampleAttempt,
} from "@fanfold/dataflow";
import { type AnyJob, FanfoldError } from "@fanfold/job";
import {
  type DaemonToExecutor,
  type ExecutorToDaemon,
  executorCodec,
  frameBytesMax,
} from "@fanfold/protocol";
import { pause } from "@fanfold/transport";
import { Executor, type ExecutorMeans, type PoolDependencies } from "@fanfold/worker";
import type { Chance } from "./chance.js";
import type { SimulatedNetwork } from "./simulated-network.js";
import { SimulatedProcess } from "./simulated-process.js";
import type { Impurities, UserCode } from "./user-code.js";
import type { World } from "./world.js";

const startMs = { least: 20, most: 90 } as const;
const attemptMs = { least: 10, most: 130 } as const;
/** Progress is told in so many steps on the way. */
const progressSteps = 3;

export interface ExecutorHost {
  readonly world: World;
  readonly network: SimulatedNetwork;
  readonly daemon: SimulatedProcess;
  readonly code: UserCode;
  readonly impurities: Impurities;
  /** How many times the usual time things take on this host now. */
  slowness(): number;
  /** Called as an attempt begins. */
  onAttempt(executor: SimulatedProcess): void;
}

export function executorStarter(host: ExecutorHost): PoolDependencies["startExecutor"] {
  let started = 0;
  return ({ handshake }, handlers) => {
    started += 1;
    const { world, network, daemon } = host;
    const name = `${daemon.name}/e${started}`;
    const process = new SimulatedProcess({ name, host: daemon.host }, world, network);
    daemon.onEnd(() => process.end());
    process.onEnd(() => daemon.surroundings.clock.after(1, () => handlers.onExit("was ended by SIGKILL")));
    const chance = world.chance(`${name} attempts`);
    process.surroundings.clock.after(chance.between(startMs.least, startMs.most), () => {
      serve(host, process, handshake, chance);
    });
    return { pid: undefined, kill: () => process.end() };
  };
}

function serve(
  host: ExecutorHost,
  process: SimulatedProcess,
  { url, path, token, executorId }: Parameters<PoolDependencies["startExecutor"]>[0]["handshake"],
  chance: Chance,
): void {
  let executor: Executor | undefined;
  const { network } = process.surroundings;
  network
    .dial<DaemonToExecutor, ExecutorToDaemon>({ url, path, token, frameBytesMax }, executorCodec, {
      onMessage: (message) => executor?.take(message),
      onClose: () => process.end(),
    })
    .then(
      (link) => {
        executor = new Executor(link, () => process.end(), meansOf(host, process, chance));
        host.world.adopt(process, (thrown) => executor?.blame(thrown));
        link.send({ type: "ready", executorId });
      },
      () => process.end(),
    );
}

function meansOf(host: ExecutorHost, process: SimulatedProcess, chance: Chance): ExecutorMeans {
  const { clock, network } = process.surroundings;
  let job: AnyJob | undefined;
  const load = (bundlePath: string): AnyJob => {
    if (basename(bundlePath) !== `${host.code.digest}.mjs`) {
      throw new FanfoldError("JOB_LOAD_FAILED", `${bundlePath} is not the bundle that was submitted.`);
    }
    job ??= host.code.load({
      chance: host.world.chance(`${process.name} user`),
      clock,
      impurities: host.impurities,
    });
    return job;
  };
  const timed =
    <O extends AttemptOptions, R>(run: (options: O, ports: never) => Promise<R>) =>
    async (options: O, ports: unknown): Promise<R> => {
      host.onAttempt(process);
      const told: AttemptProgress[] = [];
      const onProgress = (progress: AttemptProgress): void => void told.push(progress);
      const result = await host.world.work(() => run({ ...options, onProgress }, ports as never), process);
      const durationMs = chance.between(attemptMs.least, attemptMs.most) * host.slowness();
      for (let step = 1; step <= progressSteps; step += 1) {
        await pause(clock, durationMs / progressSteps);
        options.signal.throwIfAborted();
        const last = told.at(-1);
        if (last !== undefined) options.onProgress(partOf(last, step / progressSteps));
      }
      return result;
    };
  return {
    network,
    clock,
    loadJob: async (bundlePath) => load(bundlePath),
    runMap: timed(runMapAttempt),
    runReduce: timed(runReduceAttempt),
    runSample: timed(runSampleAttempt),
    endOfTurn: () => pause(clock, 0),
  };
}

function partOf(progress: AttemptProgress, part: number): AttemptProgress {
  const { recordsIn, bytesIn, bytesTotal, recordsOut } = progress;
  return {
    recordsIn: Math.floor(recordsIn * part),
    bytesIn: Math.floor(bytesIn * part),
    bytesTotal,
    recordsOut: Math.floor(recordsOut * part),
  };
}
