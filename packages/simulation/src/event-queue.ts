/** What is to happen, by time; what is for the same time happens in the order it was asked for. */

export interface QueuedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap. */
export class EventQueue {
  readonly #heap: QueuedEvent[] = [];
  #asked = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#asked, run };
    this.#asked += 1;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as QueuedEvent;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): QueuedEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as QueuedEvent)) child += 1;
      const below = heap[child] as QueuedEvent;
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
