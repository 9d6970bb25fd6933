/**
 * Runs one attempt of a map task: records through the user's `map` into a segment file, or into the main output when
 * there is no reduce.
 *
 * The synchronous path is a plain loop; only when `map` returns a promise does the attempt await. The clock is looked
 * at every few records, so that a slow `map` cannot silence the executor.
 */
import { type AnyJob, type FanfoldError, type MapContext, mapperSpecOf } from "@fanfold/job";
import type {
  AttemptMetrics,
  AttemptOptions,
  AttemptPorts,
  MapAttemptOptions,
  MapAttemptResult,
} from "./attempt-options.js";
import { AttemptOutputs } from "./attempt-outputs.js";
import { type BlockMapper, blockMapperOf } from "./block-mapper.js";
import { Collector } from "./collector.js";
import { createEmitter, type EmitFunction, type Emitter, isPlainScalar } from "./emitter.js";
import { KeyEncoder } from "./key-encoder.js";
import { memoryBytesMin } from "./limits.js";
import { isThenable, Pace } from "./pace.js";
import type { RecordBatch, RecordBlock } from "./ports.js";
import type { SegmentSummary } from "./segment-writer.js";
import { Skips } from "./skips.js";
import { Counters, createMapContext, Guard, type RecordPosition } from "./task-context.js";
import type { Numbers } from "./text-numberer.js";
import { isBadRecord, Trial } from "./trial.js";
import { nameAttempt, thrownByUser } from "./user-error.js";
import { ValueEncoder } from "./value-encoder.js";

/** How many records pass between two looks at the clock; a power of two. */
const clockInterval = 64;

/**
 * Runs a map attempt to its end. On failure its outputs and spills are removed.
 *
 * @throws errors of the source and the sinks as they are, and `USER_CODE_FAILED`, `KEY_UNSUPPORTED`, `VALUE_UNSUPPORTED`,
 * `PARTITION_OUT_OF_RANGE` and the like naming function, record, task and attempt; the signal's reason when aborted.
 */
export async function runMapAttempt(
  options: MapAttemptOptions,
  ports: AttemptPorts,
): Promise<MapAttemptResult> {
  const attempt = new MapAttempt(options, ports);
  try {
    return await attempt.run();
  } catch (thrown) {
    attempt.abort();
    throw nameAttempt(thrown, options);
  }
}

class MapAttempt {
  readonly #options: MapAttemptOptions;
  readonly #ports: AttemptPorts;
  readonly #outputs: AttemptOutputs;
  readonly #collector: Collector | undefined;
  readonly #mapper: Mapper;
  readonly #guard: Guard = new Guard();
  readonly #counters: Counters = new Counters();
  readonly #pace: Pace;
  readonly #emitter: Emitter;
  readonly #skips: Skips | undefined;
  #blockMapper: BlockMapper | undefined;
  #hasLooked = false;
  /** Records, and so pairs, that were mapped by a kernel. */
  #kernelRecords = 0;

  constructor(options: MapAttemptOptions, ports: AttemptPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#outputs = new AttemptOutputs(options.job, ports.sinks, options.outputDir);
    this.#collector = options.partitions === 0 ? undefined : collectorOf(options);
    const guard = this.#guard;
    const parts = { outputs: this.#outputs, counters: this.#counters, guard };
    const position: RecordPosition = { batch: undefined, index: 0 };
    const target = this.#collector ?? new MainOutput(this.#outputs);
    this.#emitter = createEmitter(target, guard);
    this.#pace = new Pace(options, () => this.#progress());
    this.#skips = skipsOf(options, this.#outputs);
    const trial =
      this.#skips === undefined
        ? undefined
        : new Trial({ ...parts, emit: this.#emitter.emit, check: (key, value) => target.check(key, value) });
    const context = createMapContext(options, trial === undefined ? parts : { ...trial, guard }, position);
    this.#mapper = new Mapper(
      { job: options.job, context, position, guard, trial, skips: this.#skips, collector: this.#collector },
      trial?.emit ?? this.#emitter.emit,
      this.#pace,
    );
  }

  async run(): Promise<MapAttemptResult> {
    this.#options.signal.throwIfAborted();
    if (this.#collector === undefined) this.#outputs.openMain(this.#options);
    await this.#mapper.callHook("setup");
    for await (const batch of this.#ports.source.batches(this.#options.split)) {
      if (batch.fixed !== undefined && this.#takesFixed) {
        this.#collector!.appendFixed(batch.fixed);
        this.#kernelRecords += batch.fixed.count;
        this.#mapper.pass(batch.fixed.count, batch.inputBytes);
      } else if (batch.block !== undefined && this.#canMapBlock(batch.block))
        await this.#mapBlock(batch.block, batch);
      else await this.#mapper.mapBatch(batch);
      await this.#pace.restWhenDue();
    }
    await this.#mapper.callHook("teardown");
    this.#emitter.close();
    const segment = await this.#collector?.finish(this.#pace);
    const outputs = await this.#outputs.close();
    this.#pace.finish();
    const bytesOut = outputs.reduce((total, file) => total + file.bytes, segment?.bytes ?? 0);
    return {
      segment,
      outputs,
      counters: this.#counters.toRecord(),
      skipped: this.#skips?.summary,
      metrics: this.#metrics(segment, bytesOut),
    };
  }

  /** Whether key and value of records of a fixed size are to be emitted as they are. */
  get #takesFixed(): boolean {
    if (this.#skips !== undefined || !emitsFixed(this.#options.job)) return false;
    return this.#collector?.takesFixed ?? false;
  }

  #canMapBlock(block: RecordBlock): boolean {
    if (this.#blockMapper === undefined && this.#collector !== undefined && !this.#hasLooked) {
      this.#blockMapper = blockMapperOf(this.#options.job, block.layout, this.#collector);
    }
    this.#hasLooked = true;
    return this.#blockMapper?.canMap(block) ?? false;
  }

  /** Maps a block by kernels, and by the ordinary way the lines that those leave. */
  async #mapBlock(block: RecordBlock, batch: RecordBatch): Promise<void> {
    let bytesLeft = batch.inputBytes;
    for (let at = block.start; at < block.end; ) {
      const { end, records } = this.#blockMapper!.mapBlock(block, at);
      this.#kernelRecords += records;
      const bytes = Math.min(bytesLeft, end - at);
      this.#mapper.pass(records, bytes);
      bytesLeft -= bytes;
      at = end;
      if (at >= block.end) break;
      const line = block.lineAt(at);
      await this.#mapper.mapBatch(line.batch);
      at = line.end;
    }
    this.#mapper.pass(0, bytesLeft);
  }

  abort(): void {
    this.#emitter.close();
    this.#collector?.abort();
    this.#outputs.abort();
  }

  #metrics(segment: SegmentSummary | undefined, bytesOut: number): AttemptMetrics {
    return {
      recordsIn: this.#mapper.recordsIn,
      bytesIn: this.#mapper.bytesIn,
      pairsEmitted: this.#emitter.pairs() + this.#kernelRecords,
      recordsOut: (segment?.records ?? 0) + this.#outputs.records,
      bytesOut,
      groups: 0,
      spills: this.#collector?.spills ?? 0,
      spilledBytes: this.#collector?.spilledBytes ?? 0,
    };
  }

  #progress(): { recordsIn: number; bytesIn: number; bytesTotal: number; recordsOut: number } {
    return {
      recordsIn: this.#mapper.recordsIn,
      bytesIn: this.#mapper.bytesIn,
      bytesTotal: splitBytes(this.#options),
      recordsOut: this.#emitter.pairs() + this.#kernelRecords,
    };
  }
}

/** Whether all that the mapper does is to emit key and value of a record of a fixed size. */
export function emitsFixed(job: AnyJob): boolean {
  const spec = mapperSpecOf(job.map);
  if (spec?.kind !== "keyBy" || spec.isTuple) return false;
  return spec.fields[0] === "key" && spec.pick?.length === 1 && spec.pick[0] === "value";
}

function splitBytes(options: MapAttemptOptions): number {
  return options.split.ranges.reduce((total, range) => total + range.end - range.start, 0);
}

/** Of a job that skips bad records. */
export function skipsOf(options: AttemptOptions, outputs: AttemptOutputs | undefined): Skips | undefined {
  const { skipBadRecords: max = 0, stage, taskIndex: task, userStack = (stack: string) => stack } = options;
  return max === 0 ? undefined : new Skips({ max, stage, task, userStack }, outputs);
}

/** What a reader's error says of where the record begins. */
function placeOf(
  batch: RecordBatch,
  error: FanfoldError,
): { readonly path: string; readonly offset: number } {
  return { path: batch.path, offset: Number(error.details["offset"] ?? 0) };
}

function collectorOf(options: MapAttemptOptions): Collector {
  return new Collector({
    job: options.job,
    partitions: options.partitions,
    boundaries: options.boundaries,
    memoryBytes: Math.max(options.memoryBytes, memoryBytesMin),
    workDir: options.workDir,
    compression: options.compression ?? "auto",
  });
}

/** Emits straight to the main output, refusing what a shuffle would refuse as well. */
class MainOutput {
  readonly #outputs: AttemptOutputs;
  readonly #keys: KeyEncoder = new KeyEncoder();
  readonly #values: ValueEncoder = new ValueEncoder();

  constructor(outputs: AttemptOutputs) {
    this.#outputs = outputs;
  }

  emit(key: unknown, value: unknown): void {
    this.check(key, value);
    this.#outputs.writePair(key, value);
  }

  check(key: unknown, value: unknown): void {
    this.#keys.encode(key);
    if (!isPlainScalar(value)) this.#values.encode(value);
  }
}

export interface MapperParts {
  readonly job: AnyJob;
  readonly context: MapContext<unknown>;
  readonly position: RecordPosition;
  readonly guard: Guard;
  /** Both of a job that skips bad records. */
  readonly trial?: Trial | undefined;
  readonly skips?: Skips | undefined;
  /** Told of numbered records. */
  readonly collector?: Collector | undefined;
}

/** Calls the user's functions of a map task; errors leave it naming the record. */
export class Mapper {
  /** Of batches that are done. */
  #recordsDone = 0;
  #bytesDone = 0;
  readonly #parts: MapperParts;
  readonly #emit: EmitFunction;
  readonly #pace: Pace;
  /** The first record of the batch that `#mapSome` has not seen. */
  #next = 0;
  /** Records of the batch. */
  #count = 0;
  /** Records between two looks at the clock, less one; none where a record takes long. */
  #clockMask = clockInterval - 1;

  constructor(parts: MapperParts, emit: EmitFunction, pace: Pace) {
    this.#parts = parts;
    this.#emit = emit;
    this.#pace = pace;
  }

  async callHook(name: "setup" | "teardown"): Promise<void> {
    const { job, context, guard } = this.#parts;
    try {
      const returned: unknown = job[name]?.(context);
      if (isThenable(returned)) await returned;
      guard.check();
    } catch (thrown) {
      throw thrownByUser(guard.hasFailed ? guard.failure : thrown, { function: name });
    }
  }

  /** Maps the records of `batch`; with `stride`, only every `stride`-th. */
  async mapBatch(batch: RecordBatch, stride = 1): Promise<void> {
    const { position, guard, collector } = this.#parts;
    position.batch = batch;
    const numbered = collector === undefined ? undefined : batch.numbered;
    const count = numbered === undefined ? batch.records.length : numbered.numbers.length;
    this.#next = 0;
    this.#count = count;
    for (const error of batch.malformed ?? []) this.#skip(placeOf(batch, error), error);
    const { trial } = this.#parts;
    if (trial !== undefined) await this.#tryAll(batch, stride, trial);
    while (this.#next < count) {
      try {
        const pending =
          numbered === undefined
            ? this.#mapSome(batch.records, stride)
            : this.#mapNumbered(numbered, collector!);
        if (pending !== undefined) await pending;
        guard.check();
      } catch (thrown) {
        const offset = batch.offsetOf(position.index);
        throw thrownByUser(guard.hasFailed ? guard.failure : thrown, {
          function: "map",
          path: batch.path,
          offset,
        });
      }
      await this.#pace.restWhenDue();
    }
    this.#next = 0;
    position.batch = undefined;
    this.#recordsDone += count;
    this.#bytesDone += batch.inputBytes;
  }

  /** Maps the records of a batch, and skips those that are bad. */
  async #tryAll(batch: RecordBatch, stride: number, trial: Trial): Promise<void> {
    const { job, context, position, guard } = this.#parts;
    const count = batch.records.length;
    for (let i = 0; i < count; i += stride) {
      position.index = i;
      try {
        trial.begin();
        const returned: unknown = job.map(batch.records[i], this.#emit as never, context);
        if (isThenable(returned)) await returned;
        guard.check();
        trial.commit();
        guard.check();
      } catch (thrown) {
        const place = { path: batch.path, offset: batch.offsetOf(i) };
        const failure = guard.hasFailed ? guard.failure : thrown;
        const error = thrownByUser(failure, { function: "map", ...place });
        // An attempt that is told to stop may throw because of that.
        if (!trial.canRollBack || context.signal.aborted) throw error;
        trial.rollback();
        this.#skip(place, error);
      }
      this.#next = Math.min(i + stride, count);
      await this.#pace.restWhenDue();
    }
  }

  /** @throws the error itself unless it says that the record is bad and the job skips such. */
  #skip(place: { readonly path: string; readonly offset: number }, error: FanfoldError): void {
    const { skips } = this.#parts;
    if (skips === undefined || !isBadRecord(error)) throw error;
    skips.add(place, error);
  }

  /** Counts records that were mapped elsewhere. */
  pass(records: number, bytes: number): void {
    this.#recordsDone += records;
    this.#bytesDone += bytes;
  }

  /** Records read so far, those of the batch at hand included. */
  get recordsIn(): number {
    return this.#recordsDone + this.#next;
  }

  /** Bytes read so far, those of the batch at hand by its share of records. */
  get bytesIn(): number {
    const batch = this.#parts.position.batch;
    if (batch === undefined || this.#count === 0) return this.#bytesDone;
    return this.#bytesDone + Math.floor((batch.inputBytes * this.#next) / this.#count);
  }

  /** As `#mapSome`, telling the collector which text is at hand. */
  #mapNumbered(numbered: Numbers, collector: Collector): PromiseLike<unknown> | undefined {
    const { job, context, position, guard } = this.#parts;
    const map = job.map;
    const emit = this.#emit;
    const { numbers, texts } = numbered;
    collector.expectTexts(numbered);
    for (let i = this.#next; i < numbers.length; i++) {
      if ((i & (clockInterval - 1)) === 0) {
        collector.touchTexts(numbered, i, Math.min(i + clockInterval, numbers.length));
      }
      const number = numbers[i]!;
      const record = texts[number];
      position.index = i;
      collector.expectRecord(record, number);
      const returned: unknown = map(record, emit as never, context);
      this.#next = i + 1;
      if (isThenable(returned)) return returned;
      if (guard.hasFailed) break;
      if ((i & (clockInterval - 1)) === 0 && this.#pace.isDue()) break;
    }
    collector.expectRecord();
    return undefined;
  }

  /** Maps records until one is asynchronous, time is up, or the batch ends. */
  #mapSome(records: readonly unknown[], stride: number): PromiseLike<unknown> | undefined {
    const { job, context, position, guard } = this.#parts;
    const map = job.map;
    const emit = this.#emit;
    for (let i = this.#next; i < records.length; i += stride) {
      position.index = i;
      const returned: unknown = map(records[i], emit as never, context);
      this.#next = Math.min(i + stride, records.length);
      if (isThenable(returned)) return returned;
      if (guard.hasFailed) return undefined;
      if ((i & this.#clockMask) === 0 && this.#pace.isDue()) {
        this.#clockMask = this.#pace.isOverdue() ? 0 : clockInterval - 1;
        return undefined;
      }
    }
    return undefined;
  }
}
