/**
 * Where the map outputs of running jobs are, as far as the coordinator has told. Told once a stage and then by
 * increments, so that assigning a reduce task costs nothing that grows with the number of maps.
 */
import type { SegmentHolder, SegmentSources } from "@fanfold/protocol";
import type { MapOutputEntry, MapOutputHolder, SendMapOutputs } from "@fanfold/scheduler";

type Update = Omit<SendMapOutputs, "workerId" | "type">;

interface KnownEntry {
  readonly entry: MapOutputEntry;
  readonly holder: MapOutputHolder;
  readonly replica: MapOutputHolder | undefined;
}

export class MapOutputs {
  readonly #stages = new Map<string, KnownEntry[]>();

  apply(update: Update): void {
    const key = `${update.jobId}/${update.stage}`;
    const known = update.isComplete ? [] : (this.#stages.get(key) ?? []);
    for (const entry of update.entries) {
      const holder = update.holders[entry.holder];
      const replica = entry.replica === undefined ? undefined : update.holders[entry.replica.holder];
      if (holder !== undefined) known[entry.task] = { entry, holder, replica };
    }
    this.#stages.set(key, known);
  }

  /** How many of a stage's outputs are known. */
  countOf(jobId: string, stage: number): number {
    return (this.#stages.get(`${jobId}/${stage}`) ?? []).reduce((count) => count + 1, 0);
  }

  /**
   * A stage's outputs, for one reduce attempt: all that are known, or those of some tasks. `isLocal` says whether a
   * holder's files can be read here.
   */
  sourcesOf(
    {
      jobId,
      stage,
      tasks,
    }: { readonly jobId: string; readonly stage: number; readonly tasks?: readonly number[] },
    token: string,
    isLocal: (holder: MapOutputHolder) => boolean,
  ): SegmentSources {
    const holders: SegmentHolder[] = [];
    const indexes = new Map<string, number>();
    const entries: MapOutputEntry[] = [];
    const indexOf = (known: MapOutputHolder): number => {
      let holder = indexes.get(known.workerId);
      if (holder === undefined) {
        holder = holders.length;
        indexes.set(known.workerId, holder);
        holders.push({ shuffleUrl: known.shuffleUrl, isLocal: isLocal(known), token });
      }
      return holder;
    };
    const all = this.#stages.get(`${jobId}/${stage}`) ?? [];
    for (const known of tasks === undefined ? all : tasks.map((task) => all[task])) {
      if (known === undefined) continue;
      const { replica: _replica, ...entry } = known.entry;
      const placed = { ...entry, holder: indexOf(known.holder) };
      const path = known.entry.replica?.path;
      if (known.replica === undefined || path === undefined) entries.push(placed);
      else entries.push({ ...placed, replica: { holder: indexOf(known.replica), path } });
    }
    return { holders, entries };
  }

  forget(jobId: string): void {
    for (const key of this.#stages.keys()) {
      if (key.startsWith(`${jobId}/`)) this.#stages.delete(key);
    }
  }
}
