/**
 * Which tasks' outputs each worker holds, so that the death of a worker costs as many steps as it held outputs and
 * not as the stage has tasks: a doubly linked list a worker, threaded through two columns.
 */
const none = -1;

export class OutputHolders {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #holder: (string | undefined)[];
  readonly #first: Map<string, number> = new Map();

  constructor(tasks: number) {
    this.#next = new Int32Array(tasks).fill(none);
    this.#previous = new Int32Array(tasks).fill(none);
    this.#holder = new Array(tasks).fill(undefined);
  }

  /** The task's output is there now, and nowhere else. */
  set(task: number, workerId: string): void {
    this.clear(task);
    const first = this.#first.get(workerId) ?? none;
    this.#holder[task] = workerId;
    this.#next[task] = first;
    this.#previous[task] = none;
    if (first !== none) this.#previous[first] = task;
    this.#first.set(workerId, task);
  }

  /** The task has no output. */
  clear(task: number): void {
    const workerId = this.#holder[task];
    if (workerId === undefined) return;
    const next = this.#next[task]!;
    const previous = this.#previous[task]!;
    if (next !== none) this.#previous[next] = previous;
    if (previous !== none) this.#next[previous] = next;
    else if (next !== none) this.#first.set(workerId, next);
    else this.#first.delete(workerId);
    this.#holder[task] = undefined;
  }

  /** Ascending. */
  tasksOf(workerId: string): number[] {
    const tasks: number[] = [];
    for (let task = this.#first.get(workerId) ?? none; task !== none; task = this.#next[task]!)
      tasks.push(task);
    return tasks.sort((a, b) => a - b);
  }

  /** How many the worker holds. */
  countOf(workerId: string): number {
    return this.tasksOf(workerId).length;
  }

  /** Whether the worker holds any. */
  has(workerId: string): boolean {
    return this.#first.has(workerId);
  }

  workerIds(): string[] {
    return [...this.#first.keys()];
  }
}
