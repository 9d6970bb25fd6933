/** Jobs that are over, whose files go when the last attempt here has ended: one that is being stopped may still write. */
export class JobDiscards {
  readonly #remove: (jobId: string, out: string | null) => void;
  /** Output folder by job. */
  readonly #waiting = new Map<string, string | null>();
  readonly #onDone = new Map<string, () => void>();

  constructor(remove: (jobId: string, out: string | null) => void) {
    this.#remove = remove;
  }

  get size(): number {
    return this.#waiting.size;
  }

  add(jobId: string, out: string | null, onDone?: () => void): void {
    this.#waiting.set(jobId, out);
    if (onDone !== undefined) this.#onDone.set(jobId, onDone);
  }

  /** Removes what no attempt of `busy` jobs can write to any more. */
  finish(busy: ReadonlySet<string>): void {
    for (const [jobId, out] of this.#waiting) {
      if (busy.has(jobId)) continue;
      this.#waiting.delete(jobId);
      this.#remove(jobId, out);
      this.#onDone.get(jobId)?.();
      this.#onDone.delete(jobId);
    }
  }
}
