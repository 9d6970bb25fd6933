/**
 * Decides which waiting task goes to which free slot. Workers choose, least loaded first: among jobs the one with the
 * fewest attempts running (so that jobs share the slots evenly, and a small job is not stuck behind a large one), in
 * the job its earliest ready stage, in the stage what `PendingTasks` gives it: near to it on the ring, and large first.
 */
import type { AttemptBook } from "./attempt-book.js";
import type { EarlyReaders } from "./early-readers.js";
import type { JobRun, StageRun } from "./job-run.js";
import type { PoolWorker, WorkerPool } from "./worker-pool.js";

/** Jobs that are compared for a slot; with more than this many waiting, they take turns being among these. */
const jobsCompared = 64;

export class Dispatcher {
  readonly #book: AttemptBook;
  readonly #pool: WorkerPool;
  readonly #early: EarlyReaders;

  constructor(book: AttemptBook, pool: WorkerPool, early: EarlyReaders) {
    this.#book = book;
    this.#pool = pool;
    this.#early = early;
  }

  /** Fills free slots as far as there is work for them. */
  dispatch(): void {
    this.#fillSlots();
    while (this.#book.hungry.size > 0 && this.#pool.isFull && this.#early.giveWay()) this.#fillSlots();
    if (this.#pool.isFull && this.#makeRoom()) this.#fillSlots();
    this.#early.start();
  }

  #fillSlots(): void {
    if (this.#book.hungry.size === 0 || this.#pool.isFull) return;
    for (const worker of this.#pool.withRoom()) {
      this.#startOne(worker);
      if (this.#book.hungry.size === 0) return;
    }
  }

  #startOne(worker: PoolWorker): void {
    for (const run of this.#candidates()) {
      for (const stage of run.stages) {
        if (!run.canStart(stage)) continue;
        run.sizeUp(stage);
        const task = stage.pending.take(worker);
        if (task === undefined) continue;
        // Last in line among those with equally few.
        this.#book.hungry.delete(run);
        this.#book.start(run, stage, task, worker);
        return;
      }
    }
  }

  #candidates(): readonly JobRun[] {
    if (this.#book.hungry.size === 1) return [...this.#book.hungry];
    const candidates: JobRun[] = [];
    for (const run of this.#book.hungry) {
      candidates.push(run);
      if (candidates.length === jobsCompared) break;
    }
    return candidates.sort((a, b) => a.running - b.running);
  }

  /**
   * Tasks of a late stage may hold every slot while they wait for outputs that were lost, which nobody then can make
   * again. So if nothing of an early stage runs that has to, and no slot is free, the newest attempt that depends on
   * it gives way.
   */
  #makeRoom(): boolean {
    let hasMadeRoom = false;
    for (const run of this.#book.hungry) {
      const starved = run.stages.find((stage) => stage.running === 0 && run.canStart(stage));
      const victim = starved === undefined ? undefined : newestAfter(run, starved);
      if (victim === undefined) continue;
      this.#book.stop(victim, "preempted");
      this.#book.requeue(run, victim.stage, victim.id.task);
      hasMadeRoom = true;
    }
    return hasMadeRoom;
  }
}

function newestAfter(run: JobRun, stage: StageRun): ReturnType<StageRun["current"]["get"]> {
  for (const later of run.stages.toReversed()) {
    if (later.table.stage.id <= stage.table.stage.id) return undefined;
    const newest = [...later.current.values()].findLast((attempt) => !attempt.hasReported);
    if (newest !== undefined) return newest;
  }
  return undefined;
}
