/**
 * The tasks of one stage that wait for a slot, and which of them a worker should take.
 *
 * A worker first takes what was started before and came back, then what the ring gives it (so that a task that is
 * read again finds its input in the same worker's cache), then what comes next clockwise on the ring: work that others
 * are too busy for. This is bounded load with slots as the bound. Of what it may choose from, it takes the largest
 * first, so that what is left for the end is small and no slot waits for another's long last task (Graham 1969: within
 * a third of the best that is possible). Sizes are told apart in tiers, about a quarter wide.
 *
 * Within a tier, waiting tasks stand in the order of their hashes, so a worker's share is a few ranges of that order,
 * and workers may come and go without anything being re-sorted; a range's next waiting task is found by union-find over
 * the taken ones (Tarjan 1975), in near-constant time.
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

/** Sizes that differ by less than this factor count as equal: where a task's place is then says more. */
const tierFactor = 1.25;
/** The last tier has everything below a thousandth of the largest. */
const tiersMax = 32;

/** Bits for the task's index in a sort key that begins with its 32-bit hash. */
const taskLimit = 2 ** 21;

export interface PendingOptions {
  /** Bytes that each task reads, as far as they are known; default: all alike. */
  readonly sizes?: ArrayLike<number> | undefined;
  /** The ring says nothing of where these tasks belong, so that large ones go first, whoever asks. */
  readonly isPlaceless?: boolean;
}

export class PendingTasks {
  readonly #taskHashes: Uint32Array;
  readonly #isPlaceless: boolean;
  readonly #hashes: Uint32Array;
  readonly #tasks: Uint32Array;
  readonly #positions: Uint32Array;
  /** At each position, the position itself or one nearer to the next waiting task; one more than there are tasks. */
  readonly #next: Uint32Array;
  readonly #isFresh: Uint8Array;
  #freshCount = 0;
  /** Where each tier begins, and after the last one its end; empty tiers are left out. */
  #tierStarts: readonly number[] = [0];
  /** Tasks that came back, oldest first. */
  readonly #retries: Set<number> = new Set();
  readonly #avoided: Map<number, Set<string>> = new Map();
  /** How many of its ranges each worker has emptied, by tier. */
  readonly #cursors: Map<string, { readonly ranges: readonly HashRange[]; readonly indexes: Uint32Array }> =
    new Map();

  /** All tasks wait at first; `hashes[task]` says where on the ring each stands. */
  constructor(hashes: Uint32Array, { sizes, isPlaceless = false }: PendingOptions = {}) {
    const count = hashes.length;
    this.#taskHashes = hashes;
    this.#isPlaceless = isPlaceless;
    this.#hashes = new Uint32Array(count);
    this.#tasks = new Uint32Array(count);
    this.#positions = new Uint32Array(count);
    this.#next = new Uint32Array(count + 1);
    this.#isFresh = new Uint8Array(count).fill(1);
    this.#freshCount = count;
    this.#arrange(sizes);
  }

  get size(): number {
    return this.#freshCount + this.#retries.size;
  }

  /** Sizes are known now, or better than before. */
  resize(sizes: ArrayLike<number>): void {
    this.#cursors.clear();
    this.#arrange(sizes);
  }

  #arrange(sizes: ArrayLike<number> | undefined): void {
    const count = this.#taskHashes.length;
    const packed = Float64Array.from(this.#taskHashes, (hash, task) => hash * taskLimit + task).sort();
    const tiers = tiersOf(count, sizes);
    const ends = new Uint32Array(tiersMax + 1);
    for (const tier of tiers) ends[tier + 1]! += 1;
    for (let tier = 0; tier < tiersMax; tier++) ends[tier + 1]! += ends[tier]!;
    this.#tierStarts = [...new Set(ends)];
    const places = ends.slice();
    for (const each of packed) {
      const hash = Math.floor(each / taskLimit);
      const task = each - hash * taskLimit;
      const position = places[tiers[task]!]!++;
      this.#hashes[position] = hash;
      this.#tasks[position] = task;
      this.#positions[task] = position;
      this.#next[position] = this.#isFresh[task] === 1 ? position : position + 1;
    }
    this.#next[count] = count;
  }

  get #tierCount(): number {
    return this.#tierStarts.length - 1;
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
    const task = this.#takeRetry(taker) ?? this.#takeFresh(taker);
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

  #takeFresh(taker: Taker): number | undefined {
    if (this.#freshCount === 0) return undefined;
    const tiers = Array.from({ length: this.#tierCount }, (_, tier) => tier);
    const first = this.#isPlaceless
      ? firstOf(tiers, (tier) => this.#ownOf(taker, tier) ?? this.#nearbyOf(taker, tier))
      : firstOf(tiers, (tier) => this.#ownOf(taker, tier));
    return first ?? firstOf(tiers, (tier) => this.#nearbyOf(taker, tier));
  }

  #ownOf({ workerId, ranges }: Taker, tier: number): number | undefined {
    let cursor = this.#cursors.get(workerId);
    if (cursor?.ranges !== ranges) {
      cursor = { ranges, indexes: new Uint32Array(this.#tierCount) };
      this.#cursors.set(workerId, cursor);
    }
    const { indexes } = cursor;
    const end = this.#tierStarts[tier + 1]!;
    // Fresh tasks only ever become fewer, so a range once empty stays so.
    for (; indexes[tier]! < ranges.length; indexes[tier]! += 1) {
      const { from, to } = ranges[indexes[tier]!]!;
      const position = this.#waitingFrom(this.#positionOf(from, tier));
      if (position < end && this.#hashes[position]! <= to) return this.#tasks[position];
    }
    return undefined;
  }

  #nearbyOf({ ranges }: Taker, tier: number): number | undefined {
    const [start, end] = [this.#tierStarts[tier]!, this.#tierStarts[tier + 1]!];
    const onward = this.#waitingFrom(this.#positionOf(ranges[0]?.from ?? 0, tier));
    const position = onward < end ? onward : this.#waitingFrom(start);
    return position < end ? this.#tasks[position] : undefined;
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

  /** The tier's first position with a hash of at least this. */
  #positionOf(hash: number, tier: number): number {
    let low = this.#tierStarts[tier]!;
    let high = this.#tierStarts[tier + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstOf(tiers: readonly number[], take: (tier: number) => number | undefined): number | undefined {
  for (const tier of tiers) {
    const task = take(tier);
    if (task !== undefined) return task;
  }
  return undefined;
}

/** 0 for the largest. */
function tiersOf(count: number, sizes: ArrayLike<number> | undefined): Uint8Array {
  const tiers = new Uint8Array(count);
  if (sizes === undefined) return tiers;
  let largest = 1;
  for (let task = 0; task < count; task++) largest = Math.max(largest, sizes[task]!);
  for (let task = 0; task < count; task++) {
    const tier = Math.floor(Math.log(largest / Math.max(1, sizes[task]!)) / Math.log(tierFactor));
    tiers[task] = Math.min(tiersMax - 1, tier);
  }
  return tiers;
}
