/** What a daemon tells of the attempts it has: to a leader that it greets, and to pictures of the cluster. */
import type { WorkerState } from "@fanfold/protocol";
import type { AttemptReport, RunningAttempt, TaskAssignment } from "@fanfold/scheduler";

/** Assigned and not ended. */
export interface LiveAttempt {
  readonly assignment: TaskAssignment;
  /** By which it fetches what its job's maps have left; empty for an attempt that fetches nothing. */
  readonly segmentsToken: string;
  /** It has been told to stop. */
  isStopping: boolean;
  metrics: Readonly<Record<string, number>>;
}

/** Ended, and nobody has said yet what the report comes to. */
export interface EndedAttempt {
  readonly report: AttemptReport;
  readonly assignment: TaskAssignment;
}

/** What a new leader may adopt. */
export function runningAttempts(
  live: ReadonlyMap<string, LiveAttempt>,
  unsettled: ReadonlyMap<string, EndedAttempt>,
  isWaiting: (attempt: string) => boolean,
): readonly RunningAttempt[] {
  return [...live, ...unsettled].map(([name, { assignment }]) => {
    const { attempt, inputsVersion } = assignment;
    const waits = live.has(name) && isWaiting(name);
    return { attempt, inputsVersion, ...(waits ? { isWaiting: true as const } : {}) };
  });
}

/** `unsettled`: ended, and reported until it is settled. */
export function attemptStates(
  live: ReadonlyMap<string, LiveAttempt>,
  unsettled: ReadonlyMap<string, unknown>,
): WorkerState["attempts"] {
  const running = [...live].map(([attempt, { isStopping }]) => {
    return { attempt, state: isStopping ? ("stopping" as const) : ("running" as const) };
  });
  return [...running, ...[...unsettled.keys()].map((attempt) => ({ attempt, state: "ended" as const }))];
}
