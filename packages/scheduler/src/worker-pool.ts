/** The workers that are connected now: their slots, their part of the ring, and who has room. */
import { HashRing } from "@fanfold/placement";
import { formatAttemptId } from "./attempt-id.js";
import type { AttemptRun, StageRun } from "./job-run.js";
import type { HashRange, Taker } from "./pending-tasks.js";
import type { WorkerInfo } from "./scheduler-input.js";

/**
 * Ring points a slot. Fewer than a ring that must spread evenly by itself would have: what is uneven here is evened
 * out by workers with free slots taking from their neighbours.
 */
const pointsPerSlot = 32;

/** Workers on the ring that are looked at for one on another machine. */
const replicaCandidatesMax = 8;

/** Workers with room are kept in this many steps of load, so that the least loaded is found without a search. */
const loadSteps = 32;

export class PoolWorker implements Taker {
  info: WorkerInfo;
  isDraining = false;
  /** Gets no tasks for a while; see `WorkerHealth`. */
  isQuarantined = false;
  /** It has been told that it may go. */
  isReleased = false;
  /** By the id's text. Never more than it has slots. */
  readonly running: Map<string, AttemptRun> = new Map();
  /** Version of each stage's output locations that it has been sent. */
  readonly outputsSent: Map<StageRun, number> = new Map();
  /** Map stages whose boundaries it has been sent. */
  readonly boundariesSent: Set<StageRun> = new Set();
  readonly #pool: WorkerPool;
  #ring: HashRing | undefined = undefined;
  #ranges: readonly HashRange[] = [];

  constructor(info: WorkerInfo, pool: WorkerPool) {
    this.info = info;
    this.#pool = pool;
  }

  get workerId(): string {
    return this.info.workerId;
  }

  get hasRoom(): boolean {
    return !this.isDraining && !this.isQuarantined && this.running.size < this.info.slots;
  }

  get ranges(): readonly HashRange[] {
    if (this.#ring !== this.#pool.ring) {
      this.#ring = this.#pool.ring;
      this.#ranges = rangesOf(this.#ring, this.workerId);
    }
    return this.#ranges;
  }

  hasOtherThan(avoided: ReadonlySet<string>): boolean {
    return this.#pool.hasOtherThan(avoided);
  }
}

/** A worker's arcs, none of them over the end of the circle. */
function rangesOf(ring: HashRing, workerId: string): HashRange[] {
  return ring.arcsOf(workerId).flatMap(({ after, upTo }) => {
    if (after < upTo) return [{ from: after + 1, to: upTo }];
    return [
      { from: after + 1, to: 0xffff_ffff },
      { from: 0, to: upTo },
    ];
  });
}

export class WorkerPool {
  readonly #workers: Map<string, PoolWorker> = new Map();
  /** Workers with room by their load; a worker is in at most one. */
  readonly #byLoad: Set<PoolWorker>[] = Array.from({ length: loadSteps }, () => new Set());
  readonly #stepOf: Map<PoolWorker, number> = new Map();
  /** Those that take new work: no draining or quarantined worker is in it. */
  ring: HashRing = HashRing.of([], { pointsPerWeight: pointsPerSlot });
  /** Rises when a worker comes or goes. */
  version = 0;
  /** Those that have been told to go. */
  readonly draining: Set<PoolWorker> = new Set();

  get(workerId: string): PoolWorker | undefined {
    return this.#workers.get(workerId);
  }

  all(): IterableIterator<PoolWorker> {
    return this.#workers.values();
  }

  get size(): number {
    return this.#workers.size;
  }

  ids(): string[] {
    return [...this.#workers.keys()];
  }

  /** Slots of all workers that take new work. */
  get slots(): number {
    return this.ring.members.reduce((sum, member) => sum + member.weight, 0);
  }

  get isFull(): boolean {
    return this.#stepOf.size === 0;
  }

  /**
   * Who is to hold a second copy of what `worker` makes of a task: the next on the ring after the task's place, on
   * another machine if there is one. `undefined` when the worker is alone.
   */
  replicaFor(hash: number, worker: PoolWorker): WorkerInfo | undefined {
    const others = this.ring
      .successors(hash, replicaCandidatesMax)
      .filter((id) => id !== worker.workerId)
      .map((id) => this.#workers.get(id)?.info)
      .filter((info) => info !== undefined);
    return others.find((info) => info.hostId !== worker.info.hostId) ?? others[0];
  }

  /** Adds a worker, or takes its new description. */
  join(info: WorkerInfo): PoolWorker {
    const worker = this.#workers.get(info.workerId) ?? new PoolWorker(info, this);
    worker.info = info;
    worker.isDraining = false;
    worker.isReleased = false;
    this.draining.delete(worker);
    this.version += 1;
    this.#workers.set(info.workerId, worker);
    if (info.slots > 0 && !worker.isQuarantined) this.ring = this.ring.withMember(info.workerId, info.slots);
    this.#place(worker);
    return worker;
  }

  drain(worker: PoolWorker): void {
    worker.isDraining = true;
    this.draining.add(worker);
    this.ring = this.ring.withoutMember(worker.workerId);
    this.#place(worker);
  }

  quarantine(worker: PoolWorker, isQuarantined: boolean): void {
    worker.isQuarantined = isQuarantined;
    const { workerId, slots } = worker.info;
    if (isQuarantined) this.ring = this.ring.withoutMember(workerId);
    else if (!worker.isDraining && slots > 0) this.ring = this.ring.withMember(workerId, slots);
    this.#place(worker);
  }

  remove(worker: PoolWorker): void {
    this.#workers.delete(worker.workerId);
    this.draining.delete(worker);
    this.version += 1;
    this.ring = this.ring.withoutMember(worker.workerId);
    worker.isDraining = true;
    this.#place(worker);
  }

  occupy(attempt: AttemptRun): void {
    const worker = this.#workers.get(attempt.workerId)!;
    worker.running.set(formatAttemptId(attempt.id), attempt);
    this.#place(worker);
  }

  release(attempt: AttemptRun): void {
    const worker = this.#workers.get(attempt.workerId);
    if (worker === undefined) return;
    worker.running.delete(formatAttemptId(attempt.id));
    this.#place(worker);
  }

  /**
   * Workers with room, least loaded first. May be used while attempts are being placed: a worker that gets one and
   * still has room comes again, later.
   */
  *withRoom(): IterableIterator<PoolWorker> {
    for (const step of this.#byLoad) {
      if (step.size > 0) yield* step;
    }
  }

  /** The worker for a small errand: the least loaded, else any. */
  forErrand(): PoolWorker | undefined {
    for (const worker of this.withRoom()) return worker;
    let best: PoolWorker | undefined;
    for (const worker of this.#workers.values()) {
      const isBetter = best !== undefined && !isGoing(worker) && isGoing(best);
      if (best === undefined || isBetter) best = worker;
    }
    return best;
  }

  hasOtherThan(avoided: ReadonlySet<string>): boolean {
    if (this.ring.size > avoided.size) return true;
    return this.ring.members.some((member) => !avoided.has(member.id));
  }

  #place(worker: PoolWorker): void {
    const before = this.#stepOf.get(worker);
    if (before !== undefined) this.#byLoad[before]!.delete(worker);
    this.#stepOf.delete(worker);
    if (!worker.hasRoom) return;
    const step = Math.floor((worker.running.size * loadSteps) / worker.info.slots);
    this.#byLoad[step]!.add(worker);
    this.#stepOf.set(worker, step);
  }
}

function isGoing({ isDraining, isQuarantined }: PoolWorker): boolean {
  return isDraining || isQuarantined;
}
