/**
 * A log snapshot as a file of its own, named by what is in it: `snapshot-<index>-<digest>`. A second snapshot of the
 * same index never replaces the first under the feet of a log that still names that one.
 */
import { createHash } from "node:crypto";
import type { LogSnapshot } from "@fanfold/paxos";
import { createWhole, type LogFiles } from "./log-files.js";
import { logDamage } from "./log-segment.js";
import { decodeStored, encodeStored, type SnapshotReference } from "./stored-record.js";

const namePattern = /^snapshot-\d{16}-[0-9a-f]{16}$/;

export function isSnapshotName(name: string): boolean {
  return namePattern.test(name);
}

export function snapshotName(snapshot: SnapshotReference): string {
  return `snapshot-${String(snapshot.index).padStart(16, "0")}-${snapshot.digest.slice(0, 16)}`;
}

/** Durable on return. */
export async function writeSnapshot(files: LogFiles, snapshot: LogSnapshot): Promise<SnapshotReference> {
  const bytes = encodeStored(snapshot);
  const reference = { index: snapshot.index, digest: digestOf(bytes) };
  const file = await createWhole(files, snapshotName(reference), bytes);
  await file.close();
  return reference;
}

/** @throws `LOG_CORRUPT` if it is not what was written. */
export async function readSnapshot(
  files: LogFiles,
  names: readonly string[],
  reference: SnapshotReference,
): Promise<LogSnapshot> {
  const name = snapshotName(reference);
  if (!names.includes(name)) throw logDamage(name, 0, "the log names this snapshot, and it is missing");
  const bytes = await files.read(name);
  if (digestOf(bytes) !== reference.digest) throw logDamage(name, 0, "the snapshot does not have its digest");
  return decodeStored(bytes) as LogSnapshot;
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
