/** `fanfold worker`: a worker daemon until it is told to end; SIGTERM lets it finish what it runs. */
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { readHostLoad, WorkerDaemon } from "@fanfold/worker";
import { CoordinatorClient } from "fanfold";
import { createLog, untilSignalled } from "../daemon-process.js";
import { refuseOpenAddress } from "../open-address.js";
import { type ClusterOptions, targetOf } from "../target.js";

export interface WorkerCommandOptions extends ClusterOptions {
  readonly name?: string;
  readonly slots?: number;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly networkShuffle: boolean;
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
  refuseOpenAddress(options.listen.host);
  const log = await createLog("worker");
  const signalled = untilSignalled();
  let onDrainOrdered = (): void => undefined;
  const drainOrdered = new Promise<string>((resolve) => {
    onDrainOrdered = () => resolve("drain");
  });
  const daemon = new WorkerDaemon(
    {
      ...targetOf(options),
      ...options.listen,
      name: options.name ?? hostNameOf(),
      slots: options.slots ?? availableParallelism(),
      dataDir: resolve(options.dataDir),
      readsLocalSegments: !options.networkShuffle,
      onDrainOrdered: () => onDrainOrdered(),
    },
    { log, hostLoad: readHostLoad },
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
