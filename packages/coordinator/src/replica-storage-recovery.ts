/**
 * Decides what a replica's directory says after any crash, and refuses to say anything if part of it is missing.
 *
 * A crash may leave: a torn last frame, half-made files, and files that were about to be removed. All of these are
 * cut or passed over. Everything else that does not fit is damage: a replica that starts with less than it
 * acknowledged could break its promises, so the caller has to halt or to let it join anew.
 */
import { isDeepStrictEqual } from "node:util";
import type { DurableState, Slot } from "@fanfold/paxos";
import { isTemporary, type LogFiles } from "./log-files.js";
import { firstSequenceOf, logDamage, readSegment, type Segment, segmentName } from "./log-segment.js";
import { isSnapshotName, readSnapshot, snapshotName } from "./replica-snapshot-file.js";
import { noteRecord, type ReplicaFacts, slotsOf } from "./stored-record.js";

export interface RecoveredReplica {
  readonly stored: DurableState;
  readonly facts: ReplicaFacts;
  /** Oldest first; the last one is to be continued. */
  readonly segments: readonly Segment[];
  /** Files that mean nothing any more. */
  readonly leftovers: readonly string[];
}

/**
 * What the directory holds; undefined for no log.
 *
 * @throws `LOG_CORRUPT` with `file` and `offset` for anything that a crash cannot have left.
 */
export async function recoverReplica(files: LogFiles): Promise<RecoveredReplica | undefined> {
  const names = (await files.list()).sort();
  const firsts = names.map(firstSequenceOf).filter((first) => first !== undefined);
  const newest = firsts.at(-1);
  const snapshots = names.filter(isSnapshotName);
  if (newest === undefined) {
    if (snapshots[0] !== undefined) throw logDamage(snapshots[0], 0, "there is a snapshot, but no log");
    return undefined;
  }
  const start = startOf(await read(files, newest));
  const segments = await readRow(files, start, firsts);
  const { facts, slots } = replay(segments);
  const snapshot = facts.snapshot && (await readSnapshot(files, names, facts.snapshot));
  const { incarnation, voting, remembered, promised, decidedIndex, writes } = facts;
  const stored = {
    incarnation,
    voting,
    remembered: new Map(remembered),
    promised,
    slots,
    decidedIndex,
    snapshot,
    writes,
  };
  const leftovers = [
    ...names.filter(isTemporary),
    ...firsts.filter((first) => first < start).map(segmentName),
    ...snapshots.filter((name) => !facts.snapshot || name !== snapshotName(facts.snapshot)),
  ];
  return { stored, facts, segments, leftovers };
}

async function read(files: LogFiles, first: number): Promise<Segment> {
  const name = segmentName(first);
  const { buffer, byteOffset, byteLength } = await files.read(name);
  return readSegment(name, first, Buffer.from(buffer, byteOffset, byteLength));
}

/** Where the log starts, by its newest segment: earlier ones may be gone, or about to go. */
function startOf(newest: Segment): number {
  const facts = { ...newest.facts, remembered: new Map(newest.facts.remembered) };
  for (const record of newest.records) noteRecord(facts, record);
  return facts.firstSequence;
}

/** The segments from `start` on, none missing. */
async function readRow(files: LogFiles, start: number, firsts: readonly number[]): Promise<Segment[]> {
  const segments: Segment[] = [];
  let next = start;
  for (const first of firsts) {
    if (first < start) continue;
    const before = segments.at(-1);
    // Frames are missing at the end of the segment before, or whole segments behind it.
    if (first !== next && before !== undefined && !before.isSealed) {
      throw logDamage(before.name, before.end, `entries ${next} to ${first - 1} are missing`);
    }
    if (first !== next) throw logDamage(segmentName(next), 0, "the file is missing");
    const segment = await read(files, first);
    segments.push(segment);
    next = segment.next;
  }
  if (segments.length === 0 || segments.at(-1)!.isSealed) {
    throw logDamage(segmentName(next), 0, "the file is missing");
  }
  return segments;
}

function replay(segments: readonly Segment[]): { facts: ReplicaFacts; slots: Map<number, Slot> } {
  const slots = new Map<number, Slot>();
  const start = segments[0]!.facts;
  const facts = { ...start, remembered: new Map(start.remembered) };
  for (const segment of segments) {
    if (!isDeepStrictEqual(segment.facts, facts)) {
      throw logDamage(segment.name, 0, "it does not continue the file before it");
    }
    for (const record of segment.records) {
      noteRecord(facts, record);
      for (const [index, slot] of slotsOf(record)) slots.set(index, slot);
    }
  }
  return { facts, slots };
}
