/**
 * Writes sorted records as a segment file (also used for spilled runs, which are segments without compression).
 *
 * The digest is over the checksums of the raw payloads, which depend on the records alone: two attempts of the same map agree on it
 * whatever their memory, disks or compression, unless the user's code is not deterministic.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { compressSync } from "lz4-napi";
import { BlockBuilder } from "./block-builder.js";
import type { BlockGatherer } from "./block-gatherer.js";
import { FileOutput } from "./file-output.js";
import { GroupedBlockBuilder } from "./grouped-block.js";
import { blockBytes, compressionRatioMin, compressionRetryBlocks } from "./limits.js";
import { placeWords } from "./places-stream.js";
import {
  blockHeaderBytes,
  codecLz4,
  codecStored,
  indexEntryBytes,
  trailerBytes,
  trailerMagic,
  writeBlockHeader,
} from "./segment-format.js";

/** `auto` compresses where the first blocks show that it pays. */
export type Compression = "auto" | "none";

export interface SegmentSummary {
  readonly path: string;
  /** Size of the whole file. */
  readonly bytes: number;
  readonly records: number;
  readonly partitions: number;
  /** SHA-256, in hex, of the blocks' sizes and CRC-32s before compression: it tells attempts apart that wrote other records. */
  readonly digest: string;
}

export interface SegmentWriterOptions {
  readonly partitions: number;
  readonly compression: Compression;
  readonly isDigested: boolean;
  /** Whether many records share a key, so that it is written once for all of them. */
  readonly isGrouped?: boolean | undefined;
  /** For `appendPlaces`, of records in its kernel's memory; none where records are grouped. */
  readonly gatherer?: BlockGatherer | undefined;
}

export class SegmentWriter {
  /** Per partition: where its bytes end. */
  readonly #ends: Float64Array;
  readonly #recordCounts: Float64Array;
  readonly #output: FileOutput;
  readonly #builder: BlockBuilder | GroupedBlockBuilder;
  /** The same, where records are grouped. */
  readonly #grouped: GroupedBlockBuilder | undefined;
  readonly #hash: ReturnType<typeof createHash> | undefined;
  readonly #header: Buffer = Buffer.allocUnsafeSlow(blockHeaderBytes);
  readonly #gatherer: BlockGatherer | undefined;
  #scratch: Buffer = nothing;
  #partition = 0;
  #sequence = 0;
  #records = 0;
  /** Blocks to store before compression is tried again; never for `none`. */
  #storeFor: number;
  #isCompressing = false;

  /** @throws `OUTPUT_UNWRITABLE`, `DISK_FULL` */
  constructor(path: string, options: SegmentWriterOptions) {
    this.#gatherer = options.isGrouped === true ? undefined : options.gatherer;
    this.#ends = new Float64Array(options.partitions);
    this.#recordCounts = new Float64Array(options.partitions);
    this.#storeFor = options.compression === "none" ? Number.POSITIVE_INFINITY : 0;
    this.#hash = options.isDigested ? createHash("sha256") : undefined;
    this.#grouped = options.isGrouped === true ? new GroupedBlockBuilder() : undefined;
    this.#builder = this.#grouped ?? new BlockBuilder();
    this.#output = new FileOutput(path);
  }

  /** Appends a record; partitions and, within them, keys must come in order. */
  append(
    partition: number,
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    values: Buffer,
    valueStart: number,
    valueEnd: number,
  ): void {
    if (partition !== this.#partition) this.#turnTo(partition);
    if (this.#builder.append(keys, keyStart, keyEnd, values, valueStart, valueEnd)) return;
    this.#flush(false);
    this.#builder.append(keys, keyStart, keyEnd, values, valueStart, valueEnd);
  }

  /** Appends records of one key with the values `numbers[from, to)`, whole ones, where records are grouped. */
  appendNumbers(
    partition: number,
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    numbers: Float64Array,
    from: number,
    to: number,
  ): void {
    if (partition !== this.#partition) this.#turnTo(partition);
    const builder = this.#grouped!;
    for (let at = from; ; ) {
      at = builder.appendNumbers(keys, keyStart, keyEnd, numbers, at, to);
      if (at === to) return;
      this.#flush(false);
    }
  }

  /** Whether `appendNumbers` may be used. */
  get isGrouped(): boolean {
    return this.#grouped !== undefined;
  }

  /**
   * Appends a block whose payload was made elsewhere, as a `BlockBuilder` would have made it: `bytes[start, end)`, which may be
   * reused at once. `isLast` of its partition.
   */
  appendBlock(
    partition: number,
    bytes: Buffer,
    start: number,
    end: number,
    records: number,
    isLast: boolean,
  ): void {
    if (partition !== this.#partition) this.#turnTo(partition);
    this.#writeBlock(bytes.subarray(start, end), records, isLast);
  }

  /** Whether `appendPlaces` may be used; then, for all records of a partition or for none. */
  get takesPlaces(): boolean {
    return this.#gatherer !== undefined;
  }

  /** As `append`, for `count` records by their places. */
  appendPlaces(partition: number, placesAt: number, count: number): void {
    if (partition !== this.#partition) this.#turnTo(partition);
    const gatherer = this.#gatherer!;
    for (let done = 0; done < count; ) {
      if (gatherer.isFull) this.#flushGathered(gatherer, false);
      done += gatherer.append(placesAt + done * placeWords * 4, count - done);
    }
  }

  /** Writes the index and closes the file. */
  finish(): SegmentSummary {
    this.#turnTo(this.#ends.length);
    const digest = this.#hash === undefined ? Buffer.alloc(32) : this.#hash.digest();
    const footer = this.#footer(digest);
    this.#output.append(footer, 0, footer.length);
    this.#output.close();
    return {
      path: this.#output.path,
      bytes: this.#output.bytes,
      records: this.#records,
      partitions: this.#ends.length,
      digest: digest.toString("hex"),
    };
  }

  /** Closes and removes the file. Never throws. */
  abort(): void {
    this.#output.abort();
  }

  /** Where each partition's bytes end; those of the next one start there. */
  get ends(): Float64Array {
    return this.#ends;
  }

  #turnTo(partition: number): void {
    if (this.#builder.records > 0) this.#flush(true);
    if (this.#gatherer !== undefined && this.#gatherer.records > 0) this.#flushGathered(this.#gatherer, true);
    for (let p = this.#partition; p < partition; p++) this.#ends[p] = this.#output.bytes;
    this.#partition = partition;
    this.#sequence = 0;
  }

  #flush(isLast: boolean): void {
    const records = this.#builder.records;
    const needed = this.#builder.payloadBytesMax;
    if (needed > this.#scratch.length)
      this.#scratch = Buffer.allocUnsafeSlow(Math.max(needed, 2 * blockBytes));
    const end = this.#builder.write(this.#scratch, 0);
    this.#writeBlock(this.#scratch.subarray(0, end), records, isLast);
    if (this.#scratch.length > blockBytes * 16) this.#scratch = nothing;
  }

  #flushGathered(gatherer: BlockGatherer, isLast: boolean): void {
    const { records } = gatherer;
    const { bytes, start, end } = gatherer.finish();
    this.#writeBlock(bytes.subarray(start, end), records, isLast);
  }

  #writeBlock(raw: Buffer, records: number, isLast: boolean): void {
    this.#records += records;
    this.#recordCounts[this.#partition] = this.#recordCounts[this.#partition]! + records;
    const packed = this.#compress(raw);
    const stored = packed ?? raw;
    const payloadCrc = crc32(stored);
    writeBlockHeader(this.#header, 0, {
      partition: this.#partition,
      sequence: this.#sequence++,
      records,
      rawBytes: raw.length,
      storedBytes: stored.length,
      codec: packed === undefined ? codecStored : codecLz4,
      isLast,
      isGrouped: this.isGrouped,
      payloadCrc,
    });
    if (this.#hash !== undefined) {
      this.#digest(raw.length, records, packed === undefined ? payloadCrc : crc32(raw));
    }
    this.#output.append(this.#header, 0, blockHeaderBytes);
    this.#output.append(stored, 0, stored.length);
  }

  #digest(rawBytes: number, records: number, rawCrc: number): void {
    const block = Buffer.allocUnsafe(16);
    block.writeUInt32LE(this.#partition, 0);
    block.writeUInt32LE(records, 4);
    block.writeUInt32LE(rawBytes, 8);
    block.writeUInt32LE(rawCrc, 12);
    this.#hash?.update(block);
  }

  /** The payload compressed, when that pays. */
  #compress(raw: Buffer): Buffer | undefined {
    if (!this.#isCompressing && this.#storeFor > 0) {
      this.#storeFor -= 1;
      return undefined;
    }
    const packed = compressSync(raw);
    this.#isCompressing = packed.length * compressionRatioMin <= raw.length;
    if (this.#isCompressing) return packed;
    this.#storeFor = compressionRetryBlocks;
    return undefined;
  }

  #footer(digest: Buffer): Buffer {
    const partitions = this.#ends.length;
    const indexBytes = partitions * indexEntryBytes;
    const footer = Buffer.alloc(indexBytes + trailerBytes);
    for (let p = 0; p < partitions; p++) {
      footer.writeDoubleLE(this.#ends[p]!, p * indexEntryBytes);
      footer.writeDoubleLE(this.#recordCounts[p]!, p * indexEntryBytes + 8);
    }
    footer.writeDoubleLE(this.#output.bytes, indexBytes);
    footer.writeUInt32LE(partitions, indexBytes + 8);
    digest.copy(footer, indexBytes + 12);
    footer.writeUInt32LE(crc32(footer.subarray(0, indexBytes + 44)), indexBytes + 44);
    footer.writeUInt32LE(trailerMagic, indexBytes + 48);
    return footer;
  }
}

const nothing: Buffer = Buffer.alloc(0);
