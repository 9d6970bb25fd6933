/** What an attempt is given, and what it gives back: the face of this package to the worker. */
import type { AnyJob, JobLog, Split } from "@fanfold/job";
import type { SegmentSlice } from "./block-reader.js";
import type { RecordSource, SinkFactory, SinkSummary } from "./ports.js";
import type { Compression, SegmentSummary } from "./segment-writer.js";
import type { SkipSummary } from "./skips.js";

export interface AttemptOptions {
  readonly job: AnyJob;
  readonly jobId: string;
  readonly stage: "sample" | "map" | "reduce";
  readonly taskIndex: number;
  readonly attempt: number;
  /** Already validated. */
  readonly params: unknown;
  /** Budget for the buffers of this attempt; less than `memoryBytesMin` counts as that. */
  readonly memoryBytes: number;
  /** Exists, empty, of this attempt alone: spills and the segment file. */
  readonly workDir: string;
  /** Exists, of this attempt alone: output files. */
  readonly outputDir: string;
  /** Whether the main pairs are also written as typed records (file stem `records`). */
  readonly collectRecords: boolean;
  /** Bad records that the job may skip; 0 or nothing: none. */
  readonly skipBadRecords?: number | undefined;
  /** Drops the frames of a stack that are not the user's; for what is saved of skipped records. */
  readonly userStack?: ((stack: string) => string) | undefined;
  readonly log: JobLog;
  readonly signal: AbortSignal;
  /** Called at most every 100 ms or so. */
  readonly onProgress: (progress: AttemptProgress) => void;
}

export interface MapAttemptOptions extends AttemptOptions {
  readonly split: Split;
  /** 0 for a map-only job, whose pairs go to the main output. */
  readonly partitions: number;
  /** Range partitioning: encoded keys, ascending, at most `partitions - 1`. */
  readonly boundaries: readonly Uint8Array[] | undefined;
  /** Default `auto`; `none` when segments never leave this host. */
  readonly compression?: Compression | undefined;
}

export interface SampleAttemptOptions extends MapAttemptOptions {
  /** About how many records to sample from this split. */
  readonly sampleRecordsMax: number;
}

export interface ReduceAttemptOptions extends AttemptOptions {
  readonly partition: number;
  /** One a map task, in any order. */
  readonly segments: readonly SegmentSlice[];
}

export interface AttemptPorts {
  readonly source: RecordSource;
  readonly sinks: SinkFactory;
}

export interface AttemptProgress {
  readonly recordsIn: number;
  readonly bytesIn: number;
  /** What `bytesIn` will be at the end. */
  readonly bytesTotal: number;
  readonly recordsOut: number;
}

export interface AttemptMetrics {
  /** Input records of a map; shuffled records of a reduce. */
  readonly recordsIn: number;
  /** Bytes read from the input or from segments, as stored. */
  readonly bytesIn: number;
  /** Pairs emitted. */
  readonly pairsEmitted: number;
  /** Records in the segment (after combining), or pairs and values in output files. */
  readonly recordsOut: number;
  /** Bytes of the segment and output files. */
  readonly bytesOut: number;
  /** Keys (groups) that a reduce saw. */
  readonly groups: number;
  /** Runs written because a buffer was full or a merge too wide. */
  readonly spills: number;
  readonly spilledBytes: number;
}

export interface OutputFile extends SinkSummary {
  /** `part` for the main output, `records` for its typed twin, `_skipped` for bad records, or the named output's name. */
  readonly name: string;
  readonly kind: "part" | "records" | "skipped" | "named";
}

export interface AttemptResult {
  readonly outputs: readonly OutputFile[];
  readonly counters: Readonly<Record<string, number>>;
  /** Records that were skipped, where any were. */
  readonly skipped?: SkipSummary | undefined;
  readonly metrics: AttemptMetrics;
}

export interface MapAttemptResult extends AttemptResult {
  /** Undefined for a map-only job. */
  readonly segment: SegmentSummary | undefined;
}

export interface SampleAttemptResult {
  /** Encoded keys (group keys with `groupBy`), ascending, with repetitions. */
  readonly keys: readonly Uint8Array[];
}
