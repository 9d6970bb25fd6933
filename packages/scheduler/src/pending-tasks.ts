/**
 * The tasks of one stage that wait for a slot, and which of them a worker should take.
 *
 * A worker first takes what was started before and came back, then what the ring gives it (so that a task that is
 * read again finds its input in the same worker's cache), then what comes next clockwise on the ring: work that others
 * are too busy for. This is bounded load with slots as the bound. Waiting tasks stand in the order of their hashes, so
 * a worker's share is a few ranges of that order, and workers may come and go without anything being re-sorted; a
 * range's next waiting task is found by union-find over the taken ones (Tarjan 1975), in near-constant time.
 */

/** Hashes `[from, to]`, both ends in it. */
export interface HashRange {
  readonly from: number;
  readonly to: number;
}

/** What is asked of the worker that takes a task. */
export interface Taker {
  readonly workerId: string;
  /** Its part of the ring. */
  readonly ranges: readonly HashRange[];
  /** Whether there is a worker that is none of these; if not, they need not be avoided. */
  hasOtherThan(avoided: ReadonlySet<string>): boolean;
}

/** Tasks looked at among those that came back; more than this many that avoid one worker are not worth a search. */
const retriesLookedAt = 64;

/** Bits for the task's index in a sort key that begins with its 32-bit hash. */
const taskLimit = 2 ** 21;

export class PendingTasks {
  readonly #hashes: Uint32Array;
  readonly #tasks: Uint32Array;
  readonly #positions: Uint32Array;
  /** At each position, the position itself or one nearer to the next waiting task; one more than there are tasks. */
  readonly #next: Uint32Array;
  readonly #isFresh: Uint8Array;
  #freshCount = 0;
  /** Tasks that came back, oldest first. */
  readonly #retries: Set<number> = new Set();
  readonly #avoided: Map<number, Set<string>> = new Map();
  /** How many of its ranges each worker has emptied. */
  readonly #cursors: Map<string, { readonly ranges: readonly HashRange[]; index: number }> = new Map();

  /** All tasks wait at first; `hashes[task]` says where on the ring each stands. */
  constructor(hashes: Uint32Array) {
    const count = hashes.length;
    const packed = Float64Array.from(hashes, (hash, task) => hash * taskLimit + task).sort();
    this.#hashes = new Uint32Array(count);
    this.#tasks = new Uint32Array(count);
    this.#positions = new Uint32Array(count);
    this.#next = Uint32Array.from({ length: count + 1 }, (_, position) => position);
    this.#isFresh = new Uint8Array(count).fill(1);
    this.#freshCount = count;
    for (let position = 0; position < count; position++) {
      const hash = Math.floor(packed[position]! / taskLimit);
      const task = packed[position]! - hash * taskLimit;
      this.#hashes[position] = hash;
      this.#tasks[position] = task;
      this.#positions[task] = position;
    }
  }

  get size(): number {
    return this.#freshCount + this.#retries.size;
  }

  has(task: number): boolean {
    return this.#isFresh[task] === 1 || this.#retries.has(task);
  }

  /** The task is somebody's, or done: it waits no longer. */
  remove(task: number): void {
    if (this.#isFresh[task] === 1) this.#takeAt(this.#positions[task]!);
    else this.#retries.delete(task);
  }

  /** The task is to be run by another than this worker, as long as there is one. */
  avoid(task: number, workerId: string): void {
    const avoided = this.#avoided.get(task) ?? new Set();
    this.#avoided.set(task, avoided.add(workerId));
  }

  isAvoided(task: number, workerId: string): boolean {
    return this.#avoided.get(task)?.has(workerId) === true;
  }

  /** The task waits (again). */
  requeue(task: number): void {
    if (!this.has(task)) this.#retries.add(task);
  }

  /** Takes the task that this worker should run next, if there is one for it. */
  take(taker: Taker): number | undefined {
    const task = this.#takeRetry(taker) ?? this.#takeOwn(taker) ?? this.#takeNearby(taker);
    if (task !== undefined) this.remove(task);
    return task;
  }

  #takeRetry(taker: Taker): number | undefined {
    let looked = 0;
    for (const task of this.#retries) {
      const avoided = this.#avoided.get(task);
      if (avoided?.has(taker.workerId) !== true || !taker.hasOtherThan(avoided)) return task;
      looked += 1;
      if (looked === retriesLookedAt) return undefined;
    }
    return undefined;
  }

  #takeOwn({ workerId, ranges }: Taker): number | undefined {
    if (this.#freshCount === 0) return undefined;
    let cursor = this.#cursors.get(workerId);
    if (cursor?.ranges !== ranges) {
      cursor = { ranges, index: 0 };
      this.#cursors.set(workerId, cursor);
    }
    // Fresh tasks only ever become fewer, so a range once empty stays so.
    for (; cursor.index < ranges.length; cursor.index++) {
      const { from, to } = ranges[cursor.index]!;
      const position = this.#waitingFrom(this.#positionOf(from));
      if (position < this.#tasks.length && this.#hashes[position]! <= to) return this.#tasks[position];
    }
    return undefined;
  }

  #takeNearby({ ranges }: Taker): number | undefined {
    if (this.#freshCount === 0) return undefined;
    const position = this.#waitingFrom(this.#positionOf(ranges[0]?.from ?? 0));
    return this.#tasks[position < this.#tasks.length ? position : this.#waitingFrom(0)];
  }

  #takeAt(position: number): void {
    this.#isFresh[this.#tasks[position]!] = 0;
    this.#freshCount -= 1;
    this.#next[position] = position + 1;
  }

  /** The first position at or after this one whose task is fresh; the number of tasks if there is none. */
  #waitingFrom(start: number): number {
    const next = this.#next;
    let position = start;
    while (next[position] !== position) {
      next[position] = next[next[position]!]!;
      position = next[position]!;
    }
    return position;
  }

  /** The first position with a hash of at least this. */
  #positionOf(hash: number): number {
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
