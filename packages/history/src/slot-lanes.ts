/**
 * Which of a worker's slots an attempt is drawn in. Workers do not say; an attempt takes the lowest slot that is free
 * when it starts, so a worker never shows more rows than it ever ran attempts at a time.
 */
export class SlotLanes {
  /** By worker: until when each lane is taken; Infinity while an attempt runs in it. */
  readonly #lanes = new Map<string, number[]>();

  /** For an attempt that starts now. */
  take(workerId: string, startMs: number): number {
    const lanes = this.#of(workerId);
    const free = lanes.findIndex((until) => until <= startMs);
    const lane = free < 0 ? lanes.length : free;
    lanes[lane] = Number.POSITIVE_INFINITY;
    return lane;
  }

  release(workerId: string, lane: number, endMs: number): void {
    const lanes = this.#of(workerId);
    if (lane < lanes.length) lanes[lane] = endMs;
  }

  /** For an attempt that is heard of when it has ended: the lane that has been free for the shortest time. */
  place(workerId: string, startMs: number, endMs: number): number {
    const lanes = this.#of(workerId);
    let best = -1;
    lanes.forEach((until, lane) => {
      if (until <= startMs && (best < 0 || until > lanes[best]!)) best = lane;
    });
    const lane = best < 0 ? lanes.length : best;
    lanes[lane] = endMs;
    return lane;
  }

  forget(workerId: string): void {
    this.#lanes.delete(workerId);
  }

  #of(workerId: string): number[] {
    let lanes = this.#lanes.get(workerId);
    if (lanes === undefined) {
      lanes = [];
      this.#lanes.set(workerId, lanes);
    }
    return lanes;
  }
}
