/**
 * Samples the keys of one split: every n-th record, of parts spread over all of it, goes through `map`, and what it emits is
 * kept. Side outputs and counters are discarded; the same records will be mapped again in earnest.
 */
import type { InputRange, Split } from "@fanfold/job";
import type { AttemptPorts, SampleAttemptOptions, SampleAttemptResult } from "./attempt-options.js";
import { createEmitter } from "./emitter.js";
import type { GroupBy } from "./group-stream.js";
import { KeyEncoder } from "./key-encoder.js";
import { sampleKeysPerRecord } from "./limits.js";
import { emitsFixed, Mapper, skipsOf } from "./map-attempt.js";
import { latin1Slice } from "./native-text.js";
import { Pace } from "./pace.js";
import type { FixedBlock, RecordBatch } from "./ports.js";
import { Counters, createMapContext, Guard, type RecordPosition } from "./task-context.js";
import { Trial } from "./trial.js";
import { nameAttempt } from "./user-error.js";

/**
 * Runs a sample attempt. The same split gives the same sample.
 *
 * @throws as `runMapAttempt` does.
 */
export async function runSampleAttempt(
  whole: SampleAttemptOptions,
  ports: AttemptPorts,
): Promise<SampleAttemptResult> {
  const options = { ...whole, split: glimpsesOf(whole) };
  const keys = new KeySample(options);
  const guard = new Guard();
  const emitter = createEmitter(keys, guard);
  try {
    const position: RecordPosition = { batch: undefined, index: 0 };
    const parts = { outputs: { named: () => ({ write: () => undefined }) }, counters: new Counters(), guard };
    const skips = skipsOf(options, undefined);
    const check = (key: unknown): void => keys.check(key);
    const trial = skips === undefined ? undefined : new Trial({ ...parts, emit: emitter.emit, check });
    const context = createMapContext(options, trial === undefined ? parts : { ...trial, guard }, position);
    const pace: Pace = new Pace(options, () => progressOf(options, mapper));
    const mapper: Mapper = new Mapper(
      { job: options.job, context, position, guard, trial, skips },
      trial?.emit ?? emitter.emit,
      pace,
    );
    await mapper.callHook("setup");
    const readsKeys = emitsFixed(options.job) && trial === undefined;
    for await (const batch of ports.source.batches(options.split)) {
      if (readsKeys && batch.fixed !== undefined) {
        keys.emitFixed(batch.fixed, strideOf(batch, batch.fixed.count, options));
        mapper.pass(batch.fixed.count, batch.inputBytes);
      } else await mapper.mapBatch(batch, strideOf(batch, batch.records.length, options));
      await pace.restWhenDue();
    }
    await mapper.callHook("teardown");
    return { keys: keys.sorted() };
  } catch (thrown) {
    throw nameAttempt(thrown, options);
  } finally {
    emitter.close();
  }
}

/**
 * Small parts spread evenly over a split, in its place: reading all of it would cost as much as mapping it. Only a file that was
 * cut into ranges may be cut further.
 */
function glimpsesOf({ split, job, sampleRecordsMax }: SampleAttemptOptions): Split {
  const { reader } = job.input;
  // Of records of a known size, no more than is wanted.
  const wanted =
    reader.kind === "fixedRecords" ? reader.bytes * Math.ceil(sampleRecordsMax / glimpses) : glimpseBytesMax;
  const glimpseBytes = Math.min(glimpseBytesMax, Math.max(wanted, glimpseBytesMin));
  return { ranges: split.ranges.flatMap((range) => glimpsesOfRange(range, glimpseBytes)) };
}

function glimpsesOfRange(range: InputRange, glimpseBytes: number): InputRange[] {
  const bytes = range.end - range.start;
  const isCut = range.start > 0 || range.end < range.fileBytes;
  if (!isCut || bytes <= 2 * glimpses * glimpseBytes) return [range];
  return Array.from({ length: glimpses }, (_, index) => {
    const start = range.start + Math.floor((bytes * index) / glimpses);
    return { ...range, start, end: start + glimpseBytes };
  });
}

/** As many as make a sample that is not of one kind, in a file whose parts differ. */
const glimpses = 32;
const glimpseBytesMax = 64 * 1024;
const glimpseBytesMin = 4 * 1024;

/** Each batch gives its share of the sample, by its share of the split's bytes. */
function strideOf(batch: RecordBatch, records: number, options: SampleAttemptOptions): number {
  const share = Math.min(1, batch.inputBytes / Math.max(1, bytesOf(options)));
  return Math.max(1, Math.floor(records / Math.max(1, options.sampleRecordsMax * share)));
}

function bytesOf(options: SampleAttemptOptions): number {
  return options.split.ranges.reduce((total, range) => total + range.end - range.start, 0);
}

function progressOf(
  options: SampleAttemptOptions,
  mapper: Mapper,
): { recordsIn: number; bytesIn: number; bytesTotal: number; recordsOut: number } {
  return {
    recordsIn: mapper.recordsIn,
    bytesIn: mapper.bytesIn,
    bytesTotal: bytesOf(options),
    recordsOut: 0,
  };
}

class KeySample {
  readonly #options: SampleAttemptOptions;
  readonly #encoder: KeyEncoder = new KeyEncoder();
  readonly #keysMax: number;
  /** A character a byte: strings like these are sorted as their bytes, and many times as fast. */
  #keys: string[] = [];
  /** One emitted key in so many is kept; doubles whenever there are too many. */
  #interval = 1;
  #seen = 0;

  constructor(options: SampleAttemptOptions) {
    this.#options = options;
    this.#keysMax = options.sampleRecordsMax * sampleKeysPerRecord;
  }

  /** The keys of every `stride`-th record of a block. */
  emitFixed({ bytes, count, size, keyBytes }: FixedBlock, stride: number): void {
    for (let i = 0; i < count; i += stride) this.emit(bytes.subarray(i * size, i * size + keyBytes));
  }

  emit(key: unknown): void {
    this.#encoder.encode(key);
    if (this.#seen++ % this.#interval !== 0) return;
    const groupBy = this.#options.job.groupBy as GroupBy | undefined;
    if (groupBy !== undefined) this.#encoder.encode(groupBy(key as never));
    this.#keys.push(latin1Slice(this.#encoder.bytes, 0, this.#encoder.length));
    if (this.#keys.length <= this.#keysMax) return;
    this.#keys = this.#keys.filter((_, index) => index % 2 === 0);
    this.#interval *= 2;
  }

  check(key: unknown): void {
    this.#encoder.encode(key);
  }

  sorted(): Uint8Array[] {
    return this.#keys.sort().map((key) => Buffer.from(key, "latin1"));
  }
}
