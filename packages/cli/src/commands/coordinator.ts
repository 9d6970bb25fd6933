/** `fanfold coordinator`: a coordinator until it is told to end. */
import { resolve } from "node:path";
import { Coordinator } from "@fanfold/coordinator";
import { FanfoldError } from "@fanfold/job";
import { Monitor } from "@fanfold/monitor";
import { createLog, untilSignalled } from "../daemon-process.js";
import { refuseOpenAddress } from "../open-address.js";
import { pageDir } from "../page-dir.js";
import { version } from "../program.js";
import { readToken } from "../token-file.js";

export interface CoordinatorCommandOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly id: string;
  readonly peers?: ReadonlyMap<string, string>;
  readonly dataDir: string;
  readonly tokenFile?: string;
}

/** Past this many replicas, every command waits for more disks than it is worth. */
const replicasMax = 9;

export async function coordinator(options: CoordinatorCommandOptions): Promise<void> {
  refuseOpenAddress(options.listen.host);
  const log = await createLog("coordinator");
  const signalled = untilSignalled();
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const peers = peersOf(options);
  if (peers.size % 2 === 0) {
    const tolerated = Math.ceil(peers.size / 2) - 1;
    log.warn(
      { replicas: peers.size, tolerated },
      "an even number of replicas tolerates no more failures than one fewer",
    );
  }
  const replica = { id: options.id, peers, dataDir: resolve(options.dataDir) };
  const started = await Coordinator.start(
    { ...options.listen, token: readToken(options.tokenFile), replica },
    {
      log,
      watcher: new Monitor({ version, pageDir: pageDir(), hostNames: [options.listen.host] }),
      onFatal: (error) => fail(error),
    },
  );
  log.info({ url: started.url }, "coordinator is listening");
  const signal = await Promise.race([signalled, failed]);
  log.info({ signal }, "coordinator is ending");
  await started.close();
}

/** @throws `USAGE` for a list of replicas that this one does not fit into. */
function peersOf({ id, peers, listen }: CoordinatorCommandOptions): ReadonlyMap<string, string> {
  if (peers === undefined) return new Map([[id, `ws://${listen.host}:${listen.port}`]]);
  const own = peers.get(id);
  const names = [...peers.keys()].join(", ");
  if (own === undefined) {
    throw new FanfoldError("USAGE", `--id ${id} is not among the peers ${names}: is it misspelled?`);
  }
  if (!own.endsWith(`:${listen.port}`)) {
    throw new FanfoldError(
      "USAGE",
      `--peers has ${id} at ${own}, but it is to listen on port ${listen.port}.`,
    );
  }
  if (peers.size > replicasMax)
    throw new FanfoldError("USAGE", `At most ${replicasMax} replicas, not ${peers.size}.`);
  return peers;
}
