/** Which cluster a command talks to. */
import { webSocketUrl } from "@fanfold/transport";
import type { ClientOptions } from "fanfold";
import { schemed, surroundingsOf, type TlsOptions, tlsIdentityOf } from "./door-options.js";
import { localCoordinators } from "./local-cluster-place.js";
import { hasChosenToken, readToken } from "./token-file.js";

export interface ClusterOptions extends TlsOptions {
  readonly coordinators?: readonly string[];
  readonly tokenFile?: string;
}

/** Where `fanfold coordinator` listens unless told otherwise. */
const defaultCoordinator = "ws://127.0.0.1:7101";

/** The setting, else the cluster that `cluster up` has started here, else where a lone coordinator listens. */
export function targetOf(options: ClusterOptions): ClientOptions {
  const tls = tlsIdentityOf(options);
  const coordinators = (options.coordinators ?? localCoordinators() ?? [defaultCoordinator]).map((url) =>
    schemed(webSocketUrl(url), tls !== undefined),
  );
  // Who shows a certificate needs no token, and must not show one that belongs to somebody else.
  const hasCertificate = tls?.cert !== undefined && !hasChosenToken(options.tokenFile);
  const token = hasCertificate ? "" : readToken(options.tokenFile);
  return { coordinators, token, surroundings: surroundingsOf(tls) };
}
