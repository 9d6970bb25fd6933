/** `fanfold coordinator`: a coordinator until it is told to end. */
import { resolve } from "node:path";
import { Coordinator } from "@fanfold/coordinator";
import { createLog, untilSignalled } from "../daemon-process.js";
import { refuseOpenAddress } from "../open-address.js";
import { readToken } from "../token-file.js";

export interface CoordinatorCommandOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly dataDir: string;
  readonly tokenFile?: string;
}

export async function coordinator(options: CoordinatorCommandOptions): Promise<void> {
  refuseOpenAddress(options.listen.host);
  const log = await createLog("coordinator");
  const signalled = untilSignalled();
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const started = await Coordinator.start(
    { ...options.listen, token: readToken(options.tokenFile), dataDir: resolve(options.dataDir) },
    { log, onFatal: (error) => fail(error) },
  );
  log.info({ url: started.url }, "coordinator is listening");
  const signal = await Promise.race([signalled, failed]);
  log.info({ signal }, "coordinator is ending");
  await started.close();
}
