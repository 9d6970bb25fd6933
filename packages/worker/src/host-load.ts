/** What a worker's machine is up to, for people to see. */
import { readFileSync } from "node:fs";
import { availableParallelism, freemem, loadavg, totalmem } from "node:os";
import type { HostLoad } from "@fanfold/protocol";

/** Pages of /proc; Linux has no other size on the machines that Node is built for. */
const pageBytes = 4_096;

/** Reads a few small files; called every few heartbeats. */
export function readHostLoad(executorPids: readonly number[]): HostLoad {
  const executors = executorPids.reduce((sum, pid) => sum + rssOf(pid), 0);
  return {
    rssBytes: process.memoryUsage.rss() + executors,
    hostBytes: totalmem(),
    hostAvailableBytes: freemem(),
    load1: loadavg()[0] ?? 0,
    cores: availableParallelism(),
  };
}

/** 0 where there is no /proc, or no such process any more. */
export function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageBytes || 0;
  } catch {
    return 0;
  }
}

/** The machine is looked at every so many heartbeats. */
const beatsPerLook = 4;

/** What a heartbeat has to say of the machine: mostly nothing. */
export function everyFewBeats(
  read: ((executorPids: readonly number[]) => HostLoad) | undefined,
): (executorPids: readonly number[]) => { readonly load?: HostLoad } {
  let beats = 0;
  return (executorPids) => {
    const isDue = beats++ % beatsPerLook === 0;
    return isDue && read !== undefined ? { load: read(executorPids) } : {};
  };
}
