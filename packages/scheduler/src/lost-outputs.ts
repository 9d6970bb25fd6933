/**
 * Notices map outputs whose worker is gone, and proposes to have them made again. Who needs them, and whether they
 * have been made elsewhere meanwhile, is for the table to say when the proposal is decided.
 */
import type { AttemptBook } from "./attempt-book.js";
import type { Command } from "./command.js";
import type { JobRun, StageRun } from "./job-run.js";
import type { Outbox } from "./outbox.js";
import { taskDone } from "./task-columns.js";
import type { MapOutputRef } from "./task-result.js";
import type { WorkerPool } from "./worker-pool.js";

interface Loss {
  readonly run: JobRun;
  readonly stage: number;
  readonly workerId: string;
  readonly tasks: Set<number>;
}

export class LostOutputs {
  readonly #book: AttemptBook;
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  /** Of this step. */
  readonly #losses: Map<string, Loss> = new Map();

  constructor(book: AttemptBook, pool: WorkerPool, outbox: Outbox) {
    this.#book = book;
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** All that the worker held of this job, as far as somebody may still read it. */
  workerLost(run: JobRun, workerId: string): void {
    for (const { table, holders, replicas } of run.stages) {
      if (holders === undefined || run.job.consumersOf(table).every((consumer) => consumer.isDone)) continue;
      for (const task of holders.tasksOf(workerId)) this.#note(run, table.stage.id, workerId, task);
      for (const task of replicas?.tasksOf(workerId) ?? []) this.#note(run, table.stage.id, workerId, task);
    }
  }

  /** An output was made or has moved, perhaps by or to a worker that has gone since. */
  outputMade(run: JobRun, { table }: StageRun, task: number): void {
    if (!table.feedsShuffle) return;
    for (const workerId of [run.job.workerOf(table, task), run.job.replicaOf(table, task)]) {
      if (workerId === undefined || this.#pool.get(workerId) !== undefined) continue;
      this.#note(run, table.stage.id, workerId, task);
    }
  }

  /** All that is held by workers that are not there. */
  sweep(run: JobRun): void {
    for (const workerId of new Set(run.stages.flatMap(holdersOf))) {
      if (this.#pool.get(workerId) === undefined) this.workerLost(run, workerId);
    }
  }

  /** Outputs that a reader could not fetch: nothing is to be waited for if their worker is gone. */
  noteUnfetched(run: JobRun, missing: readonly MapOutputRef[]): void {
    for (const ref of missing) {
      const table = run.job.stages[ref.stage];
      if (table === undefined || table.columns.state[ref.task] !== taskDone || !table.columns.isWinner(ref))
        continue;
      const workerId = run.job.workerOf(table, ref.task);
      if (workerId === undefined || this.#pool.get(workerId) !== undefined) continue;
      this.#note(run, ref.stage, workerId, ref.task);
    }
  }

  /**
   * Proposes what was noted; ahead of the reports of the same step, which then find the outputs lost already. Until
   * that is decided nothing is started that would read them.
   */
  flush(atMs: number): void {
    for (const { run, stage, workerId, tasks } of this.#losses.values()) {
      run.stages[stage]!.lossesInFlight += 1;
      this.#book.review(run);
      this.#outbox.propose({
        type: "outputsLost",
        jobId: run.job.id,
        stage,
        tasks: [...tasks],
        workerId,
        atMs,
      });
    }
    this.#losses.clear();
  }

  /** The table has taken a loss in. */
  noteDecided(command: Command, run: JobRun | undefined): void {
    const stage = command.type === "outputsLost" ? run?.stages[command.stage] : undefined;
    if (run === undefined || stage === undefined || stage.lossesInFlight === 0) return;
    stage.lossesInFlight -= 1;
    this.#book.review(run);
  }

  #note(run: JobRun, stage: number, workerId: string, task: number): void {
    const name = `${run.job.id}/${stage}/${workerId}`;
    const loss = this.#losses.get(name) ?? { run, stage, workerId, tasks: new Set() };
    loss.tasks.add(task);
    this.#losses.set(name, loss);
  }
}

function holdersOf({ holders, replicas }: StageRun): string[] {
  return [...(holders?.workerIds() ?? []), ...(replicas?.workerIds() ?? [])];
}
