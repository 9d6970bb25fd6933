/** What a replica has lately seen of the consensus: ballots, how far each replica has got, how long the disk takes. */
import { quantilesOf } from "@fanfold/history";
import type { ClusterSummary, ReplicaView } from "@fanfold/protocol";
import type { SyncLatency } from "./sync-latency.js";

/** Ten minutes at a sample a second. */
const samplesMax = 600;
const ballotsMax = 200;

export class ReplicaSamples {
  readonly #sync: SyncLatency;
  #members: readonly string[] = [];
  #samples: { readonly atMs: number; readonly decided: readonly (number | null)[] }[] = [];
  readonly #ballots: { readonly atMs: number; readonly ballot: string; readonly leader: string | null }[] =
    [];
  readonly #recent: { readonly atMs: number; readonly p50: number; readonly max: number }[] = [];

  constructor(sync: SyncLatency) {
    this.#sync = sync;
  }

  /** Called about once a second. */
  take(cluster: ClusterSummary, atMs: number): void {
    const members = cluster.replicas.map(({ id }) => id);
    if (members.join() !== this.#members.join()) {
      this.#members = members;
      this.#samples = [];
    }
    this.#samples.push({ atMs, decided: cluster.replicas.map(({ decidedIndex }) => decidedIndex) });
    if (this.#samples.length > samplesMax) this.#samples.shift();
    const last = this.#ballots.at(-1);
    if (last?.ballot !== cluster.ballot || last.leader !== cluster.leader) {
      this.#ballots.push({ atMs, ballot: cluster.ballot, leader: cluster.leader });
      if (this.#ballots.length > ballotsMax) this.#ballots.shift();
    }
    const since = this.#sync.takeRecent();
    if (since.length === 0) return;
    const { p50, max } = quantilesOf(since);
    this.#recent.push({ atMs, p50, max });
    if (this.#recent.length > samplesMax) this.#recent.shift();
  }

  view(cluster: ClusterSummary, id: string): ReplicaView {
    const { count, p50, p95, p99, max } = this.#sync.summary();
    return {
      id,
      role: cluster.replicas.find((replica) => replica.id === id)?.role ?? "unknown",
      ballots: this.#ballots,
      members: this.#members,
      samples: this.#samples,
      syncMs: { count, p50, p95, p99, max, recent: this.#recent },
    };
  }
}
