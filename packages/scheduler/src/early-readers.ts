/**
 * Decides which reduce attempts begin to fetch while maps still run, and what they are told meanwhile.
 *
 * When the last maps have been given out, slots fall free one by one, and what the reduce tasks will read is mostly
 * there: so they take these slots, load their code and fetch. They never have a slot that anything else could use: one
 * that is wanted, be it by a map that has to run again, by another job or for a backup, is taken from them, at the price
 * of what they have fetched. So nothing waits for them, and they cannot keep from running what they wait for.
 * (Hadoop calls this slow start, and its reducers can do both.)
 *
 * A worker with such attempts is told of new outputs at each tick, and at once when the last is made.
 */
import { outputsFor } from "./assignment.js";
import type { AttemptBook } from "./attempt-book.js";
import type { AttemptRun, JobRun, StageRun } from "./job-run.js";
import type { Outbox } from "./outbox.js";
import type { WorkerPool } from "./worker-pool.js";

export class EarlyReaders {
  readonly #book: AttemptBook;
  readonly #pool: WorkerPool;
  readonly #outbox: Outbox;
  /** Some stage has become complete in this step. */
  hasNews = false;

  constructor(book: AttemptBook, pool: WorkerPool, outbox: Outbox) {
    this.#book = book;
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** Gives slots that nothing else wants to tasks that may fetch. */
  start(): void {
    const { hungry, patient } = this.#book;
    if (patient.size === 0) return;
    for (const worker of this.#pool.withRoom()) {
      if (hungry.size > 0) return;
      const next = firstOf(patient);
      if (next === undefined) return;
      const { run, stage } = next;
      run.sizeUp(stage);
      const task = stage.pending.take(worker);
      if (task === undefined) return;
      this.#book.start(run, stage, task, worker);
    }
  }

  /** Takes a slot back, where one is wanted by tasks that can start. Whether there is one now. */
  giveWay(): boolean {
    const victim = [...this.#book.early].findLast(
      // One that lacks nothing any more is as good as those that would take its slot.
      (attempt) => this.#takesWork(attempt.workerId) && !sourceOf(attempt).table.isDone,
    );
    if (victim === undefined) return false;
    this.#book.giveWay(victim);
    return true;
  }

  /** Tells workers of the outputs that have been made since they were told last. */
  tell(isTick: boolean): void {
    if (!isTick && !this.hasNews) return;
    this.hasNews = false;
    for (const attempt of [...this.#book.early]) {
      const source = sourceOf(attempt);
      if (!isTick && !source.areOutputsKnown) continue;
      const worker = this.#pool.get(attempt.workerId);
      const outputs =
        worker === undefined ? undefined : outputsFor(worker, attempt.job.job, source, this.#pool);
      if (outputs !== undefined) this.#outbox.add(outputs);
      if (source.areOutputsKnown) this.#book.markComplete(attempt);
    }
  }

  #takesWork(workerId: string): boolean {
    const worker = this.#pool.get(workerId);
    return worker !== undefined && !worker.isDraining && !worker.isQuarantined;
  }
}

function firstOf(patient: Iterable<JobRun>): { readonly run: JobRun; readonly stage: StageRun } | undefined {
  for (const run of patient) {
    const stage = run.stages.find((each) => run.canStartEarly(each));
    if (stage !== undefined) return { run, stage };
  }
  return undefined;
}

function sourceOf({ job, stage }: AttemptRun): StageRun {
  const { input } = stage.table.stage;
  if (input.type !== "shuffle") throw new Error("only what reads a shuffle can begin early");
  return job.stages[input.from]!;
}
