/** `fanfold coordinator`: a coordinator until it is told to end. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { Coordinator } from "@fanfold/coordinator";
import { FanfoldError } from "@fanfold/job";
import { Monitor } from "@fanfold/monitor";
import { looksSigned } from "@fanfold/transport";
import { createLog, untilSignalled } from "../daemon-process.js";
import { schemed, surroundingsOf, type TlsOptions, tlsIdentityOf } from "../door-options.js";
import { checkAddress } from "../open-address.js";
import { pageDir } from "../page-dir.js";
import { version } from "../program.js";
import { hasChosenToken, readToken } from "../token-file.js";

export interface CoordinatorCommandOptions extends TlsOptions {
  readonly insecure: boolean;
  readonly hostName: readonly string[];
  readonly listen: { readonly host: string; readonly port: number };
  readonly id: string;
  readonly peers?: ReadonlyMap<string, string>;
  readonly dataDir: string;
  readonly tokenFile?: string;
}

/** Past this many replicas, every command waits for more disks than it is worth. */
const replicasMax = 9;

export async function coordinator(options: CoordinatorCommandOptions): Promise<void> {
  const tls = tlsIdentityOf(options);
  const warning = checkAddress(options.listen.host, {
    hasToken: hasChosenToken(options.tokenFile),
    hasTls: tls?.cert !== undefined,
    isInsecure: options.insecure,
  });
  const token = readToken(options.tokenFile);
  if (looksSigned(token)) {
    const message = "A coordinator needs the cluster's secret itself: tokens for one role are made of it.";
    throw new FanfoldError("USAGE", message);
  }
  const log = await createLog("coordinator");
  if (warning !== undefined) log.warn({}, warning);
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
  const elsewhere = addressElsewhere(options.listen.host, peers.get(options.id) ?? "");
  if (elsewhere !== undefined) log.warn({ id: options.id }, elsewhere);
  const replica = { id: options.id, peers, dataDir: resolve(options.dataDir) };
  const started = await Coordinator.start(
    { ...options.listen, token, hostNames: [options.listen.host, ...options.hostName], replica },
    {
      log,
      surroundings: surroundingsOf(tls),
      watcher: new Monitor({
        version,
        log,
        pageDir: pageDir(),
        hostNames: [options.listen.host, ...options.hostName],
        ...(tls === undefined ? {} : { tls }),
      }),
      onFatal: (error) => fail(error),
    },
  );
  log.info({ url: started.url, page: `${started.url.replace(/^ws/, "http")}/` }, "coordinator is listening");
  const signal = await Promise.race([signalled, failed]);
  log.info({ signal }, "coordinator is ending");
  await started.close();
}

/** What is odd about where the others are told to find this replica; with translated addresses it may be right. */
function addressElsewhere(host: string, url: string): string | undefined {
  const listed = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const isEverywhere = host === "0.0.0.0" || host === "::";
  if (isEverywhere || isIP(host) === 0 || isIP(listed) === 0 || listed === host) return undefined;
  return `--peers tells the others to reach this replica at ${url}, but it listens on ${host}: is one of them misspelled?`;
}

/** @throws `USAGE` for a list of replicas that this one does not fit into. */
function peersOf(options: CoordinatorCommandOptions): ReadonlyMap<string, string> {
  const { id, listen } = options;
  const isEncrypted = options.tlsCert !== undefined;
  const { host, port } = listen;
  const alone = `ws://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (options.peers === undefined) return new Map([[id, schemed(alone, isEncrypted)]]);
  const peers = new Map([...options.peers].map(([name, url]) => [name, schemed(url, isEncrypted)]));
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
