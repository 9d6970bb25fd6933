/**
 * Runs one attempt of a reduce task: the segments of one partition, merged, through the user's `reduce` or a built-in
 * aggregator, into the main output.
 */
import { type Aggregator, type AnyJob, type FanfoldError, isIdentity, type TaskContext } from "@fanfold/job";
import type {
  AttemptMetrics,
  AttemptPorts,
  AttemptProgress,
  AttemptResult,
  ReduceAttemptOptions,
} from "./attempt-options.js";
import { AttemptOutputs } from "./attempt-outputs.js";
import { combineOf } from "./combine-groups.js";
import { createEmitter, type EmitFunction, type Emitter, isPlainScalar } from "./emitter.js";
import { foldGroup } from "./fold-group.js";
import { FoldedPartition } from "./folded-partition.js";
import { GatheredOutput } from "./gathered-output.js";
import { type GroupBy, GroupStream } from "./group-stream.js";
import { GroupValues, NumberWindow } from "./group-values.js";
import { type Kernel, returnKernel, takeKernel } from "./kernel.js";
import { decodeKeyAt } from "./key-decoder.js";
import { memoryBytesMin } from "./limits.js";
import { skipsOf } from "./map-attempt.js";
import { isThenable, Pace } from "./pace.js";
import { PartitionMerge } from "./partition-merge.js";
import { PlacesStream } from "./places-stream.js";
import { RawPairView } from "./raw-pairs.js";
import type { Skips } from "./skips.js";
import { Counters, createTaskContext, Guard } from "./task-context.js";
import { isBadRecord, Trial } from "./trial.js";
import { nameAttempt, thrownByUser } from "./user-error.js";
import { decodeValueAt } from "./value-decoder.js";
import { ValueEncoder } from "./value-encoder.js";

/** How many groups pass between two looks at the clock; a power of two. */
const clockInterval = 64;

/**
 * Runs a reduce attempt to its end. On failure its outputs and spills are removed.
 *
 * @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE`, errors of the sinks as they are, and `USER_CODE_FAILED`,
 * `GROUP_NOT_CONTIGUOUS` and the like naming function, key, task and attempt; the signal's reason when aborted.
 */
export async function runReduceAttempt(
  options: ReduceAttemptOptions,
  ports: AttemptPorts,
): Promise<AttemptResult> {
  const attempt = new ReduceAttempt(options, ports);
  try {
    return await attempt.run();
  } catch (thrown) {
    attempt.abort();
    throw nameAttempt(thrown, options);
  } finally {
    attempt.close();
  }
}

type ReduceCall = (key: unknown, values: Iterable<unknown>, emit: EmitFunction, context: unknown) => unknown;

class ReduceAttempt {
  readonly #options: ReduceAttemptOptions;
  readonly #outputs: AttemptOutputs;
  readonly #guard: Guard = new Guard();
  readonly #counters: Counters = new Counters();
  readonly #context: TaskContext<unknown>;
  readonly #emitter: Emitter;
  readonly #pace: Pace;
  readonly #skips: Skips | undefined;
  readonly #trial: Trial | undefined;
  readonly #emit: EmitFunction;
  /** Pairs that went to the writer undecoded. */
  #rawPairs = 0;
  #merge: PartitionMerge | undefined;
  #folded: FoldedPartition | undefined;
  #groups: GroupStream | undefined;
  /** Instead of groups, where all pairs are passed on. */
  #passed: GatheredOutput | undefined;
  #kernel: Kernel | undefined;

  constructor(options: ReduceAttemptOptions, ports: AttemptPorts) {
    this.#options = options;
    this.#outputs = new AttemptOutputs(options.job, ports.sinks, options.outputDir);
    const parts = { outputs: this.#outputs, counters: this.#counters, guard: this.#guard };
    const target = new ReduceOutput(this.#outputs);
    this.#emitter = createEmitter(target, this.#guard);
    this.#skips = skipsOf(options, this.#outputs);
    const { emit } = this.#emitter;
    const trialParts = { ...parts, emit, check: (key: unknown, value: unknown) => target.check(key, value) };
    this.#trial = this.#skips === undefined ? undefined : new Trial(trialParts);
    this.#emit = this.#trial?.emit ?? emit;
    const seen = this.#trial === undefined ? parts : { ...this.#trial, guard: this.#guard };
    this.#context = createTaskContext(options, seen);
    this.#pace = new Pace(options, () => this.#progress());
  }

  async run(): Promise<AttemptResult> {
    const { job, signal } = this.#options;
    signal.throwIfAborted();
    this.#outputs.openMain(this.#options);
    await this.#callHook("setup");
    if (!(await this.#foldAll())) await this.#mergeAll(job);
    await this.#callHook("teardown");
    this.#emitter.close();
    const outputs = await this.#outputs.close();
    this.#pace.finish();
    const bytesOut = outputs.reduce((total, file) => total + file.bytes, 0);
    return {
      outputs,
      counters: this.#counters.toRecord(),
      skipped: this.#skips?.summary,
      metrics: this.#metrics(bytesOut),
    };
  }

  abort(): void {
    this.#emitter.close();
    this.#outputs.abort();
  }

  close(): void {
    this.#merge?.close();
    this.#folded?.close();
    if (this.#kernel !== undefined) returnKernel(this.#kernel);
    this.#kernel = undefined;
  }

  async #mergeAll(job: AnyJob): Promise<void> {
    const merge = await this.#openMerge();
    const { stream } = merge;
    const layout = this.#isPassedOn ? this.#outputs.gathers : undefined;
    if (layout !== undefined && stream instanceof PlacesStream) {
      await this.#passAll(stream, new GatheredOutput(stream, this.#outputs, layout));
    } else {
      this.#groups = new GroupStream(stream, job.groupBy as GroupBy | undefined);
      await this.#reduceAll(job, this.#groups);
    }
  }

  async #openMerge(): Promise<PartitionMerge> {
    const { job, segments, partition, workDir, memoryBytes } = this.#options;
    const slices = [...segments].sort((a, b) => a.order - b.order);
    this.#kernel = takeKernel();
    this.#merge = await PartitionMerge.open(slices, {
      kernel: this.#kernel,
      partition,
      memoryBytes: Math.floor(Math.max(memoryBytes, memoryBytesMin) / 2),
      workDir,
      combine: combineOf(job),
      pace: this.#pace,
    });
    return this.#merge;
  }

  /** Reduces in a kernel, if it can; false, and nothing written, when it cannot. */
  async #foldAll(): Promise<boolean> {
    const { job, segments, partition, memoryBytes } = this.#options;
    const { reduce } = job;
    if (typeof reduce !== "object" || job.groupBy !== undefined || this.#trial !== undefined) return false;
    const folded = FoldedPartition.take({
      partition,
      aggregator: reduce as Aggregator<unknown, unknown>,
      memoryBytes: Math.floor(Math.max(memoryBytes, memoryBytesMin) / 2),
      pace: this.#pace,
    });
    if (folded === undefined) return false;
    this.#folded = folded;
    if (await folded.fill([...segments].sort((a, b) => a.order - b.order))) {
      await this.#writeFolded(folded);
      return true;
    }
    this.#folded = undefined;
    folded.close();
    return false;
  }

  async #writeFolded(folded: FoldedPartition): Promise<void> {
    const format = this.#outputs.foldedLines;
    for (let index = 0; index < folded.count; ) {
      if (format !== undefined) {
        const { bytes, start, end, next, isOdd } = folded.linesFrom(index, format);
        if (next > index) this.#outputs.writeLines(bytes, start, end, next - index);
        this.#rawPairs += next - index;
        index = next;
        await this.#pace.restWhenDue();
        if (!isOdd) continue;
      }
      this.#emitFolded(folded, index);
      index += 1;
      if ((index & (clockInterval - 1)) === 0) await this.#pace.restWhenDue();
    }
  }

  #emitFolded(folded: FoldedPartition, index: number): void {
    const { key, value } = folded.at(index);
    try {
      this.#emit(key, value);
    } catch (thrown) {
      const failure = this.#guard.hasFailed ? this.#guard.failure : thrown;
      throw thrownByUser(failure, { function: "reduce", key });
    }
  }

  async #callHook(name: "setup" | "teardown"): Promise<void> {
    try {
      const returned: unknown = this.#options.job[name]?.(this.#context);
      if (isThenable(returned)) await returned;
      this.#guard.check();
    } catch (thrown) {
      throw thrownByUser(this.#guard.hasFailed ? this.#guard.failure : thrown, { function: name });
    }
  }

  async #reduceAll(job: AnyJob, groups: GroupStream): Promise<void> {
    const reduce: unknown = job.reduce;
    const step = this.#stepOf(groups, reduce);
    if (this.#trial !== undefined && this.#skips !== undefined) {
      await this.#tryAll(groups, step, this.#trial, this.#skips);
      return;
    }
    let clockMask = clockInterval - 1;
    for (let count = 0; groups.nextGroup(); count++) {
      const pending = this.#inGroup(groups, step);
      if (pending !== undefined) await this.#settle(groups, pending);
      if ((count & clockMask) !== 0 && pending === undefined) continue;
      clockMask = this.#pace.isOverdue() ? 0 : clockInterval - 1;
      await this.#pace.restWhenDue();
    }
  }

  #stepOf(groups: GroupStream, reduce: unknown): () => PromiseLike<unknown> | undefined {
    if (typeof reduce !== "function") return this.#foldStep(groups, reduce as Aggregator<unknown, unknown>);
    if (this.#isPassedOn) return this.#passStep(groups);
    return this.#callStep(groups, reduce as ReduceCall);
  }

  /** Whether the writer takes pairs as they are, and nobody else looks at them. */
  get #isPassedOn(): boolean {
    const { reduce, groupBy } = this.#options.job;
    const isIdentical = typeof reduce === "function" && isIdentity(reduce);
    return isIdentical && this.#trial === undefined && this.#outputs.takesRaw && groupBy === undefined;
  }

  async #passAll(stream: PlacesStream, passed: GatheredOutput): Promise<void> {
    this.#passed = passed;
    const pair = new RawPairView();
    const { view } = stream;
    const passOne = (): void => {
      const { bytes, keyStart, keyEnd, valueStart, valueEnd } = view;
      const key = (): unknown => decodeKeyAt(bytes, keyStart, keyEnd);
      try {
        if (pair.show(view) && this.#outputs.writeRaw(pair)) this.#rawPairs += 1;
        else this.#emitter.emit(key() as never, decodeValueAt(bytes, valueStart, valueEnd));
        this.#guard.check();
      } catch (thrown) {
        const failure = this.#guard.hasFailed ? this.#guard.failure : thrown;
        throw thrownByUser(failure, { function: "reduce", key: key() });
      }
    };
    while (passed.passBatch(passOne) > 0) await this.#pace.restWhenDue();
    passed.flush();
  }

  /** Hands pairs to the writer as they are; only those that it cannot tell by their bytes are decoded. */
  #passStep(groups: GroupStream): () => undefined {
    const outputs = this.#outputs;
    const pair = new RawPairView();
    const { view } = groups;
    return () => {
      for (; groups.isInGroup; groups.advance()) {
        if (pair.show(view) && outputs.writeRaw(pair)) {
          this.#rawPairs += 1;
          continue;
        }
        this.#emitter.emit(groups.keyOfGroup(), decodeValueAt(view.bytes, view.valueStart, view.valueEnd));
      }
    };
  }

  /** Runs all groups, and skips the keys that are bad: all their values, and all that was done for them. */
  async #tryAll(
    groups: GroupStream,
    step: () => PromiseLike<unknown> | undefined,
    trial: Trial,
    skips: Skips,
  ): Promise<void> {
    const { partition, signal } = this.#options;
    while (groups.nextGroup()) {
      try {
        trial.begin();
        const pending = step();
        if (pending !== undefined) await pending;
        this.#guard.check();
        trial.commit();
        this.#guard.check();
      } catch (thrown) {
        const error = this.#blame(groups, thrown);
        if (!trial.canRollBack || signal.aborted || !isBadRecord(error)) throw error;
        trial.rollback();
        skips.add({ partition, key: groups.keyOfGroup() }, error);
      }
      await this.#pace.restWhenDue();
    }
  }

  /** Runs one group. Errors of user code leave it naming the key. */
  #inGroup(
    groups: GroupStream,
    step: () => PromiseLike<unknown> | undefined,
  ): PromiseLike<unknown> | undefined {
    try {
      const pending = step();
      if (this.#guard.hasFailed) throw this.#guard.failure;
      return pending;
    } catch (thrown) {
      throw this.#blame(groups, thrown);
    }
  }

  async #settle(groups: GroupStream, pending: PromiseLike<unknown>): Promise<void> {
    try {
      await pending;
      this.#guard.check();
    } catch (thrown) {
      throw this.#blame(groups, thrown);
    }
  }

  #blame(groups: GroupStream, thrown: unknown): FanfoldError {
    const failure = this.#guard.hasFailed ? this.#guard.failure : thrown;
    return thrownByUser(failure, { function: "reduce", key: groups.keyOfGroup() });
  }

  #callStep(groups: GroupStream, reduce: ReduceCall): () => PromiseLike<unknown> | undefined {
    const context = this.#context;
    const emit = this.#emit;
    const window = new NumberWindow();
    return () => {
      const values = new GroupValues(groups, this.#guard, window);
      const returned = reduce(groups.keyOfGroup(), values, emit, context);
      if (!isThenable(returned)) {
        values.end();
        return undefined;
      }
      return Promise.resolve(returned).finally(() => values.end());
    };
  }

  #foldStep(groups: GroupStream, aggregator: Aggregator<unknown, unknown>): () => undefined {
    return () => {
      const result = foldGroup(groups, aggregator);
      this.#emit(groups.keyOfGroup(), result);
    };
  }

  #metrics(bytesOut: number): AttemptMetrics {
    return {
      recordsIn: this.#recordsIn,
      bytesIn: bytesOf(this.#options),
      pairsEmitted: this.#emitter.pairs() + this.#rawPairs + (this.#passed?.pairs ?? 0),
      recordsOut: this.#outputs.records,
      bytesOut,
      groups: this.#folded?.count ?? this.#groups?.group ?? this.#merge?.keys ?? 0,
      spills: this.#merge?.spills ?? 0,
      spilledBytes: this.#merge?.spilledBytes ?? 0,
    };
  }

  get #recordsIn(): number {
    return this.#folded?.records ?? this.#groups?.records ?? this.#passed?.records ?? 0;
  }

  #progress(): AttemptProgress {
    return {
      recordsIn: this.#recordsIn,
      bytesIn: this.#folded?.bytesRead ?? this.#merge?.bytesRead ?? 0,
      bytesTotal: bytesOf(this.#options),
      recordsOut: this.#outputs.records,
    };
  }
}

function bytesOf(options: ReduceAttemptOptions): number {
  return options.segments.reduce((total, slice) => total + slice.end - slice.start, 0);
}

/** `reduce` may emit any value as a key, since nothing is shuffled after it; functions and the like are refused. */
class ReduceOutput {
  readonly #outputs: AttemptOutputs;
  readonly #values: ValueEncoder = new ValueEncoder();

  constructor(outputs: AttemptOutputs) {
    this.#outputs = outputs;
  }

  emit(key: unknown, value: unknown): void {
    this.check(key, value);
    this.#outputs.writePair(key, value);
  }

  check(key: unknown, value: unknown): void {
    if (!isPlainScalar(key)) this.#values.encode(key);
    if (!isPlainScalar(value)) this.#values.encode(value);
  }
}
