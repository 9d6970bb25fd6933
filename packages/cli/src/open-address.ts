/** The door is shut by default: these processes run code that others send them. */
import { FanfoldError } from "@fanfold/job";
import { isLoopback } from "@fanfold/transport";

export interface DoorLocks {
  /** Somebody has chosen a token; the one that is made on first use is of this user and this machine. */
  readonly hasToken: boolean;
  /** A certificate and its key. */
  readonly hasTls: boolean;
  readonly isInsecure: boolean;
}

/**
 * Refuses an address that other machines can reach, unless whoever comes has to show something and nobody can listen.
 * Returns what is to be said at every start, where that was overruled.
 *
 * @throws `USAGE`
 */
export function checkAddress(host: string, locks: DoorLocks): string | undefined {
  if (isLoopback(host)) return undefined;
  const missing = [
    ...(locks.hasToken ? [] : ["a token of your own (--token-file or FANFOLD_TOKEN)"]),
    ...(locks.hasTls ? [] : ["TLS (--tls-cert, --tls-key, --tls-ca; see fanfold certs create)"]),
  ];
  if (missing.length === 0) return undefined;
  const danger = `${host} can be reached from other machines, and whoever gets in can run code here`;
  if (locks.isInsecure) {
    return `INSECURE: ${danger}. There is no ${locks.hasTls ? "token" : "encryption"}: anybody on the way can read and forge everything.`;
  }
  throw new FanfoldError("USAGE", `${danger}. It needs ${missing.join(" and ")}; or say --insecure.`);
}
