/**
 * What the way of a record asks of the world. `storage` implements the sources and sinks for files; tests use
 * arrays in memory.
 */
import type { FanfoldError, Split, WriterSpec } from "@fanfold/job";
import type { FieldLayout } from "./field-scanner.js";
import type { Numbers } from "./text-numberer.js";

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
  /** Set by readers that give equal records the same string: the number of each record's text. */
  readonly numbered?: Numbers | undefined;
  /** Set by readers that make records only when asked for them: what they are made of. */
  readonly block?: RecordBlock;
  /** The same of records of one size, one behind the other. */
  readonly fixed?: FixedBlock;
}

export interface FixedBlock {
  readonly bytes: Buffer;
  readonly count: number;
  /** Bytes of a record, and how many of them, in front, are the key. */
  readonly size: number;
  readonly keyBytes: number;
}

/** What lines are made of, for mappers that need no record. */
export type BlockLayout = { readonly kind: "words" } | FieldLayout;

/** Whole lines of valid UTF-8, and how they are to be read. */
export interface RecordBlock {
  readonly layout: BlockLayout;
  /** `bytes[start, end)`; valid until the next batch is asked for. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** The records of the line that starts at `start`, made the ordinary way, and where the next line starts. */
  lineAt(start: number): { readonly batch: RecordBatch; readonly end: number };
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
  /**
   * Appends a pair whose key and value are still encoded, without their being decoded; false, and nothing done, when it
   * cannot be told from the bytes alone how the pair looks. Sinks that could never tell leave it out.
   */
  writeRaw?(pair: RawPair): boolean;
  /** How `writeGathered` wants its bytes. */
  readonly gathers?: GatheredLayout;
  /**
   * Appends `bytes[start, end)`, which hold `records` pairs as this sink writes them; of pairs for which `writeRaw` would
   * have done the same. The bytes may be reused at once.
   */
  writeGathered?(bytes: Buffer, start: number, end: number, records: number): void;
  /** How this sink writes a pair of text and a whole number, where that is a line that a kernel can make. */
  readonly foldedLines?: FoldedLines;
  /** Appends `bytes[start, end)`, so many such lines. The bytes may be reused at once. */
  writeLines?(bytes: Buffer, start: number, end: number, lines: number): void;
  /** Appends one value (named outputs). */
  writeValue(value: unknown): void;
  /** Waits for what the sink does beside the caller; to be awaited before `close`. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL` */
  settled?(): Promise<void>;
  /** Flushes, fsyncs and closes. */
  close(): SinkSummary;
  /** Closes and removes the file. Never throws. */
  abort(): void;
}

/** What a kernel can put together: key and value as bytes, of one size together; or values that are text, a line each. */
export type GatheredLayout =
  | { readonly kind: "fixedRecords"; readonly bytes: number }
  | { readonly kind: "textLines" };
/** Key, tab, number; or an object of `key` and `value`. */
export type FoldedLines = "tsv" | "jsonLines";

/** What the bytes of a raw key or value are: UTF-8 text, bytes, or nothing at all (`null` and `undefined`). */
export type RawKind = "text" | "bytes" | "none";

/** A pair as bytes; valid only while it is being written. */
export interface RawPair {
  readonly bytes: Buffer;
  readonly keyKind: RawKind;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueKind: RawKind;
  readonly valueStart: number;
  readonly valueEnd: number;
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
