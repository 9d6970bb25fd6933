/** What a process shows of itself and whom it believes, from the options of its verb. */
import { readFileSync } from "node:fs";
import { FanfoldError } from "@fanfold/job";
import { type Surroundings, securedBy, systemSurroundings, type TlsIdentity } from "@fanfold/transport";

/** Paths of PEM files. */
export interface TlsOptions {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Undefined where nothing is said of TLS. @throws `USAGE` for files that cannot be read, and half a pair. */
export function tlsIdentityOf({ tlsCa, tlsCert, tlsKey }: TlsOptions): TlsIdentity | undefined {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new FanfoldError("USAGE", "--tls-cert and --tls-key go together: a certificate, and its key.");
  }
  return {
    ...(tlsCa === undefined ? {} : { ca: readPem(tlsCa, "--tls-ca") }),
    ...(tlsCert === undefined ? {} : { cert: readPem(tlsCert, "--tls-cert") }),
    ...(tlsKey === undefined ? {} : { key: readPem(tlsKey, "--tls-key") }),
  };
}

function readPem(path: string, option: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.includes("-----BEGIN ")) return text;
  } catch (cause) {
    throw new FanfoldError("USAGE", `${option}: ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
  throw new FanfoldError("USAGE", `${option}: ${path} is no PEM file.`);
}

export function surroundingsOf(tls: TlsIdentity | undefined): Surroundings {
  return tls === undefined ? systemSurroundings : securedBy(tls, systemSurroundings);
}

/** `ws://h:1` as `wss://h:1` where links are encrypted. */
export function schemed(url: string, isEncrypted: boolean): string {
  return isEncrypted ? url.replace(/^ws:/, "wss:").replace(/^http:/, "https:") : url;
}
