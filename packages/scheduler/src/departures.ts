/**
 * Decides when a draining worker may go: when it runs nothing, has no errand, and no job will read what it holds. Its
 * map outputs are served until their last reader has finished, unless another worker has copies of them, so that leaving
 * costs no work.
 */
import type { JobRun, StageRun } from "./job-run.js";
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
      for (const stage of run.stages) {
        const { table, holders, current } = stage;
        if (holders === undefined || run.job.consumersOf(table).every((consumer) => consumer.isDone))
          continue;
        if (holders.has(workerId) && !this.#areHeldTwice(run, stage, workerId)) return true;
        for (const attempt of current.values()) if (attempt.workerId === workerId) return true;
      }
    }
    return false;
  }

  /** Whether another worker that stays has a copy of each output that this one holds. */
  #areHeldTwice({ job }: JobRun, { table, holders, replicas }: StageRun, workerId: string): boolean {
    if (holders === undefined || replicas === undefined) return false;
    return holders.tasksOf(workerId).every((task) => {
      const other = this.#leader.pool.get(job.replicaOf(table, task) ?? "");
      return other !== undefined && !other.isDraining;
    });
  }
}
