/** Where the segments of one reduce attempt are, as far as is known. While maps still run, more become known. */
import type { SegmentHolder, SegmentSources } from "@fanfold/protocol";
import type { MapOutputEntry } from "@fanfold/scheduler";

interface Place {
  readonly entry: MapOutputEntry;
  readonly holder: SegmentHolder | undefined;
  readonly replicaHolder: SegmentHolder | undefined;
}

export class KnownSegments {
  /** How many there will be: one of each map task. */
  readonly mapTasks: number;
  /** Whether it had to be waited for some. */
  hasWaited = false;
  readonly #places = new Map<number, Place>();
  /** Places as they were taken last. */
  readonly #taken = new Map<number, MapOutputEntry>();
  /** Places that nobody has taken. */
  readonly #fresh = new Set<number>();
  #wake: (() => void) | undefined;

  constructor(mapTasks: number, sources?: SegmentSources) {
    this.mapTasks = mapTasks;
    if (sources !== undefined) this.add(sources);
  }

  /** A later place of the same output counts: it was lost, and has been made again, or has moved. */
  add({ holders, entries }: SegmentSources): void {
    for (const entry of entries) {
      if (this.#isKnown(entry)) continue;
      const { replica } = entry;
      const replicaHolder = replica === undefined ? undefined : holders[replica.holder];
      this.#places.set(entry.task, { entry, holder: holders[entry.holder], replicaHolder });
      this.#fresh.add(entry.task);
    }
    if (this.#fresh.size > 0) this.#wake?.();
  }

  /** The place of a task's output, as it was told last. */
  entryOf(task: number): MapOutputEntry | undefined {
    return this.#places.get(task)?.entry;
  }

  /** The same, when it was taken to be fetched. */
  takenOf(task: number): MapOutputEntry | undefined {
    return this.#taken.get(task);
  }

  /** What has become known since it was asked last, but for the tasks that are `had`. */
  take(had: ReadonlyMap<number, unknown>): SegmentSources {
    const holders: SegmentHolder[] = [];
    const indexes = new Map<string, number>();
    const indexOf = (holder: SegmentHolder): number => {
      const name = `${holder.shuffleUrl} ${holder.isLocal} ${holder.token}`;
      const index = indexes.get(name) ?? holders.push(holder) - 1;
      indexes.set(name, index);
      return index;
    };
    const away: SegmentHolder = { shuffleUrl: undefined, isLocal: false, token: "" };
    const entries = [...this.#fresh]
      .filter((task) => !had.has(task))
      .map((task) => {
        const { entry, holder, replicaHolder } = this.#places.get(task)!;
        this.#taken.set(task, entry);
        const placed = { ...entry, holder: indexOf(holder ?? away) };
        if (entry.replica === undefined || replicaHolder === undefined) return placed;
        return { ...placed, replica: { ...entry.replica, holder: indexOf(replicaHolder) } };
      });
    this.#fresh.clear();
    return { holders, entries };
  }

  /** Resolves when there is something to take. @throws the signal's reason. */
  async more(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#fresh.size > 0) return;
    this.hasWaited = true;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener("abort", abort, { once: true });
      this.#wake = () => {
        signal.removeEventListener("abort", abort);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #isKnown({ task, attempt, epoch, path, replica }: MapOutputEntry): boolean {
    const known = this.#places.get(task)?.entry;
    if (known === undefined || known.attempt !== attempt || known.epoch !== epoch) return false;
    return known.path === path && known.replica?.path === replica?.path;
  }
}
