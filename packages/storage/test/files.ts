/** Temporary files for the tests of this package. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordBatch } from "@fanfold/dataflow";
import type { InputRange, ReaderSpec } from "@fanfold/job";
import { afterAll } from "vitest";
import { createRecordSource, type RecordSourceLimits } from "../src/index.js";

/** A folder that is removed after the tests of the file that asks for it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fanfold-storage-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file and returns its path. */
export function fileOf(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The whole file as a range, or the part of it that is asked for. */
export function rangeOf(path: string, start = 0, end?: number): InputRange {
  const stats = statSync(path);
  return { path, start, end: end ?? stats.size, fileBytes: stats.size, modifiedMs: stats.mtimeMs };
}

export interface ReadRecord {
  readonly record: unknown;
  readonly offset: number;
}

/** All records of the ranges, with their offsets. */
export async function recordsOf(
  reader: ReaderSpec,
  ranges: readonly InputRange[],
  limits: RecordSourceLimits = {},
): Promise<ReadRecord[]> {
  const found: ReadRecord[] = [];
  for await (const batch of createRecordSource(reader, limits).batches({ ranges }))
    found.push(...recordsOfBatch(batch));
  return found;
}

function recordsOfBatch(batch: RecordBatch): ReadRecord[] {
  return batch.records.map((record, index) => ({ record, offset: batch.offsetOf(index) }));
}
