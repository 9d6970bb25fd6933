/** Which cluster a command talks to. */
import type { ClientOptions } from "fanfold";
import { readToken } from "./token-file.js";

export interface ClusterOptions {
  readonly coordinators?: readonly string[];
  readonly tokenFile?: string;
}

/** Where `fanfold coordinator` listens unless told otherwise. */
const defaultCoordinator = "ws://127.0.0.1:7101";

/** The setting, else this machine's default. */
export function targetOf(options: ClusterOptions): ClientOptions {
  const coordinators = options.coordinators ?? [defaultCoordinator];
  return { coordinators, token: readToken(options.tokenFile) };
}
