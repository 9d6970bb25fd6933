/** `fanfold worker`: a worker daemon until it is told to end; SIGTERM lets it finish what it runs. */
import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { readHostLoad, WorkerDaemon } from "@fanfold/worker";
import { createLog, untilSignalled } from "../daemon-process.js";
import { refuseOpenAddress } from "../open-address.js";
import { type ClusterOptions, targetOf } from "../target.js";

export interface WorkerCommandOptions extends ClusterOptions {
  readonly name?: string;
  readonly slots?: number;
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly networkShuffle: boolean;
}

export async function worker(options: WorkerCommandOptions): Promise<void> {
  refuseOpenAddress(options.listen.host);
  const log = await createLog("worker");
  const signalled = untilSignalled();
  const daemon = new WorkerDaemon(
    {
      ...targetOf(options),
      ...options.listen,
      name: options.name ?? hostNameOf(),
      slots: options.slots ?? availableParallelism(),
      dataDir: resolve(options.dataDir),
      readsLocalSegments: !options.networkShuffle,
    },
    { log, hostLoad: readHostLoad },
  );
  await daemon.start();
  log.info({ worker: daemon.workerId }, "worker is up");
  const signal = await signalled;
  log.info({ signal }, "worker is draining");
  await Promise.race([daemon.drain(), untilSignalled()]);
  await daemon.close();
}

/** The host's name with what a worker's name may not have taken out. */
function hostNameOf(): string {
  const name = hostname().replace(/[^A-Za-z0-9._-]/g, "-");
  return /^[A-Za-z0-9]/.test(name) ? name.slice(0, 80) : "worker";
}
