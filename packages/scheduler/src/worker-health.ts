/**
 * Decides whether failures are a machine's fault: of data and code, a task fails wherever it is tried; of a machine
 * (a full disk, a missing file, broken memory), tasks fail there and nowhere else. Such a machine is worse than a dead
 * one, since it fails fast, is free again at once, and draws one task after the other to it.
 *
 * A worker is held to be at fault when several different tasks have failed on it and on no other, more have failed
 * there than ended well since, and others have ended tasks well in the same time. It is then left out for a while that
 * doubles from time to time, and tried again. At most half of the workers can be out at once: when most seem broken,
 * it is not the machines. All this is one leader's opinion, and is lost with it.
 */
import { quarantineFailures, quarantineMaxMs, quarantineMs, quarantineWindowMs } from "./limits.js";
import type { Outbox } from "./outbox.js";
import type { WorkerPool } from "./worker-pool.js";
import { type Quarantine, quarantineText } from "./worker-summary.js";

export interface FailedTask {
  readonly jobId: string;
  readonly stage: number;
  readonly task: number;
}

interface Conduct {
  /** When each task that has failed on this worker alone did so. */
  readonly failures: Map<string, number>;
  /** Tasks that ended well since the oldest of those. */
  wins: number;
  lastWinMs: number;
  untilMs: number;
  /** Quarantines so far. */
  times: number;
  /** Of the latest one. */
  why: Quarantine["why"];
  failedTasks: number;
}

export class WorkerHealth {
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  readonly #conducts: Map<string, Conduct> = new Map();
  /** The one worker that a task has failed on, by task, as long as it is one. */
  readonly #blamed: Map<string, string> = new Map();
  readonly #quarantined: Set<string> = new Set();
  /** Workers with enough failures to be judged whenever another one does well. */
  readonly #suspects: Set<string> = new Set();

  constructor(pool: WorkerPool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  noteFailure(workerId: string, failed: FailedTask, nowMs: number): void {
    const task = `${failed.jobId}/${failed.stage}/${failed.task}`;
    const other = this.#blamed.get(task);
    if (other !== undefined && other !== workerId) {
      // Here too: the task is to blame, or its data.
      this.#conducts.get(other)?.failures.delete(task);
      return;
    }
    const conduct = this.#conductOf(workerId);
    if (conduct.failures.size === 0) conduct.wins = 0;
    conduct.failures.set(task, nowMs);
    this.#blamed.set(task, workerId);
    this.#judge(workerId, conduct, nowMs);
  }

  noteWin(workerId: string, nowMs: number): void {
    const conduct = this.#conductOf(workerId);
    conduct.wins += 1;
    conduct.lastWinMs = nowMs;
    for (const other of this.#suspects) {
      if (other !== workerId) this.#judge(other, this.#conductOf(other), nowMs);
    }
  }

  /** Ends quarantines whose time is over. */
  release(nowMs: number): void {
    for (const workerId of this.#quarantined) {
      if (nowMs < this.#conductOf(workerId).untilMs) continue;
      this.#quarantined.delete(workerId);
      const worker = this.#pool.get(workerId);
      if (worker === undefined) continue;
      this.#pool.quarantine(worker, false);
      this.#outbox.add({ type: "quarantineEnded", workerId });
    }
  }

  /** A worker's id is of one run of its daemon: what went with it does not come back. */
  workerLost(workerId: string): void {
    this.#clear(workerId);
    this.#conducts.delete(workerId);
    this.#quarantined.delete(workerId);
  }

  isQuarantined(workerId: string): boolean {
    return this.#quarantined.has(workerId);
  }

  /** Why the worker gets no tasks, and until when; `undefined` when it does get some. */
  quarantineOf(workerId: string): Quarantine | undefined {
    const conduct = this.#quarantined.has(workerId) ? this.#conducts.get(workerId) : undefined;
    if (conduct === undefined) return undefined;
    const { why, untilMs, failedTasks, times } = conduct;
    return { why, text: quarantineText(conduct), untilMs, failedTasks, times };
  }

  #judge(workerId: string, conduct: Conduct, nowMs: number): void {
    const worker = this.#pool.get(workerId);
    if (worker === undefined || this.#quarantined.has(workerId)) return;
    for (const [task, atMs] of conduct.failures) {
      if (nowMs - atMs <= quarantineWindowMs) break;
      conduct.failures.delete(task);
      this.#blamed.delete(task);
    }
    const failedTasks = conduct.failures.size;
    if (failedTasks >= quarantineFailures) this.#suspects.add(workerId);
    else this.#suspects.delete(workerId);
    if (failedTasks < quarantineFailures || failedTasks <= conduct.wins) return;
    if (!this.#doOthersWell(workerId, Math.min(...conduct.failures.values()))) return;
    this.#quarantine(workerId, conduct, nowMs, failedTasks);
  }

  /** Leaves out a worker whose peers cannot be reached by it; false when most are out already. */
  quarantineCutOff(workerId: string, nowMs: number): boolean {
    if (this.#pool.get(workerId) === undefined || this.#quarantined.has(workerId)) return false;
    return this.#quarantine(workerId, this.#conductOf(workerId), nowMs, 0);
  }

  /** It has turned out not to be to blame. */
  endQuarantine(workerId: string): void {
    const conduct = this.#conducts.get(workerId);
    if (conduct === undefined || !this.#quarantined.has(workerId)) return;
    conduct.untilMs = 0;
    conduct.times -= 1;
    this.release(0);
  }

  #quarantine(workerId: string, conduct: Conduct, nowMs: number, failedTasks: number): boolean {
    const worker = this.#pool.get(workerId);
    if (worker === undefined || 2 * (this.#quarantined.size + 1) > this.#poolSize()) return false;
    // Long without a quarantine, and it starts from the beginning.
    if (nowMs - conduct.untilMs > quarantineMaxMs) conduct.times = 0;
    conduct.times += 1;
    conduct.untilMs = nowMs + Math.min(quarantineMaxMs, quarantineMs * 2 ** (conduct.times - 1));
    conduct.why = failedTasks === 0 ? "cutOff" : "failures";
    conduct.failedTasks = failedTasks;
    this.#quarantined.add(workerId);
    this.#clear(workerId);
    this.#pool.quarantine(worker, true);
    const { untilMs, times, why } = conduct;
    const text = quarantineText(conduct);
    this.#outbox.add({
      type: "workerQuarantined",
      workerId,
      quarantine: { why, text, untilMs, failedTasks, times },
    });
    return true;
  }

  #doOthersWell(workerId: string, sinceMs: number): boolean {
    for (const [other, { lastWinMs }] of this.#conducts) {
      if (other !== workerId && lastWinMs >= sinceMs) return true;
    }
    return false;
  }

  #poolSize(): number {
    return [...this.#pool.all()].filter(({ isDraining }) => !isDraining).length;
  }

  #clear(workerId: string): void {
    const conduct = this.#conducts.get(workerId);
    if (conduct === undefined) return;
    for (const task of conduct.failures.keys()) this.#blamed.delete(task);
    this.#suspects.delete(workerId);
    conduct.failures.clear();
    conduct.wins = 0;
  }

  #conductOf(workerId: string): Conduct {
    let conduct = this.#conducts.get(workerId);
    if (conduct === undefined) {
      conduct = {
        failures: new Map(),
        wins: 0,
        lastWinMs: -1,
        untilMs: 0,
        times: 0,
        why: "failures",
        failedTasks: 0,
      };
      this.#conducts.set(workerId, conduct);
    }
    return conduct;
  }
}
