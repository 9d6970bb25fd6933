/** What a replica is told once: who it is, whom it starts with, and a limit on everything. */
import type { ReplicaId } from "./ballot.js";

export interface ReplicaOptions {
  readonly id: ReplicaId;
  /** The members the cluster starts with; once entries are decided, the log says who they are. */
  readonly members: readonly ReplicaId[];
  /**
   * Where this replica's random choices begin. Give each start its own: it also tells one start from another, without
   * which peers cannot notice that this replica's disk was put back to an earlier state.
   */
  readonly seed: number;
  /**
   * True when the operator creates a cluster, or starts a replica of a name never used before: an empty storage is
   * then believed, unless a peer remembers this replica. Default false: an empty storage is a lost one.
   */
  readonly bootstrap?: boolean;
  /**
   * A round of the leader election, in ticks; rounds last up to twice as long where answers are slow. A dead leader is
   * replaced within four rounds. Default 10.
   */
  readonly electionTimeoutTicks?: number;
  /** How long an acceptor stands by a lease it granted, by its own clock. Default two election timeouts. */
  readonly leaseTicks?: number;
  /** The bound on clock drift: any clock's rate is within `1 ± clockDrift` of true. Default 0.05. */
  readonly clockDrift?: number;
  /** Ticks without an answer before something is sent again. Default 3. */
  readonly retransmitTicks?: number;
  /** Slots proposed and not yet decided, at most. Default 1024: some milliseconds of work at full speed. */
  readonly openSlotsMax?: number;
  /** Proposals waiting for a slot, at most; more are refused as overload. Default 4096. */
  readonly queueMax?: number;
  /** Entries in one message, at most. Default 256: large enough to amortise a write, small enough to interleave. */
  readonly batchMax?: number;
  /** Messages to one follower that are not yet acknowledged, at most; beyond it, entries gather into batches. Default 4. */
  readonly pipelineMax?: number;
  /** A log snapshot is taken each time this many entries were applied. Default 10,000. */
  readonly snapshotEvery?: number;
  /** Entries kept below a snapshot, so that a replica a little behind needs no snapshot. Default 1000. */
  readonly entriesKept?: number;
  /** Client sessions remembered; the least recently used is evicted. Default 10,000. */
  readonly sessionsMax?: number;
  /** Outcomes remembered a session, and so the commands a client may have open at once. Default 16. */
  readonly outcomesPerSession?: number;
  /** Checksums of the state are compared each time this many entries were applied. Default 1000. */
  readonly checksumEvery?: number;
}

export type Settings = Required<ReplicaOptions>;

/** Between two heartbeats: three to a round, so that one may be lost. */
export function heartbeatTicks({ electionTimeoutTicks }: Settings): number {
  return Math.max(1, Math.floor((electionTimeoutTicks + 1) / 3));
}

/** Fills in the defaults. */
export function settingsOf(options: ReplicaOptions): Settings {
  const electionTimeoutTicks = options.electionTimeoutTicks ?? 10;
  return {
    bootstrap: false,
    electionTimeoutTicks,
    leaseTicks: 2 * electionTimeoutTicks,
    clockDrift: 0.05,
    retransmitTicks: 3,
    openSlotsMax: 1024,
    queueMax: 4096,
    batchMax: 256,
    pipelineMax: 4,
    snapshotEvery: 10_000,
    entriesKept: 1000,
    sessionsMax: 10_000,
    outcomesPerSession: 16,
    checksumEvery: 1000,
    ...options,
  };
}
