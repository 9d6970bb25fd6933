/**
 * What replicas say to each other. Any message may be lost, repeated, delayed or reordered; none may be forged.
 *
 * Values that only the user's state machine understands (commands, results, states) are `unknown` here: they are
 * carried, compared with nothing, and handed back.
 */
import type { Ballot, ReplicaId } from "./ballot.js";

/** What a slot of the log holds. */
export type Entry =
  /** Fills a gap, or proves to a read that its leader still leads. */
  | { readonly type: "noop" }
  /** The first new entry of each reign: once decided, everything earlier reigns decided is decided here too. */
  | { readonly type: "reign"; readonly ballot: Ballot }
  /** Opens a client session; the session's name is the index this entry is decided at. */
  | { readonly type: "open"; readonly request: string }
  /** A command of the state machine. `session` 0 is none: applied each time it is decided. */
  | {
      readonly type: "command";
      readonly session: number;
      readonly sequence: number;
      readonly command: unknown;
    }
  /** From the next slot on, these replicas decide. */
  | { readonly type: "members"; readonly members: readonly ReplicaId[] };

/** An entry with the ballot it was accepted in. */
export interface Slot {
  readonly ballot: Ballot;
  readonly entry: Entry;
}

/** What became of a command; the same for every retry. */
export type Outcome =
  | { readonly type: "applied"; readonly index: number; readonly result: unknown }
  | { readonly type: "opened"; readonly session: number }
  /** The session was evicted or never opened. The command was not applied by this entry. */
  | { readonly type: "sessionExpired" }
  /** The sequence number is below those the session remembers: the command was not applied by this entry. */
  | { readonly type: "sequenceStale" };

/** One client's sequence numbers that were applied, with their results; part of a log snapshot. */
export interface SessionRecord {
  readonly session: number;
  /** Index of the last entry of this session: the session least recently used is the first to go. */
  readonly usedAt: number;
  /** Every sequence number up to this one counts as used. */
  readonly floor: number;
  readonly outcomes: readonly (readonly [sequence: number, outcome: Outcome])[];
}

/** Everything the entries up to `index` amount to. */
export interface LogSnapshot {
  readonly index: number;
  readonly members: readonly ReplicaId[];
  /** The ballot of the latest `reign` entry among them. */
  readonly reign: Ballot;
  readonly sessions: readonly SessionRecord[];
  /** What the state machine's `snapshot()` returned after entry `index`. */
  readonly state: unknown;
}

/** A state machine's checksum after entry `index`. */
export interface StateChecksum {
  readonly index: number;
  readonly value: number;
}

/**
 * What a replica's disk has made durable, in writes since it was new. Stamped on every message that counts as it
 * leaves. Absent in messages of a replica that keeps no count: they are taken as they are.
 */
export interface DiskMark {
  /** Which start of the replica speaks: a random number, not kept. */
  readonly boot: number;
  /** Writes this start found on the disk. */
  readonly found: number;
  /** Writes that are durable now. */
  readonly durable: number;
}

interface Marked {
  readonly disk?: DiskMark;
}

/**
 * Any replica → every member, several times an election timeout. The receiver answers at once.
 * `sentAt` is the sender's clock in ticks; the reply echoes it, so that a lease counts from the question.
 */
export interface Heartbeat extends Marked {
  readonly type: "heartbeat";
  readonly sentAt: number;
  /** The ballot the sender leads in and wants a lease for, or undefined. */
  readonly leading: Ballot | undefined;
  readonly decidedIndex: number;
  readonly incarnation: number;
}

/** The answer to a heartbeat: proof of a two-way link, and the replier's view of who leads. */
export interface HeartbeatReply extends Marked {
  readonly type: "heartbeatReply";
  readonly sentAt: number;
  /** The start of the asker that is answered. */
  readonly asker?: number;
  /** The latest ballot the replier promised or follows. */
  readonly leader: Ballot;
  /** Whether the replier leads with a quorum behind it, tries to, or hears from a leader that says so. */
  readonly happy: boolean;
  /** Whether the replier itself leads in that ballot: a quorum has promised it. */
  readonly leads: boolean;
  /** False while the replier's storage is not to be trusted: then it counts for no quorum. */
  readonly voting: boolean;
  /** The ballot to whose leader alone the replier will promise anything for a lease from now. */
  readonly leased: Ballot | undefined;
  readonly decidedIndex: number;
  readonly checksum: StateChecksum | undefined;
  readonly incarnation: number;
}

/** Phase 1a for all slots at once. New leader → members, repeated until they answer. */
export interface Prepare extends Marked {
  readonly type: "prepare";
  readonly ballot: Ballot;
}

/**
 * Phase 1b. Sent after the promise is durable. Slots up to `decidedIndex` are chosen and not listed: the new leader
 * learns those by catching up. `remembered` names the latest incarnation of each replica that the sender has
 * durably seen: a promise from an earlier incarnation, whose memory is lost, is void.
 */
export interface Promised extends Marked {
  readonly type: "promise";
  readonly ballot: Ballot;
  /** The start of the candidate that asked: one whose disk went back in time may use a ballot again. */
  readonly asker?: number;
  readonly decidedIndex: number;
  readonly accepted: readonly (readonly [index: number, slot: Slot])[];
  readonly incarnation: number;
  readonly remembered: readonly (readonly [ReplicaId, number])[];
}

/**
 * Phase 2a for the slots `first, first + 1, …`. Leader → members. Every slot before `base` was decided before this
 * reign; every slot from `base` on is proposed in it. Also tells how far the leader knows the log to be decided.
 */
export interface Accept extends Marked {
  readonly type: "accept";
  readonly ballot: Ballot;
  readonly base: number;
  readonly first: number;
  readonly entries: readonly Entry[];
  readonly decidedIndex: number;
}

/**
 * Phase 2b. Sent after the entries are durable. Cumulative: the sender has accepted, in this ballot, every slot
 * from the reign's base to `upTo`, but for those that this ballot's leader said it has enough votes for.
 */
export interface Accepted extends Marked {
  readonly type: "accepted";
  readonly ballot: Ballot;
  readonly upTo: number;
  readonly incarnation: number;
}

/** Acceptor → whoever used `ballot`, when it has promised a later one. A leader refused by too many steps down. */
export interface Rejected {
  readonly type: "rejected";
  readonly ballot: Ballot;
  readonly promised: Ballot;
}

/** Leader → a member that has nothing else coming: `decidedIndex` as in {@link Accept}. */
export interface Decided {
  readonly type: "decided";
  readonly ballot: Ballot;
  readonly decidedIndex: number;
}

/** A replica that is behind → any replica that is ahead. Answered with `entries` or a `snapshot`. */
export interface Fetch {
  readonly type: "fetch";
  readonly from: number;
}

/** Decided slots `first, first + 1, …`, to be learned as they are. */
export interface Entries {
  readonly type: "entries";
  readonly first: number;
  readonly slots: readonly Slot[];
  readonly decidedIndex: number;
}

/** In place of entries that the sender has truncated. */
export interface SnapshotMessage {
  readonly type: "snapshot";
  readonly snapshot: LogSnapshot;
  readonly decidedIndex: number;
}

/** A replica with an empty storage → all others, until enough have answered: "do you remember me?" */
export interface JoinRequest {
  readonly type: "joinRequest";
}

/** The incarnation of the asker that the sender durably remembers, 0 if none. */
export interface JoinReply {
  readonly type: "joinReply";
  readonly remembered: number;
}

/**
 * A replica that lost its memory → all others: "I am a new incarnation, void what the old one promised". `above`:
 * it may vote once it has seen a reign later than this; a leader in an earlier one begins a new reign for it.
 */
export interface Announce {
  readonly type: "announce";
  readonly incarnation: number;
  readonly above: Ballot | undefined;
}

/** Sent after the announced incarnation is durable at the sender; `promised` is its promise at that moment. */
export interface AnnounceReply {
  readonly type: "announceReply";
  readonly incarnation: number;
  readonly promised: Ballot;
}

/**
 * To a replica whose storage went back in time: it spoke as an earlier incarnation than the one remembered, or as a
 * start, `boot`, that found fewer writes on its disk than were told before.
 */
export interface Stale {
  readonly type: "stale";
  readonly remembered: number;
  readonly boot?: number;
}

export type Message =
  | Heartbeat
  | HeartbeatReply
  | Prepare
  | Promised
  | Accept
  | Accepted
  | Rejected
  | Decided
  | Fetch
  | Entries
  | SnapshotMessage
  | JoinRequest
  | JoinReply
  | Announce
  | AnnounceReply
  | Stale;
