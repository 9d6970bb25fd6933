/** What Linux tells of the processes of a fleet: who they are, and what they hold open. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { fleetMark } from "./fleet.js";

export interface FleetProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All that carry the mark of the fleet in this folder, whoever their parent is now. */
export function fleetProcesses(dir: string): FleetProcess[] {
  const mark = `${fleetMark}=${dir}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, "latin1").split("\0");
        if (!environment.includes(mark)) return [];
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z") return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

export interface OpenFiles {
  readonly files: number;
  readonly sockets: number;
}

/** Descriptors of a process, sockets apart. */
export function openFilesOf(pid: number): OpenFiles {
  const targets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
  const sockets = targets.filter((target) => target.startsWith("socket:")).length;
  return { files: targets.length - sockets, sockets };
}

/** Resident memory in MiB. */
export function residentMiB(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Math.round(Number(match?.[1] ?? 0) / 1_024);
}
