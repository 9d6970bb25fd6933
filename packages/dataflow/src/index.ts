export type {
  AttemptMetrics,
  AttemptOptions,
  AttemptPorts,
  AttemptProgress,
  AttemptResult,
  MapAttemptOptions,
  MapAttemptResult,
  OutputFile,
  ReduceAttemptOptions,
  SampleAttemptOptions,
  SampleAttemptResult,
} from "./attempt-options.js";
export { skippedOutputName } from "./attempt-outputs.js";
export type { SegmentSlice } from "./block-reader.js";
export { boundariesFrom } from "./boundaries.js";
export { decodeKey, decodeValue, encodeKey, encodeValue } from "./codec.js";
export { type FieldLayout, FieldScanner } from "./field-scanner.js";
export { type HeavyKey, heavyKeyOf } from "./heavy-keys.js";
export { areKernelsOn } from "./kernel.js";
export { memoryBytesDefault, memoryBytesMin } from "./limits.js";
export { runMapAttempt } from "./map-attempt.js";
export type {
  BlockLayout,
  FixedBlock,
  GatheredLayout,
  InternalWriterSpec,
  RawKind,
  RawPair,
  RecordBatch,
  RecordBlock,
  RecordSink,
  RecordSource,
  SinkFactory,
  SinkSummary,
} from "./ports.js";
export { runReduceAttempt } from "./reduce-attempt.js";
export { runSampleAttempt } from "./sample-attempt.js";
export { type PartitionRange, readSegmentIndex, type SegmentIndex } from "./segment-index.js";
export type { Compression, SegmentSummary } from "./segment-writer.js";
export type { SkipSummary } from "./skips.js";
export { type NumberedWords, type Numbers, numberedBytesMax, TextNumberer } from "./text-numberer.js";
export { printKey } from "./user-error.js";
