/** A worker for people to read: what the leader's scheduler thinks of it. */
import type { WorkerHealth } from "./worker-health.js";
import type { PoolWorker } from "./worker-pool.js";

/** `quarantined`: its failures look like its machine's fault, and it gets no tasks for a while. */
export type WorkerState = "active" | "draining" | "quarantined";

/** Why a worker gets no tasks, and until when. */
export interface Quarantine {
  /** `cutOff`: it and its peers cannot fetch from each other. */
  readonly why: "failures" | "cutOff";
  /** The same in words, without a full stop. */
  readonly text: string;
  /** Milliseconds since 1970; then it is tried again. */
  readonly untilMs: number;
  /** Different tasks that failed there and nowhere else. */
  readonly failedTasks: number;
  /** Whether it is the first time, the second, … */
  readonly times: number;
}

export interface WorkerSummary {
  readonly workerId: string;
  readonly state: WorkerState;
  /** `null` when it is not quarantined; also of a draining worker, which gets no tasks anyway. */
  readonly quarantine: Quarantine | null;
}

export function describeWorker({ workerId, isDraining }: PoolWorker, health: WorkerHealth): WorkerSummary {
  const quarantine = health.quarantineOf(workerId);
  if (isDraining) return { workerId, state: "draining", quarantine: null };
  return {
    workerId,
    state: quarantine === undefined ? "active" : "quarantined",
    quarantine: quarantine ?? null,
  };
}

export function quarantineText({ why, failedTasks }: Pick<Quarantine, "why" | "failedTasks">): string {
  if (why === "cutOff") return "it and its peers cannot fetch from each other";
  return `${failedTasks} tasks failed there and nowhere else`;
}
