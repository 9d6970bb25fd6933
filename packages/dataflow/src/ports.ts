/**
 * What the way of a record asks of the world. `storage` implements the sources and sinks for files; tests use
 * arrays in memory.
 */
import type { FanfoldError, Split, WriterSpec } from "@fanfold/job";

/**
 * Some consecutive records of one file, in order. `records` are ready to hand to `map`; offsets are found only when
 * somebody asks, since most records never fail.
 */
export interface RecordBatch {
  /** Absolute path of the file they were read from. */
  readonly path: string;
  readonly records: readonly unknown[];
  /** Byte offset in the uncompressed file of the `index`-th record of this batch. */
  offsetOf(index: number): number;
  /** Records that could not be read, left out of `records`: of a source that was told to go on after them. */
  readonly malformed?: readonly FanfoldError[];
  /** Bytes read from the disk for this batch, for progress. */
  readonly inputBytes: number;
}

/** A split being read. Errors are `FanfoldError` with the file and offset in `details`. */
export interface RecordSource {
  /** Batches of some tens of kilobytes: more live records at once cost more in garbage collection. Returning early must release the file. */
  batches(split: Split): AsyncIterable<RecordBatch>;
}

/** One output file of one attempt, at a path of its own; nobody sees it before the job is published. */
export interface RecordSink {
  /** Appends one pair (main output). Synchronous and buffered; throws `OUTPUT_UNWRITABLE` or `DISK_FULL`. */
  writePair(key: unknown, value: unknown): void;
  /** Appends one value (named outputs). */
  writeValue(value: unknown): void;
  /** Flushes, fsyncs and closes. */
  close(): SinkSummary;
  /** Closes and removes the file. Never throws. */
  abort(): void;
}

export interface SinkSummary {
  readonly path: string;
  readonly bytes: number;
  readonly records: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
}

/** How an output is written: as its user says, or as typed pairs in the codecs of this package (`records`). */
export type InternalWriterSpec = WriterSpec | { readonly kind: "records" };

/** Opens the sink of one attempt's output; `fileStem` is the path without the writer's extension. */
export interface SinkFactory {
  open(writer: InternalWriterSpec, fileStem: string): RecordSink;
}
