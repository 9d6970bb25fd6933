/**
 * Decides how a replica's records look in its log, and what must outlive the slots when old ones are dropped.
 *
 * Values are written with V8's structured clone, not msgpack: commands, results and states are the state machine's,
 * and one that comes back changed (-0, a lone surrogate, a Map, a key `__proto__`) would make this replica differ
 * from its peers after a restart. What cannot come back is refused at once.
 */
import { deserialize, serialize } from "node:v8";
import { type Ballot, type DurableRecord, type ReplicaId, type Slot, zeroBallot } from "@fanfold/paxos";

/** A log snapshot is a file of its own; the log names it. */
export interface SnapshotReference {
  readonly index: number;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly digest: string;
}

/** Whose log it is. Part of the first record of every file, so nobody goes on with the disk of another. */
export interface LogOwner {
  readonly replica: ReplicaId;
  /** The name that the cluster's first reign gave it; null until this replica has learned it. */
  readonly cluster: string | null;
}

/** Everything the log says but for the slots. Each segment starts with it, so earlier segments can go. */
export interface ReplicaFacts {
  owner: LogOwner;
  incarnation: number;
  voting: boolean;
  readonly remembered: Map<ReplicaId, number>;
  promised: Ballot;
  decidedIndex: number;
  /** Writes since the storage was new, as the replica counts them. */
  writes: number;
  snapshot: SnapshotReference | undefined;
  /** Where the log starts: the name of its first segment. Whatever lies before it is waiting to be removed. */
  firstSequence: number;
}

export type StoredRecord =
  | Exclude<DurableRecord, { readonly type: "snapshot" }>
  /** A `snapshot` record. Its file is durable before this is written. */
  | { readonly type: "snapshotFile"; readonly snapshot: SnapshotReference }
  /** A `snapshot` record that a later one of the same frame replaces: it has no file. */
  | { readonly type: "snapshotReplaced"; readonly index: number }
  /** First record of every segment. */
  | { readonly type: "checkpoint"; readonly facts: ReplicaFacts }
  /** Segments before this one are not needed any more. Durable before the first of them is removed. */
  | { readonly type: "startsAt"; readonly firstSequence: number }
  /** The replica has learned the cluster's name. */
  | { readonly type: "clusterNamed"; readonly cluster: string }
  /** Last record of a segment. The next one is durable, so if that is not there, it was lost. */
  | { readonly type: "sealed" };

/** What the log of a replica says before anything is written. */
export function noFacts(replica: ReplicaId): ReplicaFacts {
  return {
    owner: { replica, cluster: null },
    incarnation: 0,
    voting: false,
    remembered: new Map(),
    promised: zeroBallot,
    decidedIndex: 0,
    writes: 0,
    snapshot: undefined,
    firstSequence: 1,
  };
}

/** Adds one record to the facts; ends where `applyRecord` of paxos ends. */
export function noteRecord(facts: ReplicaFacts, record: StoredRecord): void {
  switch (record.type) {
    case "incarnation":
      facts.incarnation = record.incarnation;
      facts.voting = record.voting;
      break;
    case "remembered":
      facts.remembered.set(record.replica, record.incarnation);
      break;
    case "promised":
      facts.promised = record.ballot;
      break;
    case "learned":
      facts.decidedIndex = Math.max(facts.decidedIndex, record.first + record.slots.length - 1);
      break;
    case "decided":
      facts.decidedIndex = record.index;
      break;
    case "snapshotFile":
      facts.snapshot = record.snapshot;
      facts.decidedIndex = Math.max(facts.decidedIndex, record.snapshot.index);
      break;
    case "snapshotReplaced":
      facts.decidedIndex = Math.max(facts.decidedIndex, record.index);
      break;
    case "mark":
      facts.writes = record.writes;
      break;
    case "startsAt":
      facts.firstSequence = record.firstSequence;
      break;
    case "clusterNamed":
      facts.owner = { ...facts.owner, cluster: record.cluster };
      break;
    case "accepted":
    case "checkpoint":
    case "sealed":
      break;
  }
}

/** The slots that a record stores. */
export function slotsOf(record: StoredRecord): readonly (readonly [index: number, slot: Slot])[] {
  if (record.type === "accepted") return [[record.index, record.slot]];
  if (record.type === "learned") return record.slots.map((slot, i) => [record.first + i, slot]);
  return [];
}

/** The highest index among the slots that a record stores, 0 if none. */
export function highestSlotOf(record: StoredRecord): number {
  if (record.type === "accepted") return record.index;
  if (record.type === "learned" && record.slots.length > 0) return record.first + record.slots.length - 1;
  return 0;
}

export function encodeStored(value: unknown): Uint8Array {
  return serialize(value);
}

/** What {@link encodeStored} was given. The bytes must have passed their checksum. */
export function decodeStored(bytes: Uint8Array): unknown {
  // A copy, since decoded byte arrays are views: they would keep the whole file they come from in memory.
  return deserialize(Buffer.from(bytes));
}
