/** A worker for people to read: what the leader's scheduler thinks of it. */
import type { WorkerHealth } from "./worker-health.js";
import type { PoolWorker } from "./worker-pool.js";

/** `quarantined`: its failures look like its machine's fault, and it gets no tasks for a while. */
export type WorkerState = "active" | "draining" | "quarantined";

export interface WorkerSummary {
  readonly workerId: string;
  readonly state: WorkerState;
  /** Milliseconds since 1970; `null` when it is not quarantined. */
  readonly quarantinedUntilMs: number | null;
}

export function describeWorker({ workerId, isDraining }: PoolWorker, health: WorkerHealth): WorkerSummary {
  const untilMs = health.quarantinedUntilMs(workerId);
  const state = isDraining ? "draining" : untilMs === undefined ? "active" : "quarantined";
  return { workerId, state, quarantinedUntilMs: untilMs ?? null };
}
