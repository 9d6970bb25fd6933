/**
 * Decides whose network is at fault when outputs cannot be fetched. A worker may see the coordinator and be cut off from
 * its peers: then everybody who reads from it fails, and whatever it reads itself. Each failed fetch is a pair, reader
 * and holder, and says only that one of the two is at fault. Who is in pairs with two others at least, with half of all,
 * and with more than anybody else, is: it gets no tasks for a while, what it holds is made again elsewhere, and what it
 * says of others' outputs is not believed. Where there are only two workers, the holder is, at the third report.
 *
 * A link between two may also be cut alone. So one reader counts once for each output, as long as there is another who
 * has not tried: its task goes to that one. All this is one leader's opinion, and is lost with it.
 */
import type { JobRun } from "./job-run.js";
import { fetchFailuresMax, unreachedWindowMs } from "./limits.js";
import type { LostOutputs } from "./lost-outputs.js";
import { taskDone } from "./task-columns.js";
import type { MapOutputRef } from "./task-result.js";
import type { WorkerHealth } from "./worker-health.js";
import type { WorkerPool } from "./worker-pool.js";

interface Unreached {
  readonly reader: string;
  readonly holder: string;
  reports: number;
  latestMs: number;
}

/** A map output, and who holds it. */
interface Held {
  readonly ref: MapOutputRef;
  readonly holders: readonly string[];
}

export interface PeerReachDependencies {
  readonly pool: WorkerPool;
  readonly health: WorkerHealth;
  readonly lostOutputs: LostOutputs;
  readonly runs: ReadonlyMap<string, JobRun>;
}

export class PeerReach {
  readonly #dependencies: PeerReachDependencies;
  /** By reader and holder. */
  readonly #pairs: Map<string, Unreached> = new Map();
  readonly #cutOff: Set<string> = new Set();

  constructor(dependencies: PeerReachDependencies) {
    this.#dependencies = dependencies;
  }

  /** Takes in a failed fetch, and gives those of its outputs that are to be counted against their holders. */
  noteUnfetched(
    reader: string,
    run: JobRun,
    missing: readonly MapOutputRef[],
    nowMs: number,
  ): readonly MapOutputRef[] {
    const held = missing.flatMap((ref) => heldBy(run, ref));
    for (const holder of silentHolders(run, held)) this.#notePair(reader, holder, nowMs);
    this.#judge(nowMs);
    if (this.#isCutOff(reader)) return [];
    return held.filter((output) => this.#isNews(reader, run, output)).map(({ ref }) => ref);
  }

  /** Who is gone was perhaps why others seemed cut off. */
  workerLost(workerId: string, nowMs: number): void {
    for (const [name, { reader, holder }] of this.#pairs) {
      if (reader === workerId || holder === workerId) this.#pairs.delete(name);
    }
    this.#cutOff.delete(workerId);
    const partners = this.#partners(nowMs);
    for (const each of this.#cutOff) {
      if ((partners.get(each)?.size ?? 0) >= this.#partnersMin()) continue;
      this.#cutOff.delete(each);
      this.#dependencies.health.endQuarantine(each);
    }
  }

  #notePair(reader: string, holder: string, nowMs: number): void {
    const { pool } = this.#dependencies;
    if (reader === holder || pool.get(reader) === undefined || pool.get(holder) === undefined) return;
    const name = `${reader}>${holder}`;
    const pair = this.#pairs.get(name) ?? { reader, holder, reports: 0, latestMs: nowMs };
    pair.reports += 1;
    pair.latestMs = nowMs;
    this.#pairs.set(name, pair);
  }

  #judge(nowMs: number): void {
    const suspect = this.#dependencies.pool.size === 2 ? this.#holderOfTwo() : this.#loneliest(nowMs);
    if (suspect === undefined || this.#isCutOff(suspect)) return;
    if (!this.#dependencies.health.quarantineCutOff(suspect, nowMs)) return;
    this.#cutOff.add(suspect);
    // All that it held: who could not reach it cannot have any of it. It explains its pairs, which are kept, since the
    // loss of its partners may clear it.
    for (const run of this.#dependencies.runs.values())
      this.#dependencies.lostOutputs.workerLost(run, suspect);
  }

  #holderOfTwo(): string | undefined {
    return [...this.#pairs.values()].find(({ reports }) => reports >= fetchFailuresMax)?.holder;
  }

  #loneliest(nowMs: number): string | undefined {
    const ranked = [...this.#partners(nowMs)].sort(([, a], [, b]) => b.size - a.size);
    const [first, second] = ranked;
    if (first === undefined || first[1].size < this.#partnersMin()) return undefined;
    return first[1].size > (second?.[1].size ?? 0) ? first[0] : undefined;
  }

  #partnersMin(): number {
    return Math.max(2, (this.#dependencies.pool.size - 1) / 2);
  }

  /** Of each worker, with whom it is in a pair that nobody known to be cut off explains. */
  #partners(nowMs: number): Map<string, Set<string>> {
    const partners = new Map<string, Set<string>>();
    for (const [name, { reader, holder, latestMs }] of this.#pairs) {
      if (nowMs - latestMs > unreachedWindowMs) this.#pairs.delete(name);
      else {
        if (!this.#isCutOff(holder)) addTo(partners, reader, holder);
        if (!this.#isCutOff(reader)) addTo(partners, holder, reader);
      }
    }
    return partners;
  }

  /** Its quarantine may have ended since: it is tried again, and may be judged again. */
  #isCutOff(workerId: string): boolean {
    if (!this.#cutOff.has(workerId)) return false;
    if (this.#dependencies.health.isQuarantined(workerId)) return true;
    this.#cutOff.delete(workerId);
    for (const [name, { reader, holder }] of this.#pairs) {
      if (reader === workerId || holder === workerId) this.#pairs.delete(name);
    }
    return false;
  }

  #isNews(reader: string, run: JobRun, { ref, holders }: Held): boolean {
    const name = `${ref.stage}/${ref.task}/${ref.attempt}/${ref.epoch}`;
    const readers = run.unfetched.get(name) ?? new Set();
    run.unfetched.set(name, readers);
    const isFirst = !readers.has(reader);
    readers.add(reader);
    return isFirst || !this.#dependencies.pool.hasOtherThan(new Set([...readers, ...holders]));
  }
}

function heldBy(run: JobRun, ref: MapOutputRef): Held[] {
  const table = run.job.stages[ref.stage];
  const isHeld = table?.columns.state[ref.task] === taskDone && table.columns.isWinner(ref);
  if (table === undefined || !isHeld) return [];
  const holders = [run.job.workerOf(table, ref.task), run.job.replicaOf(table, ref.task)];
  return [{ ref, holders: holders.filter((holder) => holder !== undefined) }];
}

/** Holders of whom nothing at all could be had: where one output is missing of many, its file is at fault. */
function silentHolders(run: JobRun, missing: readonly Held[]): string[] {
  const counts = new Map<string, number>();
  for (const { ref, holders } of missing) {
    for (const holder of holders) {
      const name = `${ref.stage}/${holder}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return [...counts].flatMap(([name, count]) => {
    const slash = name.indexOf("/");
    const stage = run.stages[Number(name.slice(0, slash))];
    const holder = name.slice(slash + 1);
    const held = (stage?.holders?.countOf(holder) ?? 0) + (stage?.replicas?.countOf(holder) ?? 0);
    return count >= held ? [holder] : [];
  });
}

function addTo(partners: Map<string, Set<string>>, worker: string, partner: string): void {
  const known = partners.get(worker);
  if (known === undefined) partners.set(worker, new Set([partner]));
  else known.add(partner);
}
