/**
 * Decides when a draining worker may go: when it runs nothing, has no errand, and no job will read what it holds. Its
 * map outputs are served until their last reader has finished, so that leaving costs no work.
 */
import type { LeaderState } from "./leader-state.js";

export class Departures {
  readonly #leader: LeaderState;

  constructor(leader: LeaderState) {
    this.#leader = leader;
  }

  /** At the end of a step. Costs nothing while nobody drains. */
  flush(): void {
    for (const worker of this.#leader.pool.draining) {
      if (worker.isReleased || worker.running.size > 0 || this.#isNeeded(worker.workerId)) continue;
      worker.isReleased = true;
      this.#leader.outbox.add({ type: "releaseWorker", workerId: worker.workerId });
    }
  }

  #isNeeded(workerId: string): boolean {
    for (const run of this.#leader.runs.values()) {
      if (run.helper === workerId) return true;
      // What it reported and the log has not taken in yet would be held by nobody.
      for (const { table, holders, current } of run.stages) {
        if (holders === undefined || run.job.consumersOf(table).every((consumer) => consumer.isDone))
          continue;
        if (holders.has(workerId)) return true;
        for (const attempt of current.values()) if (attempt.workerId === workerId) return true;
      }
    }
    return false;
  }
}
