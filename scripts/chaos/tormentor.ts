/** Does the faults of a plan to a fleet's processes, each at its time, and puts all right again in the end. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, TimedFault } from "./fault-plan.js";
import type { Fleet, Member } from "./fleet.js";
import { fleetProcesses } from "./proc.js";
import type { Random } from "./random.js";

/** A cluster that has no leader for so long has failed. */
export const electionMs = 30_000;

export interface Damage {
  workersKilled: number;
  workersFrozen: number;
  executorsKilled: number;
  executorsFrozen: number;
  leadersKilled: number;
  /** Times that nobody led within `electionMs`. */
  leaderless: number;
}

export class Tormentor {
  readonly damage: Damage = {
    workersKilled: 0,
    workersFrozen: 0,
    executorsKilled: 0,
    executorsFrozen: 0,
    leadersKilled: 0,
    leaderless: 0,
  };
  readonly #dir: string;
  readonly #fleet: Fleet;
  readonly #random: Random;
  /** What is to be put right again, each in its time. */
  readonly #repairs = new Set<Promise<void>>();
  readonly #frozen = new Set<number>();

  constructor(dir: string, fleet: Fleet, random: Random) {
    this.#dir = dir;
    this.#fleet = fleet;
    this.#random = random;
  }

  /** Until `forMs` are over; resolves when every process runs again. */
  async torment(plan: Iterable<TimedFault>, forMs: number): Promise<void> {
    const beganMs = performance.now();
    for (const { atMs, fault } of plan) {
      if (atMs > forMs) break;
      await sleep(Math.max(0, beganMs + atMs - performance.now()));
      await this.#do(fault);
    }
    await sleep(Math.max(0, beganMs + forMs - performance.now()));
    await Promise.all(this.#repairs);
  }

  async #do(fault: Fault): Promise<void> {
    switch (fault.type) {
      case "killLeader":
        await this.#killLeader(fault.restartMs);
        return;
      case "killWorker":
        if (await this.#kill(this.#fleet.workers[fault.worker], fault.restartMs))
          this.damage.workersKilled += 1;
        return;
      case "freezeWorker":
        if (this.#freeze(this.#family(fault.worker), fault.thawMs)) this.damage.workersFrozen += 1;
        return;
      case "killExecutor":
        this.#killExecutor(fault.worker);
        return;
      case "freezeExecutor":
        if (this.#freeze(this.#oneExecutor(fault.worker), fault.thawMs)) this.damage.executorsFrozen += 1;
        return;
    }
  }

  async #killLeader(restartMs: number): Promise<void> {
    const leader = await this.#fleet.leader(performance.now() + electionMs);
    if (leader === undefined) this.damage.leaderless += 1;
    else if (await this.#kill(leader, restartMs)) this.damage.leadersKilled += 1;
  }

  async #kill(member: Member | undefined, restartMs: number): Promise<boolean> {
    if (member === undefined || !member.isRunning) return false;
    // Its executors are thawed, if they were frozen: a stopped process cannot see that its parent has gone.
    for (const { pid, parent } of fleetProcesses(this.#dir))
      if (parent === member.pid) this.#signal(pid, "SIGCONT");
    await member.kill();
    this.#repair(restartMs, () => member.start());
    return true;
  }

  #killExecutor(worker: number): void {
    const [pid] = this.#oneExecutor(worker);
    if (pid === undefined) return;
    this.#signal(pid, "SIGKILL");
    this.damage.executorsKilled += 1;
  }

  #freeze(pids: readonly number[], thawMs: number): boolean {
    const running = pids.filter((pid) => !this.#frozen.has(pid));
    if (running.length === 0) return false;
    for (const pid of running) {
      this.#frozen.add(pid);
      this.#signal(pid, "SIGSTOP");
    }
    this.#repair(thawMs, () => {
      for (const pid of running) {
        this.#frozen.delete(pid);
        this.#signal(pid, "SIGCONT");
      }
    });
    return true;
  }

  #repair(afterMs: number, mend: () => void): void {
    const repair: Promise<void> = sleep(afterMs).then(() => {
      mend();
      this.#repairs.delete(repair);
    });
    this.#repairs.add(repair);
  }

  /** The daemon first, then what it has started. */
  #family(worker: number): number[] {
    const pid = this.#fleet.workers[worker]?.pid;
    return pid === undefined ? [] : [pid, ...this.#executors(pid)];
  }

  #oneExecutor(worker: number): number[] {
    const pid = this.#fleet.workers[worker]?.pid;
    const executors = pid === undefined ? [] : this.#executors(pid);
    return executors.length === 0 ? [] : [this.#random.pick(executors)];
  }

  #executors(daemon: number): number[] {
    return fleetProcesses(this.#dir)
      .filter(({ parent }) => parent === daemon)
      .map(({ pid }) => pid);
  }

  #signal(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended meanwhile, as it may.
    }
  }
}
