/** Carries out a plan of faults on a cluster, and heals it at the end. */
import type { Chance } from "./chance.js";
import type { Cluster } from "./cluster.js";
import type { FaultPlan } from "./faults.js";

type Host = Cluster["workers"][number];

const restartMs = { least: 100, most: 2_500 } as const;
const freezeMs = { least: 300, most: 8_000 } as const;
const cutMs = { least: 200, most: 7_000 } as const;
const slowMs = { least: 300, most: 3_000 } as const;
/** Of the blows to coordinators, those that hit all. */
const powerCutShare = 0.2;
const slownessMax = 25;
const slowLinkFactor = 40;

export class Nemesis {
  readonly #cluster: Cluster;
  readonly #plan: FaultPlan;
  readonly #chance: Chance;
  #isOver = false;

  constructor(cluster: Cluster, plan: FaultPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#chance = cluster.world.chance("nemesis");
  }

  begin(): void {
    const { killWorkerEveryMs, killLeaderEveryMs, cutEveryMs, slowEveryMs, lossRate, untilMs } = this.#plan;
    const { faults } = this.#cluster.network;
    faults.lossRate = lossRate;
    faults.duplicateRate = lossRate / 2;
    faults.breakRate = lossRate / 5;
    this.#cluster.publishCrashes = this.#plan.publishCrashes;
    for (const { disk } of this.#cluster.coordinators) disk.slowness = this.#plan.diskSlowness;
    this.#again(killWorkerEveryMs, () => this.#strike(this.#chance.pick(this.#cluster.workers)));
    this.#again(killLeaderEveryMs, () => this.#whenCommitted(() => this.#strikeCoordinators()));
    this.#again(cutEveryMs, () => this.#cut());
    this.#again(slowEveryMs, () => this.#slowDown());
    this.#cluster.world.after(untilMs, () => this.heal());
  }

  /** Everything that is gone comes back, and all is as it should be. */
  heal(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cluster.world.note("healed");
    this.#cluster.publishCrashes = 0;
    this.#cluster.network.heal();
    for (const host of this.#cluster.hosts) {
      host.slowness = 1;
      this.#cluster.restart(host);
    }
    for (const { disk } of this.#cluster.coordinators) disk.slowness = 1;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  #again(meanMs: number | undefined, strike: () => void): void {
    if (meanMs === undefined) return;
    this.#cluster.world.after(meanMs * this.#chance.between(0.2, 1.8), () => {
      if (this.#isOver) return;
      strike();
      this.#again(meanMs, strike);
    });
  }

  /**
   * Half of the blows wait for a word that commits its sender: an order, a reply. What it says must be true whatever
   * comes next.
   */
  #whenCommitted(strike: () => void): void {
    const { network, world, coordinators } = this.#cluster;
    if (this.#chance.happens(0.5)) {
      strike();
      return;
    }
    const hosts = new Set(coordinators.map(({ name }) => name));
    network.onSent = (host, message) => {
      if (!hosts.has(host) || isSmallTalk(message)) return;
      network.onSent = undefined;
      world.after(0, () => {
        if (!this.#isOver) strike();
      });
    };
  }

  /** The leader, or the power of all coordinators at once: what they have told anybody must be on their disks. */
  #strikeCoordinators(): void {
    if (!this.#chance.happens(powerCutShare)) {
      this.#strike(this.#leader());
      return;
    }
    for (const host of this.#cluster.coordinators) this.#killForAWhile(host, true);
  }

  #killForAWhile(host: Host, isPower: boolean): void {
    if (host.process === undefined) return;
    this.#cluster.kill(host, isPower);
    const forMs = this.#chance.between(restartMs.least, restartMs.most);
    this.#cluster.world.after(forMs, () => this.#cluster.restart(host));
  }

  #leader(): Host {
    return this.#cluster.believedLeader ?? this.#chance.pick(this.#cluster.coordinators);
  }

  #strike(host: Host): void {
    const { world } = this.#cluster;
    const { process } = host;
    if (process === undefined || !process.isAlive || process.isFrozen) return;
    if (this.#chance.happens(0.3)) {
      const forMs = this.#chance.between(freezeMs.least, freezeMs.most);
      world.note(`freeze ${process.name} for ${forMs.toFixed(0)} ms`);
      process.freeze(forMs);
      return;
    }
    this.#killForAWhile(host, this.#chance.happens(0.5));
  }

  #cut(): void {
    const { network, world, hosts } = this.#cluster;
    const from = this.#chance.pick(hosts).name;
    const to = this.#chance.pick(hosts).name;
    const isBothWays = this.#chance.happens(0.5);
    if (from === to) return;
    world.note(`cut ${from} ${isBothWays ? "and" : "to"} ${to}`);
    network.cut(from, to);
    if (isBothWays) network.cut(to, from);
    world.after(this.#chance.between(cutMs.least, cutMs.most), () => {
      network.mend(from, to);
      network.mend(to, from);
    });
  }

  #slowDown(): void {
    const { network, world, hosts, coordinators } = this.#cluster;
    const host = this.#chance.pick(hosts);
    host.slowness = this.#chance.between(2, slownessMax);
    const disk = this.#chance.pick(coordinators).disk;
    disk.slowness = this.#chance.between(2, slownessMax);
    network.faults.delayFactor = this.#chance.between(1, slowLinkFactor);
    world.note(`slow ${host.name}`);
    world.after(this.#chance.between(slowMs.least, slowMs.most), () => {
      host.slowness = 1;
      disk.slowness = this.#plan.diskSlowness;
      network.faults.delayFactor = 1;
    });
  }
}

const smallTalk: ReadonlySet<string> = new Set([
  "paxos",
  "replicaStatus",
  "replicaHello",
  "heartbeat",
  "welcome",
]);

function isSmallTalk(message: unknown): boolean {
  return smallTalk.has((message as { readonly type?: string }).type ?? "");
}
