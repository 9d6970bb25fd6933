/**
 * What a command and everything it starts cost: CPU seconds and peak memory of the whole process tree, from Linux's
 * /proc, sampled while it runs.
 *
 * Memory is the sum of the processes' resident sets at one moment, so pages that they share (Node's own code, above
 * all: some 40 MB a process) count once for each. CPU is what the processes were seen to have used; a process's last
 * moments are missed by that, so where the kernel's account of reaped children is larger, it is taken instead.
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";

export interface TreeUse {
  /** User and system time. */
  readonly cpuSeconds: number;
  readonly memoryBytesPeak: number;
  /** Processes seen, the command's own included. */
  readonly processes: number;
}

/** Threads other than the first seldom start processes, so they are asked less often. */
const allThreadsInterval = 10;

export class ProcessTreeMeter {
  readonly #alive: Set<number> = new Set();
  readonly #cpuTicks: Map<number, number> = new Map();
  readonly #reapedTicksBefore: number;
  #memoryBytesPeak = 0;
  #samples = 0;

  /** Where there is no /proc, there is nothing to measure. */
  static isPossible(): boolean {
    return process.platform === "linux" && readText("/proc/self/stat") !== undefined;
  }

  /** Ticks of all children reaped so far; to be read before the command is started. */
  static reapedTicks(): number {
    // Asks the system for its constants now: that starts a process, too.
    machine();
    return parseStat(readText("/proc/self/stat"))?.childTicks ?? 0;
  }

  /** Nothing but the command may be started and end between `reapedTicksBefore` and `finish`. */
  constructor(pid: number, reapedTicksBefore: number) {
    this.#reapedTicksBefore = reapedTicksBefore;
    this.#alive.add(pid);
  }

  sample(): void {
    const hasAllThreads = this.#samples++ % allThreadsInterval === 0;
    // A set's iteration reaches what is added during it: children of children come in the same pass.
    let memoryBytes = 0;
    for (const pid of this.#alive) {
      const stat = parseStat(readText(`/proc/${pid}/stat`));
      if (stat === undefined) {
        this.#alive.delete(pid);
        continue;
      }
      memoryBytes += stat.residentPages * machine().pageBytes;
      this.#cpuTicks.set(pid, stat.ownTicks);
      for (const child of childrenOf(pid, hasAllThreads)) this.#alive.add(child);
    }
    this.#memoryBytesPeak = Math.max(this.#memoryBytesPeak, memoryBytes);
  }

  /** To be called when the command has exited and been reaped. */
  finish(): TreeUse {
    let seenTicks = 0;
    for (const ticks of this.#cpuTicks.values()) seenTicks += ticks;
    const reapedTicks = ProcessTreeMeter.reapedTicks() - this.#reapedTicksBefore;
    return {
      cpuSeconds: Math.max(seenTicks, reapedTicks) / machine().ticksPerSecond,
      memoryBytesPeak: this.#memoryBytesPeak,
      processes: Math.max(1, this.#cpuTicks.size),
    };
  }
}

interface ProcessStat {
  readonly ownTicks: number;
  readonly childTicks: number;
  readonly residentPages: number;
}

/** See proc(5): the fields after the command's name, which may itself hold spaces and brackets. */
function parseStat(text: string | undefined): ProcessStat | undefined {
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  // The first of these is field 3 of the manual page.
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    ownTicks: field(14) + field(15),
    childTicks: field(16) + field(17),
    residentPages: field(24),
  };
}

function childrenOf(pid: number, hasAllThreads: boolean): number[] {
  const threads = hasAllThreads ? threadsOf(pid) : [String(pid)];
  return threads.flatMap((thread) => {
    const text = readText(`/proc/${pid}/task/${thread}/children`)?.trim();
    return text === undefined || text === "" ? [] : text.split(" ").map(Number);
  });
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has just ended.
    return [];
  }
}

const scratch: Buffer = Buffer.alloc(4096);

/** Undefined when the file is gone: processes end while they are looked at. */
function readText(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    return scratch.toString("latin1", 0, readSync(file, scratch));
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

interface Machine {
  readonly pageBytes: number;
  readonly ticksPerSecond: number;
}

let known: Machine | undefined;

function machine(): Machine {
  known ??= { pageBytes: systemConstant("PAGESIZE", 4096), ticksPerSecond: systemConstant("CLK_TCK", 100) };
  return known;
}

function systemConstant(name: string, usual: number): number {
  try {
    return Number(execFileSync("getconf", [name], { encoding: "utf8" })) || usual;
  } catch {
    return usual;
  }
}
