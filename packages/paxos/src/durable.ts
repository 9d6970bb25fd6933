/**
 * Decides what a replica must find again after a crash, and how a storage rebuilds it from the records it kept.
 *
 * A storage appends the records of each `persist` effect in order and may lose only a suffix of what it has not yet
 * acknowledged. Reading them back through {@link applyRecord} gives the state to restart from. A storage that
 * keeps something cleverer than a list (a table, a compacted file) must end at the same state.
 */
import { type Ballot, type ReplicaId, zeroBallot } from "./ballot.js";
import type { LogSnapshot, Slot } from "./messages.js";

export type DurableRecord =
  /** This storage belongs to the given incarnation of its replica; `voting` is false until its memory is whole. */
  | { readonly type: "incarnation"; readonly incarnation: number; readonly voting: boolean }
  /** A peer has announced itself as this incarnation. */
  | { readonly type: "remembered"; readonly replica: ReplicaId; readonly incarnation: number }
  /** Nothing before this ballot is promised or accepted any more. */
  | { readonly type: "promised"; readonly ballot: Ballot }
  /** A vote. Replaces an earlier one of the same index. */
  | { readonly type: "accepted"; readonly index: number; readonly slot: Slot }
  /**
   * The slots `first, first + 1, …` and all before are chosen: taken over from a peer. One record on purpose: such a
   * slot without the knowledge that it is chosen would pass for a vote, in a ballot that is not this replica's.
   */
  | { readonly type: "learned"; readonly first: number; readonly slots: readonly Slot[] }
  /** Every slot up to `index` is chosen as stored. */
  | { readonly type: "decided"; readonly index: number }
  /** Stands for every entry up to its index. */
  | { readonly type: "snapshot"; readonly snapshot: LogSnapshot }
  /** Ends each write: how many there were, this one included. Tells a disk from an older image of it. */
  | { readonly type: "mark"; readonly writes: number };

/** What the records add up to. */
export interface DurableState {
  /** 0 for an empty storage. */
  readonly incarnation: number;
  readonly voting: boolean;
  readonly remembered: ReadonlyMap<ReplicaId, number>;
  readonly promised: Ballot;
  readonly slots: ReadonlyMap<number, Slot>;
  readonly decidedIndex: number;
  readonly snapshot: LogSnapshot | undefined;
  /** Writes since the storage was new. */
  readonly writes: number;
}

/** A storage that has never been written. */
export const emptyStorage: DurableState = {
  incarnation: 0,
  voting: false,
  remembered: new Map(),
  promised: zeroBallot,
  slots: new Map(),
  decidedIndex: 0,
  snapshot: undefined,
  writes: 0,
};

/** The state after `records`, in the order they were persisted. Linear in their number. */
export function recoverState(records: Iterable<DurableRecord>): DurableState {
  const state = { ...emptyStorage, remembered: new Map<ReplicaId, number>(), slots: new Map<number, Slot>() };
  for (const record of records) applyRecord(state, record);
  return state;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A durable state under construction. */
export type DurableStateDraft = Mutable<Omit<DurableState, "remembered" | "slots">> & {
  readonly remembered: Map<ReplicaId, number>;
  readonly slots: Map<number, Slot>;
};

/** Adds one record to a state under construction. */
export function applyRecord(state: DurableStateDraft, record: DurableRecord): void {
  switch (record.type) {
    case "incarnation":
      state.incarnation = record.incarnation;
      state.voting = record.voting;
      break;
    case "remembered":
      state.remembered.set(record.replica, record.incarnation);
      break;
    case "promised":
      state.promised = record.ballot;
      break;
    case "accepted":
      state.slots.set(record.index, record.slot);
      break;
    case "learned":
      record.slots.forEach((slot, i) => {
        state.slots.set(record.first + i, slot);
      });
      state.decidedIndex = Math.max(state.decidedIndex, record.first + record.slots.length - 1);
      break;
    case "decided":
      state.decidedIndex = record.index;
      break;
    case "snapshot":
      state.snapshot = record.snapshot;
      state.decidedIndex = Math.max(state.decidedIndex, record.snapshot.index);
      break;
    case "mark":
      state.writes = record.writes;
      break;
  }
}
