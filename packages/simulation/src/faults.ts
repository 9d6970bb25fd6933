/** What may go wrong, and how much of it one seed gets. */
import type { Chance } from "./chance.js";

/** The faults that the caller wants; every seed has a mixture of its own. */
export interface Faults {
  /** Workers are killed, with their host or alone, or frozen; they come back. */
  readonly killWorkers: boolean;
  /** The leading coordinator likewise; what its disk had not synced may be lost. */
  readonly killLeader: boolean;
  /** Hosts cannot reach each other for a while, one way or both. */
  readonly partition: boolean;
  /** Slow hosts, slow disks, slow links. */
  readonly slow: boolean;
  /** Of messages, from 0 to below 1. */
  readonly lossRate: number;
}

export const allFaults: Faults = {
  killWorkers: true,
  killLeader: true,
  partition: true,
  slow: true,
  lossRate: 0.02,
};

export const noFaults: Faults = {
  killWorkers: false,
  killLeader: false,
  partition: false,
  slow: false,
  lossRate: 0,
};

/** What one seed does with them. */
export interface FaultPlan {
  /** Faults come for so long; then everything is healed. */
  readonly untilMs: number;
  /** Mean pause between two of a kind; undefined for none of it. */
  readonly killWorkerEveryMs: number | undefined;
  readonly killLeaderEveryMs: number | undefined;
  readonly cutEveryMs: number | undefined;
  readonly slowEveryMs: number | undefined;
  readonly lossRate: number;
  /** The worker that publishes dies in the midst of it so many times. */
  readonly publishCrashes: number;
  /** How many times the usual time each task takes. */
  readonly taskLength: number;
  /** How long a silent worker is waited for; the shorter, the more of them come back as zombies. */
  readonly leaseMs: number;
  /** How many times the usual time a sync takes on every coordinator. */
  readonly diskSlowness: number;
  /** Each segment is held by so many workers, unless the job says. */
  readonly shuffleReplicas: number;
}

/** In many seeds the job is over before the worst; in some it is still young when everything is healed. */
const taskLengths = [1, 1, 3, 10] as const;
const leasesMs = [800, 2_000, 5_000] as const;
/** Seeds in which the coordinators have slow disks from the start. */
const slowDisks = 0.3;
/** Seeds in which map outputs are held twice. */
const twiceHeld = 0.25;
/** Faults that are not asked for never come; those that are, in nine seeds of ten. */
const presence = 0.9;

export function planFaults(faults: Faults, chance: Chance): FaultPlan {
  const every = (isWanted: boolean, least: number, most: number): number | undefined => {
    const meanMs = chance.between(least, most);
    return chance.happens(presence) && isWanted ? meanMs : undefined;
  };
  return {
    untilMs: chance.between(600, 4_000),
    killWorkerEveryMs: every(faults.killWorkers, 100, 1_200),
    killLeaderEveryMs: every(faults.killLeader, 500, 3_000),
    cutEveryMs: every(faults.partition, 300, 2_000),
    slowEveryMs: every(faults.slow, 200, 1_500),
    lossRate: faults.lossRate * chance.between(0.2, 1),
    publishCrashes: faults.killWorkers ? chance.below(3) : 0,
    taskLength: chance.pick(taskLengths),
    leaseMs: chance.pick(leasesMs),
    diskSlowness: faults.slow && chance.happens(slowDisks) ? chance.between(2, 40) : 1,
    shuffleReplicas: chance.happens(twiceHeld) ? 2 : 1,
  };
}
