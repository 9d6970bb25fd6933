/**
 * Which attempts hang. A sign of life is anything an attempt says: user code that is stuck in one record lets nothing
 * through, and the framework speaks between records. Heartbeats say nothing about it, since the daemon sends them
 * whatever its executors do.
 */
import { formatAttemptId, type TaskAssignment } from "@fanfold/scheduler";

/** How often attempts are looked at, in milliseconds. */
export const stallCheckMs = 1_000;

interface Watched {
  readonly timeoutMs: number;
  heardMs: number;
  hasStalled: boolean;
}

export class StallWatch {
  readonly #attempts = new Map<string, Watched>();

  /** From now on its executor has it. */
  begin({ attempt, stallTimeoutMs }: TaskAssignment, nowMs: number): void {
    this.start(formatAttemptId(attempt), stallTimeoutMs, nowMs);
  }

  start(attempt: string, timeoutMs: number, nowMs: number): void {
    this.#attempts.set(attempt, { timeoutMs, heardMs: nowMs, hasStalled: false });
  }

  heard(attempt: string, nowMs: number): void {
    const watched = this.#attempts.get(attempt);
    if (watched !== undefined) watched.heardMs = nowMs;
  }

  end(attempt: string): void {
    this.#attempts.delete(attempt);
  }

  /** Attempts that have been silent for too long; each is named once. */
  takeStalled(nowMs: number): string[] {
    const stalled: string[] = [];
    for (const [attempt, watched] of this.#attempts) {
      if (watched.hasStalled || nowMs - watched.heardMs < watched.timeoutMs) continue;
      watched.hasStalled = true;
      stalled.push(attempt);
    }
    return stalled;
  }

  /** For how long it had been silent, of an attempt that was named; `undefined` of any other. */
  timeoutOf(attempt: string): number | undefined {
    const watched = this.#attempts.get(attempt);
    return watched?.hasStalled === true ? watched.timeoutMs : undefined;
  }
}
