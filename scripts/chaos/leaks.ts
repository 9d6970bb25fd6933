/** What a fleet holds when it is idle, and what of it should not be there: files, descriptors, processes. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Fleet, type Member, tempDirOf } from "./fleet.js";
import { fleetProcesses, openFilesOf, residentMiB } from "./proc.js";

/** What is cleaned up a while after a job has ended must be gone by then: a few leases. */
const settleMs = 45_000;
const lookMs = 500;

/** Open files and sockets of an idle fleet: of all coordinators together, since leaders change, and of each worker. */
export interface Holdings {
  readonly coordinators: { readonly files: number; readonly sockets: number };
  readonly workers: readonly { readonly files: number; readonly sockets: number }[];
}

export function holdingsOf(fleet: Fleet): Holdings {
  const of = ({ pid }: Member) => (pid === undefined ? { files: 0, sockets: 0 } : openFilesOf(pid));
  const coordinators = fleet.coordinators.map(of).reduce((a, b) => ({
    files: a.files + b.files,
    sockets: a.sockets + b.sockets,
  }));
  return { coordinators, workers: fleet.workers.map(of) };
}

/** Lines that say what has leaked; none when nothing has. Looks again until nothing has, or the time is over. */
export async function leaksOf(look: () => readonly string[]): Promise<readonly string[]> {
  const deadlineMs = performance.now() + settleMs;
  for (;;) {
    const found = look();
    if (found.length === 0 || performance.now() > deadlineMs) return found;
    await sleep(lookMs);
  }
}

export interface LeakCheck {
  readonly dir: string;
  /** Where the jobs' outputs were; all of them have been removed. */
  readonly outputs: string;
  readonly fleet: Fleet;
  readonly before: Holdings;
  readonly slots: number;
}

export interface Leaks {
  readonly files: readonly string[];
  readonly sockets: readonly string[];
  readonly processes: readonly string[];
}

export function leaksNow(check: LeakCheck): Leaks {
  return {
    files: [...leakedFiles(check), ...openMore(check, "files")],
    sockets: openMore(check, "sockets"),
    processes: leakedProcesses(check),
  };
}

/** Work and segments of jobs that are over, staging beside their outputs, half-written bundles, temporary files. */
function leakedFiles({ dir, outputs, fleet }: LeakCheck): string[] {
  const inFolder = (folder: string, isLeft: (name: string) => boolean = () => true): string[] =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter(isLeft)
          .map((name) => join(folder, name))
      : [];
  const ofWorkers = fleet.workers.flatMap(({ dataDir }) => [
    ...inFolder(join(dataDir, "jobs")),
    ...inFolder(join(dataDir, "records")),
    // Each executor has a folder of its own there, which is to be empty.
    ...inFolder(join(dataDir, "tmp")).flatMap((folder) => inFolder(folder)),
    ...inFolder(join(dataDir, "bundles"), (name) => !name.endsWith(".mjs")),
  ]);
  return [
    ...ofWorkers,
    ...inFolder(tempDirOf(dir)),
    ...inFolder(outputs, (name) => name.startsWith("job-") || name.includes(".fanfold-")),
    ...inFolder(join(outputs, "ledgers")),
  ];
}

function openMore({ fleet, before }: LeakCheck, kind: "files" | "sockets"): string[] {
  const now = holdingsOf(fleet);
  const lines = now.workers.flatMap((holdings, index) => {
    const was = before.workers[index]?.[kind] ?? 0;
    return holdings[kind] > was ? [`w${index + 1}: ${holdings[kind]} ${kind} open, ${was} before`] : [];
  });
  const [is, was] = [now.coordinators[kind], before.coordinators[kind]];
  return is > was ? [...lines, `coordinators: ${is} ${kind} open, ${was} before`] : lines;
}

/** Whoever is no daemon of the fleet and no executor of one that runs; or executors beyond the slots. */
function leakedProcesses({ dir, fleet, slots }: LeakCheck): string[] {
  const daemons = new Set([...fleet.coordinators, ...fleet.workers].map(({ pid }) => pid));
  const others = fleetProcesses(dir).filter(({ pid }) => !daemons.has(pid));
  const orphans = others.filter(({ parent }) => !daemons.has(parent));
  const perDaemon = [...daemons].flatMap((daemon) => {
    const children = others.filter(({ parent }) => parent === daemon);
    return children.slice(slots);
  });
  return [...orphans, ...perDaemon].map(({ pid, parent, command }) => `${pid} of ${parent}: ${command}`);
}

/** Once all daemons are ended: whatever has outlived them. */
export function survivors(dir: string): string[] {
  return fleetProcesses(dir).map(({ pid, command }) => `${pid} outlives its fleet: ${command}`);
}

/** Of the worker that was never killed. */
export function witnessMiB(fleet: Fleet): number {
  const pid = fleet.workers.at(-1)?.pid;
  return pid === undefined ? 0 : residentMiB(pid);
}
