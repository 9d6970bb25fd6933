/** Encrypted links: what a process shows of itself, and whom it believes. */
import type { Network, Surroundings } from "./surroundings.js";

/** PEM texts. */
export interface TlsIdentity {
  /** The authority that the cluster's certificates are signed by; default those that Node knows. */
  readonly ca?: string;
  /** This process's own certificate and its key: a listener needs them, a dialler may show them instead of a token. */
  readonly cert?: string;
  readonly key?: string;
  /** The other end is this same machine: the authority is checked, the name in the certificate is not. */
  readonly isSameHost?: boolean;
}

/** Links and listeners of these surroundings are encrypted. */
export function securedBy(tls: TlsIdentity, surroundings: Surroundings): Surroundings {
  const { network } = surroundings;
  const secured: Network = {
    dial: (options, codec, handlers) => network.dial({ tls, ...options }, codec, handlers),
    listen: (options, routes) =>
      network.listen(tls.cert === undefined ? options : { tls, ...options }, routes),
  };
  return { ...surroundings, network: secured };
}
