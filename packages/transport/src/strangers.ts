/**
 * Decides which refusals of a listener are news: one for each peer until it has been let in, however often it tries.
 */

import { mismatchText } from "./protocol-header.js";

/** Header in which a dialler says who it is. It proves nothing: it is for the log of whoever refuses it. */
export const diallerHeader = "x-fanfold-dialler";

/** Somebody who was not let in. */
export interface Stranger {
  /** What it calls itself, if that is a name. */
  readonly name: string | undefined;
  readonly address: string;
  readonly path: string;
  /** The HTTP status it was refused with. */
  readonly status: number;
  /** Of one that speaks another protocol. */
  readonly speaks?: string;
}

/** Strangers remembered; beyond that the oldest is forgotten, and would be told of again. */
const strangersMax = 1_000;
/** Paths and names are shown no longer than this: a stranger chooses them. */
const shownCharsMax = 100;

export class Strangers {
  readonly #known = new Set<string>();

  /** True the first time, and again after it had been let in. */
  refused(stranger: Stranger): boolean {
    const key = keyOf(stranger);
    if (this.#known.has(key)) return false;
    this.#known.add(key);
    const [oldest] = this.#known;
    if (this.#known.size > strangersMax && oldest !== undefined) this.#known.delete(oldest);
    return true;
  }

  admitted(peer: Pick<Stranger, "name" | "address" | "path">): void {
    this.#known.delete(keyOf(peer));
  }
}

/** For people. */
export function strangerText({ name, address, path, status, speaks }: Stranger): string {
  const who = name === undefined ? address : `${name} at ${address}`;
  if (speaks !== undefined) return `refused ${who}, who asked for ${path}: ${mismatchText(speaks)}`;
  return status === 403
    ? `refused a browser page at ${who} that asked for ${path}`
    : `refused ${who}, who asked for ${path} with a wrong token or none`;
}

/** Whoever calls, as far as can be told before it has shown a token. */
export function callerOf(
  name: unknown,
  address: string | undefined,
  path: string,
): Pick<Stranger, "name" | "address" | "path"> {
  const isName = typeof name === "string" && /^[\w.-]{1,100}$/.test(name);
  return {
    name: isName ? name : undefined,
    address: address ?? "an unknown address",
    path: path.slice(0, shownCharsMax),
  };
}

function keyOf({ name, address, path }: Pick<Stranger, "name" | "address" | "path">): string {
  return `${address} ${name ?? ""} ${path}`;
}
