/**
 * Draws one run's circumstances from its seed. Each run has its own mixture of a few kinds of faults (some of none,
 * some of one kind only), because a run with every fault at full strength never gets far enough for the rare mistakes.
 */
import { Random } from "../../src/random.js";

/** Units of virtual time a tick of a true clock lasts. */
export const unitsPerTick = 100;

export interface Plan {
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
  | "chain"
  | "star"
  | "heal"
  | "slowDisk"
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
];

export function planOf(seed: number): Plan {
  const random = new Random(seed ^ 0x9e3779b9);
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)]!;
  const changes = random.below(3) === 0;
  const kinds = pick(1, 2, 3, 5, 12);
  const faults: Fault[] = ["heal"];
  for (let i = 0; i < kinds; i++) faults.push(pick(...allFaults));
  // Most mistakes show when a leader is lost with something half done.
  if (random.below(2) === 0) faults.push("crashLeader", "isolateLeader", "pauseLeader");
  if (changes) for (let i = 0; i < 1 + kinds; i++) faults.push("changeMembers");
  return {
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
