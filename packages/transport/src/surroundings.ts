/**
 * What a node has around it: time, chance, the network, and a hold on its folder. Coordinators, workers and clients
 * reach for these through here alone, so that a whole cluster of them runs on virtual time and a simulated network
 * with nothing of their own code replaced (package `simulation`).
 */
import { randomBytes } from "node:crypto";
import { dial } from "./dial.js";
import { type FolderLock, lockFolder } from "./folder-lock.js";
import { listen } from "./listener.js";

/** Takes back a timer; harmless when it has gone off. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds since 1970: for people, and for what outlives the process. */
  nowMs(): number;
  /** Milliseconds since some moment; never goes back. Intervals are measured by it. */
  elapsedMs(): number;
  /** Calls once. A timer `inBackground` does not keep the process alive. */
  after(delayMs: number, call: () => void, inBackground?: boolean): Cancel;
  every(intervalMs: number, call: () => void, inBackground?: boolean): Cancel;
}

export interface Network {
  readonly dial: typeof dial;
  readonly listen: typeof listen;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly network: Network;
  randomBytes(count: number): Buffer;
  lockFolder(dir: string): Promise<FolderLock>;
}

const systemClock: Clock = {
  nowMs: () => Date.now(),
  elapsedMs: () => performance.now(),
  after: (delayMs, call, inBackground = false) => {
    const timer = setTimeout(call, delayMs);
    if (inBackground) timer.unref();
    return () => clearTimeout(timer);
  },
  every: (intervalMs, call, inBackground = false) => {
    const timer = setInterval(call, intervalMs);
    if (inBackground) timer.unref();
    return () => clearInterval(timer);
  },
};

/** Those of this machine. */
export const systemSurroundings: Surroundings = {
  clock: systemClock,
  network: { dial, listen },
  randomBytes,
  lockFolder,
};

/** Resolves after `delayMs`. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
