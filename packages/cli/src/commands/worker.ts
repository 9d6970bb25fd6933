/** `fanfold worker`: a worker daemon until it is told to end; SIGTERM lets it finish what it runs. */
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { readHostLoad, scrubbedEnvironment, WorkerDaemon } from "@fanfold/worker";
import { CoordinatorClient } from "fanfold";
import { createLog, untilSignalled } from "../daemon-process.js";
import { tlsIdentityOf } from "../door-options.js";
import { checkAddress } from "../open-address.js";
import { type ClusterOptions, targetOf } from "../target.js";
import { hasChosenToken } from "../token-file.js";

export interface WorkerCommandOptions extends ClusterOptions {
  readonly name?: string;
  readonly slots?: number;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly networkShuffle: boolean;
  readonly insecure: boolean;
  readonly hostName: readonly string[];
  readonly advertise?: string;
  readonly passEnv: readonly string[];
  /** In bytes. */
  readonly executorMemory?: number;
  /** Milliseconds. */
  readonly drainTimeout?: number;
  /** The name or id of a worker elsewhere that is to drain. */
  readonly drain?: string;
}

export async function worker(options: WorkerCommandOptions): Promise<void> {
  if (options.drain !== undefined) {
    await drainOther(options.drain, options);
    return;
  }
  const tls = tlsIdentityOf(options);
  const warning = checkAddress(options.listen.host, {
    // A certificate shows who somebody is as well as a token does.
    hasToken: hasChosenToken(options.tokenFile) || tls?.cert !== undefined,
    hasTls: tls?.cert !== undefined,
    isInsecure: options.insecure,
  });
  const log = await createLog("worker");
  if (warning !== undefined) log.warn({}, warning);
  const { surroundings, ...target } = targetOf(options);
  const signalled = untilSignalled();
  let onDrainOrdered = (): void => undefined;
  const drainOrdered = new Promise<string>((resolve) => {
    onDrainOrdered = () => resolve("drain");
  });
  const daemon = new WorkerDaemon(
    {
      ...target,
      ...options.listen,
      hostNames: [options.listen.host, ...options.hostName],
      ...(options.advertise === undefined ? {} : { advertise: options.advertise }),
      ...(tls?.ca === undefined ? {} : { tlsCa: tls.ca }),
      name: options.name ?? hostNameOf(),
      slots: options.slots ?? availableParallelism(),
      dataDir: resolve(options.dataDir),
      readsLocalSegments: !options.networkShuffle,
      env: scrubbedEnvironment(process.env, options.passEnv),
      ...(options.executorMemory === undefined ? {} : { executorBytesMax: options.executorMemory }),
      onDrainOrdered: () => onDrainOrdered(),
    },
    { log, hostLoad: readHostLoad, ...(surroundings === undefined ? {} : { surroundings }) },
  );
  await daemon.start();
  log.info({ worker: daemon.workerId }, "worker is up");
  const signal = await Promise.race([signalled, drainOrdered]);
  log.info({ signal }, "worker is draining");
  await Promise.race([daemon.drain(options.drainTimeout), untilSignalled()]);
  await daemon.close();
}

/** Asks the cluster; the worker goes when it has finished what it runs and nobody needs what it holds. */
async function drainOther(nameOrId: string, options: ClusterOptions): Promise<void> {
  const client = await CoordinatorClient.connect(targetOf(options));
  try {
    const result = await client.request({ type: "drainWorker", worker: nameOrId });
    if (result.type !== "draining") return;
    process.stdout.write(`${result.workerIds.map((id) => `${id} is draining`).join("\n")}\n`);
  } finally {
    client.close();
  }
}

/** The host's name with what a worker's name may not have taken out. */
function hostNameOf(): string {
  const name = hostname().replace(/[^A-Za-z0-9._-]/g, "-");
  return /^[A-Za-z0-9]/.test(name) ? name.slice(0, 80) : "worker";
}
