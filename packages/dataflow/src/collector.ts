/**
 * The map side of the shuffle: takes emitted pairs, keeps them within a budget, and leaves one sorted segment file.
 *
 * Intuition: pairs are encoded at once and buffered as bytes. A full buffer is sorted, combined, and written as a run.
 * At the end the runs are merged, partition by partition, and combined again.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AnyJob } from "@fanfold/job";
import { BlockGatherer } from "./block-gatherer.js";
import type { SegmentSlice } from "./block-reader.js";
import { type Combine, combineOf, StreamWriter, writeStream } from "./combine-groups.js";
import { GroupedBuffer } from "./grouped-buffer.js";
import { type Kernel, PlainMemory, returnKernel, takeKernel } from "./kernel.js";
import { KeyEncoder } from "./key-encoder.js";
import { bufferBytesMax } from "./limits.js";
import { NumberedSums } from "./numbered-sums.js";
import { entryBytes, type NumericFold, NumericTable } from "./numeric-table.js";
import type { Pace } from "./pace.js";
import { PartitionChooser } from "./partition-chooser.js";
import { PartitionMerge } from "./partition-merge.js";
import type { FixedBlock } from "./ports.js";
import { RecordBuffer } from "./record-buffer.js";
import { type Compression, type SegmentSummary, SegmentWriter } from "./segment-writer.js";
import { ShortKeys } from "./short-keys.js";
import { SortedEntries } from "./sorted-entries.js";
import type { Numbers, TextKeys } from "./text-numberer.js";
import { ValueEncoder } from "./value-encoder.js";

export interface CollectorOptions {
  readonly job: AnyJob;
  readonly partitions: number;
  readonly boundaries: readonly Uint8Array[] | undefined;
  readonly memoryBytes: number;
  readonly workDir: string;
  readonly compression: Compression;
  /** Both lowered by tests. */
  readonly recordsMax?: number | undefined;
  readonly trialRecords?: number | undefined;
}

/** Sums that are added to the table at a time. */
const sumsAtOnce = 4096;
/** No value that a user could emit. */
const notNumbered: unknown = Symbol("no numbered record");

/** A spilled run: a segment file, and where its partitions end. */
interface Run {
  readonly path: string;
  readonly ends: Float64Array;
}

/** The combiner's table and the kernel in whose memory it lies. */
export interface KernelTable {
  readonly kernel: Kernel;
  readonly table: NumericTable;
}

export class Collector {
  spills = 0;
  spilledBytes = 0;
  readonly #options: CollectorOptions;
  readonly #segmentPath: string;
  readonly #combine: Combine | undefined;
  readonly #keys: KeyEncoder = new KeyEncoder();
  readonly #values: ValueEncoder = new ValueEncoder();
  readonly #chooser: PartitionChooser;
  readonly #bufferBytesMax: number;
  /** Takes the pairs one by one. There is this one, or the other. */
  #records: RecordBuffer | undefined;
  /** Takes the pairs of jobs that combine nothing, as long as their keys may repeat. */
  #grouped: GroupedBuffer | undefined;
  #isGroupingSure = false;
  /** Takes the pairs while the combiner is a numeric one and the values are numbers. */
  #table: NumericTable | undefined;
  #kernel: Kernel | undefined;
  /** The record at hand, where its reader numbers records. */
  #record: unknown = notNumbered;
  #number = 0;
  readonly #numbered: NumberedSums | undefined;
  /** Pairs on their way to the table, where a kernel takes them there. */
  readonly #shortKeys: ShortKeys | undefined;
  /** Where a kernel finds sums and keys to add. */
  #sumsAt: number | undefined;
  /** Whether the buffer may hold a key twice, so that combining it can make it smaller. */
  #hasRepeats = false;
  readonly #runs: Run[] = [];
  /** Where there are kernels. Writers use it one after the other. */
  readonly #gatherer: BlockGatherer | undefined;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#segmentPath = join(options.workDir, "segment");
    this.#combine = combineOf(options.job);
    this.#chooser = new PartitionChooser(options.job, options.partitions, options.boundaries);
    const fold = numericFoldOf(this.#combine);
    const share = Math.floor(options.memoryBytes / (fold === undefined ? 2 : 4));
    const bytesMax = Math.min(share, bufferBytesMax);
    this.#kernel = takeKernel();
    this.#bufferBytesMax = bytesMax;
    if (this.#combine === undefined) this.#grouped = this.#groupedBuffer();
    else this.#records = this.#recordBuffer();
    if (this.#kernel !== undefined) this.#gatherer = new BlockGatherer(this.#kernel);
    if (fold === undefined) return;
    const memory = this.#kernel ?? new PlainMemory();
    this.#table = new NumericTable({ fold, chooser: this.#chooser, bytesMax, memory });
    if (this.#kernel !== undefined && this.#chooser.looksAtBytes)
      this.#shortKeys = new ShortKeys(this.#kernel, fold);
    // Where a function of the user is asked about a key, it is asked when that is emitted, so that errors name the record.
    if (fold !== "sum" || !this.#chooser.looksAtBytes) return;
    this.#numbered = new NumberedSums((numbers, sums) => this.#addSums(numbers, sums));
  }

  #groupedBuffer(): GroupedBuffer {
    return new GroupedBuffer({
      partitions: this.#options.partitions,
      bytesMax: this.#bufferBytesMax,
      memory: this.#kernel ?? new PlainMemory(),
      chooser: this.#chooser,
      keys: this.#keys,
      values: this.#values,
      recordsMax: this.#options.recordsMax,
      trialRecords: this.#options.trialRecords,
    });
  }

  #recordBuffer(): RecordBuffer {
    return new RecordBuffer({
      partitions: this.#options.partitions,
      bytesMax: this.#bufferBytesMax,
      recordsMax: this.#options.recordsMax,
      memory: this.#kernel ?? new PlainMemory(),
      chooser: this.#chooser,
    });
  }

  get #buffer(): RecordBuffer {
    return this.#records!;
  }

  /** For kernels that fold pairs by themselves; undefined when that is not possible, or no longer. */
  kernelTable(): KernelTable | undefined {
    const kernel = this.#kernel;
    const table = this.#table;
    if (kernel === undefined || table === undefined || !this.#chooser.looksAtBytes) return undefined;
    this.#flushShortKeys(table);
    return { kernel, table };
  }

  /** Makes room in the table for another entry, and for `keyBytes` of long keys. */
  makeRoom(keyBytes: number): void {
    const table = this.#table!;
    if (table.makeRoom(keyBytes)) return;
    this.#drainTable(table);
    table.makeRoom(keyBytes);
  }

  /** The records about to be mapped are numbered: one emitted as a key as it is need not be looked up each time. */
  expectTexts(numbers: Numbers): void {
    this.#numbered?.use(numbers);
    this.#grouped?.expectTexts(numbers.texts);
  }

  /** Of those, the records `[from, to)` are about to be mapped. */
  touchTexts(numbers: Numbers, from: number, to: number): void {
    this.#numbered?.touch(numbers, from, to);
  }

  /** Which record is being mapped; with no arguments, none that is numbered. */
  expectRecord(record: unknown = notNumbered, number = 0): void {
    this.#record = record;
    this.#number = number;
  }

  /**
   * Takes one pair. The key and value may be changed or reused by the caller afterwards.
   *
   * @throws `KEY_UNSUPPORTED`, `VALUE_UNSUPPORTED`, `VALUE_TOO_LARGE`, `PARTITION_OUT_OF_RANGE`; while spilling also
   * `DISK_FULL`, `OUTPUT_UNWRITABLE`, and `USER_CODE_FAILED` of the combiner.
   */
  emit(key: unknown, value: unknown): void {
    const numbered = this.#numbered;
    if (numbered !== undefined && key === this.#record && numbered.add(this.#number, value)) return;
    if (this.#grouped !== undefined) {
      this.#emitGrouped(this.#grouped, key, value);
      return;
    }
    const table = this.#table;
    if (table !== undefined && typeof value === "number") {
      if (numbered !== undefined && !numbered.accepts(value)) numbered.stop();
      if (typeof key === "string") {
        const shortKeys = this.#shortKeys;
        if (shortKeys === undefined) {
          if (table.addKnown(key, value)) return;
        } else if (shortKeys.add(key, value)) {
          if (shortKeys.isFull) this.#flushShortKeys(table);
          return;
        }
      }
    }
    const keyLength = this.#keys.encode(key);
    if (table !== undefined) {
      if (typeof value === "number") {
        if (table.add(key, this.#keys, value)) return;
        this.#drainTable(table);
        // The keys of other records were encoded meanwhile.
        this.#keys.encode(key);
        table.add(key, this.#keys, value);
        return;
      }
      this.#leaveTable(table, value);
    }
    this.#hasRepeats = true;
    const chooser = this.#chooser;
    // Where bytes are all that counts, the buffer asks for all of its records at once.
    const partition = chooser.looksAtBytes ? 0 : chooser.choose(key, this.#keys.bytes, keyLength);
    if (this.#buffer.appendString(partition, this.#keys, value, this.#values)) return;
    const valueLength = this.#values.encode(value);
    this.#append(partition, this.#keys.bytes, 0, keyLength, valueLength);
  }

  #emitGrouped(grouped: GroupedBuffer, key: unknown, value: unknown): void {
    const isTaken =
      key === this.#record
        ? grouped.appendText(this.#number, key as string, value)
        : grouped.append(key, value);
    if (isTaken) {
      if (!this.#isGroupingSure && grouped.canTell) this.#chooseBuffer(grouped);
      return;
    }
    // Full before it can be told: of values too large for it.
    if (this.#isGroupingSure) this.#spill();
    else this.#leaveGrouped(grouped);
    this.emit(key, value);
  }

  #chooseBuffer(grouped: GroupedBuffer): void {
    if (!grouped.pays) {
      this.#leaveGrouped(grouped);
      return;
    }
    grouped.settle();
    this.#isGroupingSure = true;
  }

  /** Keys hardly repeat: from here on records are sorted one by one, those so far as well. */
  #leaveGrouped(grouped: GroupedBuffer): void {
    this.#grouped = undefined;
    this.#records = this.#recordBuffer();
    grouped.forEach((partition, keys, start, end, valueLength) => {
      this.#append(partition, keys, start, end, valueLength);
    });
  }

  /** Whether `appendFixed` does what emitting `key` and `value` of each record would do. */
  get takesFixed(): boolean {
    return this.#combine === undefined && this.#chooser.looksAtBytes;
  }

  /** Takes the records of a block: the first bytes of each as the key, the rest as the value. */
  appendFixed(block: FixedBlock): void {
    if (this.#grouped !== undefined) this.#leaveGrouped(this.#grouped);
    const head = this.#values.headOfBytes(block.size - block.keyBytes);
    for (let done = 0; done < block.count; ) {
      const taken = this.#buffer.appendFixed(block, done, head);
      if (taken === 0) this.#spill();
      done += taken;
    }
  }

  /** Refuses what `emit` would refuse of a pair's key, and takes nothing. */
  check(key: unknown): void {
    const length = this.#keys.encode(key);
    this.#chooser.choose(key, this.#keys.bytes, length);
  }

  /** Folds what was gathered into the table, before anybody else looks at it. */
  #flushShortKeys(table: NumericTable): void {
    this.#shortKeys?.flush(table, () => this.makeRoom(0));
  }

  /** Adds what was gathered for texts to their entries in the table: by a kernel, but for what that leaves. */
  #addSums({ texts, source }: Pick<Numbers, "texts" | "source">, sums: Float64Array): void {
    for (let from = 0; from < sums.length; from += sumsAtOnce) {
      const part = sums.subarray(from, from + sumsAtOnce);
      for (let i = 0; i < part.length; i++) {
        i += this.#addByKernel(texts, source, from, part, i);
        if (i < part.length && !Object.is(part[i], -0)) this.#addText(texts[from + i]!, part[i]!);
      }
    }
  }

  /** Adds sums of `part`, whose first is that of text `from`, from the `at`-th on; returns how many. */
  #addByKernel(
    texts: readonly string[],
    source: TextKeys | undefined,
    from: number,
    part: Float64Array,
    at: number,
  ): number {
    const kernel = this.#kernel;
    if (kernel === undefined || source === undefined) return 0;
    this.#sumsAt ??= kernel.allocate(sumsAtOnce * (8 + entryBytes));
    const count = part.length - at;
    const entriesAt = this.#sumsAt + sumsAtOnce * 8;
    if (!source.copyKeys(texts, from + at, from + part.length, kernel.bytes, entriesAt)) return 0;
    const { buffer, byteOffset } = kernel.bytes;
    new Float64Array(buffer, byteOffset + this.#sumsAt, count).set(part.subarray(at));
    let done = 0;
    this.#table!.lend(kernel, () => {
      done = kernel.calls.addEntries(entriesAt, this.#sumsAt!, count);
    });
    return done;
  }

  /** Adds what was gathered for a text to its entry in the table. */
  #addText(key: string, value: number): void {
    const table = this.#table!;
    if (table.addKnown(key, value)) return;
    this.#keys.encode(key);
    if (table.add(key, this.#keys, value)) return;
    this.#emptyTable(table);
    this.#keys.encode(key);
    table.add(key, this.#keys, value);
  }

  /** Appends a record whose value was just encoded, spilling first when there is no room. */
  #append(partition: number, keys: Buffer, keyStart: number, keyEnd: number, valueLength: number): void {
    const buffer = this.#buffer;
    if (buffer.append(partition, keys, keyStart, keyEnd, this.#values.bytes, valueLength)) return;
    this.#spill();
    buffer.append(partition, keys, keyStart, keyEnd, this.#values.bytes, valueLength);
  }

  /** Makes room in a full table. The buffer takes several tables before it is full and spilled itself. */
  #drainTable(table: NumericTable): void {
    this.#flushShortKeys(table);
    this.#numbered?.flush();
    this.#emptyTable(table);
  }

  #emptyTable(table: NumericTable): void {
    if (this.#buffer.count > 0) this.#hasRepeats = true;
    this.#moveToBuffer(table);
  }

  #moveToBuffer(table: NumericTable): void {
    table.forEach((partition, keys, start, end, value) => {
      this.#append(partition, keys, start, end, this.#values.encode(value));
    });
    table.clear();
  }

  /** The first value that is not a number: from here on the general way, after what was folded so far. */
  #leaveTable(table: NumericTable, value: unknown): void {
    if (typeof this.#combine === "object") this.#combine.add(this.#combine.initial() as never, value);
    this.#numbered?.stop();
    this.#flushShortKeys(table);
    this.#moveToBuffer(table);
    this.#table = undefined;
    this.#hasRepeats = true;
  }

  /** Writes the segment file `segment` in the work folder; the collector is empty afterwards. */
  async finish(pace: Pick<Pace, "restWhenDue">): Promise<SegmentSummary> {
    this.#numbered?.flush();
    if (this.#table !== undefined) this.#flushShortKeys(this.#table);
    const sorted = this.#sortedTable();
    if (sorted === undefined && this.#table !== undefined) this.#emptyTable(this.#table);
    if (this.#grouped?.pays === false && !this.#isGroupingSure) this.#leaveGrouped(this.#grouped);
    if (this.#runs.length > 0 && (this.#grouped ?? this.#buffer).count > 0) this.#spill();
    const writer = new SegmentWriter(this.#segmentPath, {
      partitions: this.#options.partitions,
      compression: this.#options.compression,
      isDigested: true,
      gatherer: this.#gatherer,
      isGrouped: this.#grouped !== undefined,
    });
    try {
      if (sorted !== undefined) sorted.writeTo(writer);
      else if (this.#runs.length === 0) this.#writeBuffer(writer);
      else await this.#mergeRuns(writer, pace);
      return writer.finish();
    } catch (thrown) {
      writer.abort();
      throw thrown;
    } finally {
      this.#removeRuns();
      this.#releaseKernel();
    }
  }

  /** The table, when it holds all there is, in the order of a segment: by a kernel. */
  #sortedTable(): SortedEntries | undefined {
    const table = this.#table;
    const kernel = this.#kernel;
    if (table === undefined || kernel === undefined) return undefined;
    if (this.#runs.length > 0 || this.#buffer.count > 0) return undefined;
    return new SortedEntries(kernel, table, this.#options.partitions, this.#chooser);
  }

  /** Removes spilled runs and, if it was written already, the segment. */
  abort(): void {
    this.#removeRuns();
    this.#releaseKernel();
    rmSync(this.#segmentPath, { force: true });
  }

  #releaseKernel(): void {
    if (this.#kernel !== undefined) returnKernel(this.#kernel);
    this.#kernel = undefined;
    this.#table = undefined;
  }

  #removeRuns(): void {
    for (const run of this.#runs.splice(0)) rmSync(run.path, { force: true });
  }

  #spill(): void {
    const path = join(this.#options.workDir, `spill-${this.#runs.length}.run`);
    const writer = new SegmentWriter(path, {
      partitions: this.#options.partitions,
      compression: "none",
      isDigested: false,
      gatherer: this.#gatherer,
      isGrouped: this.#grouped !== undefined,
    });
    this.#runs.push({ path, ends: writer.ends });
    try {
      this.#writeBuffer(writer);
      this.spilledBytes += writer.finish().bytes;
    } catch (thrown) {
      writer.abort();
      throw thrown;
    }
    this.spills += 1;
  }

  #writeBuffer(writer: SegmentWriter): void {
    if (this.#grouped !== undefined) {
      this.#grouped.writeTo(writer);
      return;
    }
    const streamOf = this.#buffer.sorted();
    const combine = this.#hasRepeats ? this.#combine : undefined;
    for (let p = 0; p < this.#options.partitions; p++) writeStream(streamOf(p), p, writer, combine);
    this.#buffer.clear();
  }

  async #mergeRuns(writer: SegmentWriter, pace: Pick<Pace, "restWhenDue">): Promise<void> {
    for (let p = 0; p < this.#options.partitions; p++) {
      const slices = this.#runs.map((run, order): SegmentSlice => {
        return { path: run.path, start: p === 0 ? 0 : run.ends[p - 1]!, end: run.ends[p]!, order };
      });
      const mark = this.#kernel?.mark;
      const grown = this.#gatherer?.grown;
      const merge = await PartitionMerge.open(slices, {
        partition: p,
        memoryBytes: Math.floor(this.#options.memoryBytes / 4),
        workDir: this.#options.workDir,
        combine: this.#combine,
        pace,
        kernel: this.#kernel,
      });
      try {
        const steps = new StreamWriter({
          stream: merge.stream,
          partition: p,
          writer,
          combine: this.#combine,
        });
        while (!steps.writeSome()) await pace.restWhenDue();
        await pace.restWhenDue();
        this.spills += merge.spills;
        this.spilledBytes += merge.spilledBytes;
      } finally {
        merge.close();
        // What the writer's gatherer has got meanwhile must stay.
        if (mark !== undefined && grown === this.#gatherer?.grown) this.#kernel?.rewind(mark);
      }
    }
  }
}

/** The fold that a table can do as numbers come: `sum`, `min` or `max`. */
function numericFoldOf(combine: Combine | undefined): NumericFold | undefined {
  if (typeof combine !== "object") return undefined;
  return combine.kind === "sum" || combine.kind === "min" || combine.kind === "max"
    ? combine.kind
    : undefined;
}
