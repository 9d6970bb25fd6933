/** The words of a command line as numbers and names. */
import { FanfoldError } from "@fanfold/job";
import { InvalidArgumentError } from "commander";

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** `65536`, `64K`, `256M`, `1.5G` (also `KiB`, `MB` …): powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  const bytes =
    match === null ? Number.NaN : Number(match[1]) * (unitBytes[(match[2] ?? "").toLowerCase()] ?? 1);
  if (!Number.isFinite(bytes) || bytes < 1 || bytes > Number.MAX_SAFE_INTEGER) {
    throw new InvalidArgumentError("It must be a size in bytes, such as 65536, 64K, 256M or 1G.");
  }
  return Math.floor(bytes);
}

export function parseWhole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError("It must be a whole number from 1.");
  }
  return value;
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `10m`, `2h`, `7d`; a number alone is seconds. Gives milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  const ms = Math.round(Number(match?.[1]) * (unitMs[match?.[2] ?? "s"] ?? 1));
  if (!Number.isSafeInteger(ms) || ms < 1) {
    throw new InvalidArgumentError("It must be a time, such as 500ms, 30s, 10m, 2h or 7d.");
  }
  return ms;
}

/** Collects `name=value` words; the value may hold further `=`. */
export function collectParam(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf("=");
  const name = text.slice(0, at).trim();
  if (at < 1 || name === "" || name === "__proto__") {
    throw new InvalidArgumentError("It must read name=value.");
  }
  return { ...before, [name]: text.slice(at + 1) };
}

/** Collects the words of an option that may be repeated. */
export function collectWord(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

export function collectUrls(text: string): string[] {
  const urls = text
    .split(",")
    .map((url) => url.trim())
    .filter((url) => url !== "");
  if (urls.length === 0) throw new InvalidArgumentError("It must be one or more URLs, separated by commas.");
  return urls;
}

/** `host:port`, `[::1]:port` or a port alone (on loopback). */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]:|([^:]+):|:)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new InvalidArgumentError("It must read host:port, such as 127.0.0.1:7101.");
  return { host: match[1] ?? match[2] ?? "127.0.0.1", port };
}

/** Ids become file names and words in logs. */
const replicaIdPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

export function parseReplicaId(text: string): string {
  if (replicaIdPattern.test(text)) return text;
  throw new InvalidArgumentError("It must be letters, digits, '.', '_' or '-', at most 100.");
}

/** `a=127.0.0.1:7101,b=127.0.0.1:7102`: every replica's id and address, each once. */
export function parsePeers(text: string): ReadonlyMap<string, string> {
  const peers = new Map<string, string>();
  for (const part of text.split(",").map((each) => each.trim())) {
    const at = part.indexOf("=");
    const [id, address] = [part.slice(0, Math.max(at, 0)), part.slice(at + 1)];
    if (!replicaIdPattern.test(id) || address === "")
      throw new InvalidArgumentError(`"${part}" does not read id=host:port.`);
    const { host, port } = parseListen(address);
    const url = `ws://${host.includes(":") ? `[${host}]` : host}:${port}`;
    if (!URL.canParse(url)) throw new InvalidArgumentError(`${address} is no address.`);
    if (peers.has(id)) throw new InvalidArgumentError(`${id} is named twice.`);
    if ([...peers.values()].includes(url)) throw new InvalidArgumentError(`${address} is named twice.`);
    peers.set(id, url);
  }
  return peers;
}

/** `5%` or `0.05`: a share, from 0 to less than 1. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (!(share >= 0 && share < 1)) throw new InvalidArgumentError("It must be a share such as 5% or 0.05.");
  return share;
}

export interface TaskName {
  readonly stage: string;
  readonly task: number;
}

/** `map.3`, `reduce.0`; also a stage's number, as in `1.3`. */
export function parseTaskName(text: string): TaskName {
  const match = /^(map|reduce|sample|\d{1,3})[.:/-](\d{1,9})$/.exec(text.trim());
  if (match === null) {
    const message = `A task is named by stage and number, such as map.3 or reduce.0, not ${JSON.stringify(text)}.`;
    throw new FanfoldError("USAGE", message);
  }
  return { stage: match[1] ?? "", task: Number(match[2]) };
}
