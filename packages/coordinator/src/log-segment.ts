/**
 * Decides what a segment file of the log holds: its frames, where they end, and whether what lies behind is a torn
 * tail or damage.
 *
 * A segment is magic (8 bytes), salt (u32), frames. The first frame is a checkpoint of the facts. Behind the last
 * frame may lie a mark, an empty frame with the next number: it says that every frame before it was synced. The next
 * frame overwrites it.
 */
import { FanfoldError } from "@fanfold/job";
import { encodeFrame, frameAt, hasLaterFrame } from "./log-frame.js";
import { decodeStored, encodeStored, type ReplicaFacts, type StoredRecord } from "./stored-record.js";

const magic: Buffer = Buffer.from("FFPAXOS2", "latin1");
const segmentHeaderBytes: number = magic.length + 4;

export interface Segment {
  readonly name: string;
  /** Sequence number of the first frame. */
  readonly first: number;
  readonly salt: number;
  readonly facts: ReplicaFacts;
  /** The records of the frames behind the checkpoint. */
  readonly records: readonly StoredRecord[];
  /** Position behind the last frame that counts; a mark or a seal does not. */
  readonly end: number;
  /** Sequence number that the next frame has. */
  readonly next: number;
  readonly isSealed: boolean;
}

export function segmentName(first: number): string {
  return `log-${String(first).padStart(16, "0")}.wal`;
}

/** Sequence number of the first frame, or undefined if the file is no segment. */
export function firstSequenceOf(name: string): number | undefined {
  const digits = /^log-(\d{16})\.wal$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A segment with a checkpoint and nothing else. */
export function encodeNewSegment(salt: number, first: number, facts: ReplicaFacts): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes, magic);
  header.writeUInt32LE(salt, magic.length);
  return Buffer.concat([header, encodeRecords(salt, first, [{ type: "checkpoint", facts }])]);
}

export function encodeRecords(salt: number, sequence: number, records: readonly StoredRecord[]): Buffer {
  return encodeFrame(salt, sequence, encodeStored(records));
}

/** Says that every frame before `sequence` was synced; as long as the shortest frame, so the next one covers it. */
export function encodeMark(salt: number, sequence: number): Buffer {
  return encodeFrame(salt, sequence, new Uint8Array());
}

/** @throws `LOG_CORRUPT` for anything that a crash cannot have left. */
export function readSegment(name: string, first: number, bytes: Buffer): Segment {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    throw logDamage(name, 0, "this is not the start of a log file of this version");
  }
  const salt = bytes.readUInt32LE(magic.length);
  const records: StoredRecord[] = [];
  let isSealed = false;
  let end = segmentHeaderBytes;
  let next = first;
  for (;;) {
    const frame = frameAt(bytes, end, salt);
    if (frame === undefined) break;
    if (frame.sequence !== next) throw logDamage(name, end, `entry ${next} is missing`);
    if (frame.payload.length === 0) break;
    const group = decodeStored(frame.payload) as StoredRecord[];
    isSealed = group[0]?.type === "sealed";
    if (isSealed) break;
    for (const record of group) records.push(record);
    end = frame.end;
    next += 1;
  }
  if (hasLaterFrame(bytes, end, { salt, above: next })) {
    throw logDamage(name, end, `entry ${next} is unreadable, and it was followed by others`);
  }
  const checkpoint = records.shift();
  // The file got its name after its first frame was durable: no crash leaves it without.
  if (checkpoint?.type !== "checkpoint")
    throw logDamage(name, segmentHeaderBytes, "the first entry is unreadable");
  return { name, first, salt, facts: checkpoint.facts, records, end, next, isSealed };
}

/** The error for damage in a file of the log, by name. */
export function logDamage(file: string, offset: number, reason: string): FanfoldError {
  const message = `The replica's log is damaged: ${file}, byte ${offset}: ${reason}.`;
  return new FanfoldError("LOG_CORRUPT", message, { details: { file, offset, reason } });
}
