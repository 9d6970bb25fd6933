/**
 * Draws one run's circumstances from its seed. Each run has its own mixture of a few kinds of faults (some of none,
 * some of one kind only), because a run with every fault at full strength never gets far enough for the rare mistakes.
 */
import { Random } from "../../src/random.js";

/** Units of virtual time a tick of a true clock lasts. */
export const unitsPerTick = 100;

/** What a run is about: everything at once, or the few circumstances in which some rule matters at all. */
export type Theme = "mixture" | "duel" | "members" | "leases" | "rollback" | "amnesia";

export interface Plan {
  readonly theme: Theme;
  /** Per 1000 election rounds of a replica: it campaigns whoever leads, so that reigns overlap. */
  readonly usurpers: number;
  readonly members: number;
  /** Replicas that may be added to the members later. */
  readonly spares: number;
  /** Besides one that only reads. */
  readonly clients: number;
  readonly keys: number;
  readonly electionTimeoutTicks: number;
  /** Time with faults, in ticks. */
  readonly faultTicks: number;
  /** Per 1000 messages. */
  readonly loss: number;
  readonly duplication: number;
  /** Per 1000 messages: an old message comes again, perhaps from before a restart. */
  readonly replay: number;
  /** Units. */
  readonly delayMax: number;
  /** Per 1000 messages: delayed ten times as long. */
  readonly stragglers: number;
  readonly diskDelayMax: number;
  /** Per 1000 writes: the machine fails before, during or after. */
  readonly crashOnWrite: number;
  /** Ticks between faults of the kinds below, on average; 0 for none. */
  readonly faultEvery: number;
  /** A machine that failed is back within so many ticks, half of the time. */
  readonly restartTicks: number;
  readonly faults: readonly Fault[];
  /** How far clock rates differ from true, in percent. */
  readonly skewPercent: number;
  /** Length of a lease, in election timeouts: long ones outlast the detection of a dead leader. */
  readonly leaseTimeouts: number;
  readonly snapshotEvery: number;
  readonly entriesKept: number;
  readonly openSlotsMax: number;
  readonly batchMax: number;
  readonly sessionsMax: number;
  readonly thinkTicks: number;
}

export type Fault =
  | "crash"
  | "crashLeader"
  | "crashAll"
  | "wipe"
  | "pause"
  | "pauseLeader"
  | "partition"
  | "isolateLeader"
  | "oneWay"
  /** Each sees its neighbours only: two leaders at the ends take turns at the promises of those between. */
  | "chain"
  | "star"
  | "heal"
  | "slowDisk"
  /** A membership change, and the old and the new quorum cut apart in the midst of it. */
  | "splitMembers"
  /** The leader is cut off from everybody but clients, and all others restart while it holds its lease. */
  | "leaseHeist"
  /** A leader whose disk is slow reaches one follower only, and fails; then that follower is cut off. */
  | "leaderForgets"
  /** An image of a disk is taken, and later put in the disk's place. */
  | "rollback"
  /** A replica promises, and loses its disk while its promise waits at the candidate. */
  | "amnesia"
  | "changeMembers";

const allFaults: readonly Fault[] = [
  "crash",
  "crashLeader",
  "crashAll",
  "wipe",
  "pause",
  "pauseLeader",
  "partition",
  "isolateLeader",
  "oneWay",
  "chain",
  "star",
  "slowDisk",
  "rollback",
];

/** Half of the runs are mixtures. */
const themes: readonly Theme[] = [
  ...Array<Theme>(5).fill("mixture"),
  "duel",
  "members",
  "leases",
  "rollback",
  "amnesia",
];

export function planOf(seed: number): Plan {
  const random = new Random(seed ^ 0x9e3779b9);
  const mixture = mixtureOf(random);
  const theme = themes[random.below(themes.length)]!;
  switch (theme) {
    case "mixture":
      return mixture;
    case "duel":
      return duelOf(mixture, random);
    case "members":
      return membersOf(mixture, random);
    case "leases":
      return leasesOf(mixture, random);
    case "rollback":
      return rollbackOf(mixture, random);
    case "amnesia":
      return amnesiaOf(mixture, random);
  }
}

/** Disks go back in time; whoever has heard of what was lost can say so in time. */
function rollbackOf(mixture: Plan, random: Random): Plan {
  return {
    ...mixture,
    theme: "rollback",
    members: 3,
    spares: 0,
    usurpers: 200 * random.below(2),
    leaseTimeouts: random.below(2),
    electionTimeoutTicks: 5,
    faults: ["rollback", "rollback", "rollback", "isolateLeader", "heal", "partition", "crashLeader"],
    faultEvery: 4,
    faultTicks: 250,
    loss: 0,
    stragglers: 0,
    delayMax: 60,
    diskDelayMax: 40,
    crashOnWrite: 0,
    skewPercent: 0,
    batchMax: 4,
    clients: 5,
    thinkTicks: 1,
  };
}

/** Five replicas, one of which at a time loses its disk in the midst of somebody's phase 1. */
function amnesiaOf(mixture: Plan, random: Random): Plan {
  return {
    ...mixture,
    theme: "amnesia",
    members: 5,
    spares: 0,
    usurpers: 0,
    leaseTimeouts: 0,
    electionTimeoutTicks: 3,
    faults: ["amnesia"],
    faultEvery: 10 + 5 * random.below(2),
    faultTicks: 250,
    loss: 0,
    stragglers: 0,
    delayMax: 40,
    diskDelayMax: 20,
    crashOnWrite: 0,
    skewPercent: 0,
    clients: 3,
  };
}

/** Kinds of duels: slow disks that fail in the midst of a write, a network that loses a lot, a leader that forgets. */
const duels: readonly Partial<Plan>[] = [
  { members: 3, crashOnWrite: 150, diskDelayMax: 400, delayMax: 60, loss: 30, restartTicks: 2 },
  { members: 5, crashOnWrite: 0, diskDelayMax: 20, delayMax: 300, loss: 300, restartTicks: 6 },
  {
    members: 3,
    usurpers: 0,
    crashOnWrite: 0,
    diskDelayMax: 40,
    delayMax: 40,
    stragglers: 0,
    loss: 0,
    faults: ["leaderForgets"],
    faultEvery: 20,
    faultTicks: 250,
  },
];

/** Several replicas lead at once, one ballot after the other, with no lease to keep them apart. */
function duelOf(mixture: Plan, random: Random): Plan {
  const faults: Fault[] = ["chain", "chain", "chain", "heal", "crash", "oneWay", "wipe"];
  return {
    ...mixture,
    theme: "duel",
    usurpers: 100 + 200 * random.below(3),
    leaseTimeouts: 0,
    electionTimeoutTicks: 3,
    faults,
    faultEvery: 4 + 4 * random.below(2),
    ...duels[random.below(duels.length)],
    batchMax: 1,
    entriesKept: 8,
    snapshotEvery: 40,
    clients: 5,
    thinkTicks: 1,
  };
}

/** Members change all the time, in small steps of the log, and the quorums of before and after are cut apart. */
function membersOf(mixture: Plan, random: Random): Plan {
  return {
    ...mixture,
    theme: "members",
    members: 3,
    spares: 2,
    usurpers: 200 * random.below(2),
    leaseTimeouts: 0,
    electionTimeoutTicks: 3,
    faults: ["splitMembers", "splitMembers", "heal", "changeMembers", "crashLeader"],
    faultEvery: 8 + 6 * random.below(2),
    loss: 50 + 100 * random.below(3),
    crashOnWrite: 0,
    skewPercent: 0,
    batchMax: 1,
    openSlotsMax: 8,
    entriesKept: 8,
    snapshotEvery: 40,
    clients: 5,
    thinkTicks: 1,
  };
}

/** Leases far longer than an election, and everything that might forget them. */
function leasesOf(mixture: Plan, random: Random): Plan {
  return {
    ...mixture,
    theme: "leases",
    leaseTimeouts: 6 + 4 * random.below(2),
    electionTimeoutTicks: 3,
    faults: ["leaseHeist", "leaseHeist", "heal", "pauseLeader", "isolateLeader"],
    faultEvery: 8 + 8 * random.below(2),
    loss: 20 * random.below(2),
    stragglers: 0,
    delayMax: 60,
    diskDelayMax: 30,
    crashOnWrite: 0,
    clients: 5,
    keys: 1,
    thinkTicks: 1,
    spares: 0,
  };
}

function mixtureOf(random: Random): Plan {
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)]!;
  const changes = random.below(3) === 0;
  const kinds = pick(1, 2, 3, 5, 12);
  const faults: Fault[] = ["heal"];
  for (let i = 0; i < kinds; i++) faults.push(pick(...allFaults));
  // Most mistakes show when a leader is lost with something half done.
  if (random.below(2) === 0) faults.push("crashLeader", "isolateLeader", "pauseLeader");
  if (changes) for (let i = 0; i < 1 + kinds; i++) faults.push("changeMembers");
  return {
    theme: "mixture",
    usurpers: 0,
    members: pick(3, 3, 5),
    spares: changes ? pick(1, 2) : 0,
    clients: pick(2, 3, 5),
    keys: pick(1, 1, 2),
    electionTimeoutTicks: pick(3, 5, 5, 5),
    faultTicks: pick(100, 150, 250),
    loss: pick(0, 0, 30, 100, 250),
    duplication: pick(0, 0, 50, 300),
    replay: pick(0, 0, 30, 200),
    delayMax: pick(30, 100, 250, 600),
    stragglers: pick(0, 0, 20, 100, 400),
    diskDelayMax: pick(10, 60, 300),
    crashOnWrite: pick(0, 0, 20, 80),
    faultEvery: pick(0, 4, 8, 15),
    restartTicks: 6,
    faults,
    skewPercent: pick(0, 0, 4),
    leaseTimeouts: pick(1, 2, 4, 8),
    snapshotEvery: pick(5, 12, 40),
    entriesKept: pick(0, 2, 8),
    openSlotsMax: pick(2, 8, 32),
    batchMax: pick(1, 4, 64),
    sessionsMax: pick(3, 8, 64),
    thinkTicks: pick(1, 1, 4),
  };
}
