/**
 * Which fault comes when: a seeded, endless list. The leader is killed at its own beat; between, every few seconds, a
 * worker or one of its executors is killed or frozen. It names workers by their number and knows of no process.
 */
import type { Random } from "./random.js";

export type Fault =
  /** SIGKILL to the daemon, and its start again so much later. */
  | { readonly type: "killWorker"; readonly worker: number; readonly restartMs: number }
  /** SIGSTOP to the daemon and its executors, and SIGCONT so much later: beyond its lease, or not. */
  | { readonly type: "freezeWorker"; readonly worker: number; readonly thawMs: number }
  /** SIGKILL to one of its executors. */
  | { readonly type: "killExecutor"; readonly worker: number }
  /** SIGSTOP to one of its executors: its daemon's heartbeats go on. */
  | { readonly type: "freezeExecutor"; readonly worker: number; readonly thawMs: number }
  | { readonly type: "killLeader"; readonly restartMs: number };

export interface TimedFault {
  /** Since the chaos began. */
  readonly atMs: number;
  readonly fault: Fault;
}

export interface FaultPlanOptions {
  readonly workers: number;
  /** Mean pause between faults of workers. */
  readonly everyMs: number;
  readonly leaderEveryMs: number;
}

const restartMsMax = 3_000;
/** Twice a worker's lease, so that about half of the frozen come back as zombies. */
const freezeMsMax = 10_000;
const executorFreezeMsMax = 4_000;

/** The last worker is never killed, only frozen: what it leaks can be counted over the whole run. */
export function* faultPlan(
  options: FaultPlanOptions,
  random: Random,
): Generator<TimedFault, never, undefined> {
  const { everyMs, leaderEveryMs } = options;
  let nextWorkerMs = everyMs;
  let nextLeaderMs = leaderEveryMs;
  for (;;) {
    if (nextLeaderMs <= nextWorkerMs) {
      const restartMs = random.between(0, restartMsMax);
      yield { atMs: nextLeaderMs, fault: { type: "killLeader", restartMs } };
      nextLeaderMs += leaderEveryMs;
    } else {
      yield { atMs: nextWorkerMs, fault: workerFault(options.workers, random) };
      nextWorkerMs += random.between(everyMs / 2, everyMs * 1.5);
    }
  }
}

function workerFault(workers: number, random: Random): Fault {
  const kind = random.next();
  const worker = random.between(0, workers - 1);
  if (kind < 0.15) return { type: "killExecutor", worker };
  if (kind < 0.25)
    return { type: "freezeExecutor", worker, thawMs: random.between(500, executorFreezeMsMax) };
  if (kind < 0.45) return { type: "freezeWorker", worker, thawMs: random.between(500, freezeMsMax) };
  const mortal = Math.min(worker, workers - 2);
  return { type: "killWorker", worker: mortal, restartMs: random.between(0, restartMsMax) };
}
