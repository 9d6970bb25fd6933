/** Which cluster a command talks to. */
import type { ClientOptions } from "fanfold";
import { collectUrls } from "./option-values.js";
import { readToken } from "./token-file.js";

export interface ClusterOptions {
  readonly coordinators?: readonly string[];
  readonly tokenFile?: string;
}

/** Where `fanfold coordinator` listens unless told otherwise. */
const defaultCoordinator = "ws://127.0.0.1:7101";

/** Flag, then `FANFOLD_COORDINATORS`, then this machine's default. */
export function targetOf(options: ClusterOptions): ClientOptions {
  const fromEnvironment = process.env["FANFOLD_COORDINATORS"];
  const coordinators =
    options.coordinators ?? (fromEnvironment ? collectUrls(fromEnvironment) : [defaultCoordinator]);
  return { coordinators, token: readToken(options.tokenFile) };
}
