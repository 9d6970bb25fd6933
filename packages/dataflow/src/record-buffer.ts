/**
 * Holds emitted records, encoded, until they are sorted: an arena of bytes and a row of positions each, no object a
 * record.
 *
 * All lies in one piece of memory that is made at its full size at once: untouched pages cost nothing, growing would
 * copy. What is bounded is what is used: arena bytes plus a row of positions and the sort's share of each record. In the
 * memory of a kernel, a kernel sorts.
 */
import { looseBytes } from "./block-gatherer.js";
import { copyBytes } from "./compare-bytes.js";
import { type GrowingMemory, Kernel } from "./kernel.js";
import type { KeyEncoder } from "./key-encoder.js";
import { tagBytes } from "./key-tags.js";
import { bufferRecordsMax, keyBytesMax } from "./limits.js";
import type { PartitionChooser } from "./partition-chooser.js";
import { PlacesStream } from "./places-stream.js";
import type { FixedBlock } from "./ports.js";
import type { RecordStream } from "./record-view.js";
import type { Sortable } from "./sort-records.js";
import { rowWords, sortRecords } from "./sort-records.js";
import { SortedPlaces, sortHistogramBytes } from "./sorted-places.js";
import { SortedStream } from "./sorted-stream.js";
import type { ValueEncoder } from "./value-encoder.js";

/** Four columns of four bytes, and twice eight for the sort. */
const overheadBytes = 32;
/** Below this many bytes a record, the budget is used up by the columns first. */
const leanRecordBytes = 16;
/** What is looked at beyond a record when it is touched ahead of its turn. */
const spareBytes = 64 + looseBytes;
/** Bytes of a block of records taken over at once. */
const inputBytesMax = 256 * 1024;

export interface RecordBufferOptions {
  readonly partitions: number;
  readonly bytesMax: number;
  /** At most 2^24; less only in tests. */
  readonly recordsMax?: number | undefined;
  /** A kernel's, or a plain one. */
  readonly memory: GrowingMemory;
  /** Where only the bytes of keys count, it is asked about all records at once before they are sorted. */
  readonly chooser: PartitionChooser;
}

interface Sorted {
  readonly places: SortedPlaces;
  readonly stream: PlacesStream;
}

export class RecordBuffer {
  count = 0;
  readonly #options: RecordBufferOptions;
  readonly #kernel: Kernel | undefined;
  readonly #recordsMax: number;
  readonly #rowsAt: number;
  readonly #spaceAt: number;
  readonly #otherAt: number;
  /** Partitions' starts and cursors, then the histograms of the sort. */
  readonly #startsAt: number;
  readonly #ownArenaAt: number;
  #arenaAt: number;
  #arenaBytes: number;
  #inputAt: number | undefined;
  #rows: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #arena: Buffer = Buffer.alloc(0);
  #used = 0;
  readonly #sorted: Sorted | undefined;

  constructor(options: RecordBufferOptions) {
    this.#options = options;
    const { memory, partitions, bytesMax } = options;
    this.#kernel = memory instanceof Kernel ? memory : undefined;
    const fit = Math.floor(bytesMax / (overheadBytes + leanRecordBytes));
    this.#recordsMax = Math.max(1, Math.min(fit, options.recordsMax ?? bufferRecordsMax, bufferRecordsMax));
    const startsBytes = this.#kernel === undefined ? 0 : Math.ceil(partitions + 1) * 8 + sortHistogramBytes;
    // A key alone always fits: memory must not move while records come that lie in it themselves, as a table's do.
    this.#arenaBytes = Math.max(bytesMax, keyBytesMax + spareBytes);
    const at = memory.allocate(
      this.#recordsMax * overheadBytes + startsBytes + this.#arenaBytes + spareBytes,
    );
    this.#rowsAt = at;
    this.#spaceAt = this.#rowsAt + this.#recordsMax * rowWords * 4;
    this.#otherAt = this.#spaceAt + this.#recordsMax * 8;
    this.#startsAt = this.#otherAt + this.#recordsMax * 8;
    this.#ownArenaAt = this.#startsAt + startsBytes;
    this.#arenaAt = this.#ownArenaAt;
    if (this.#kernel !== undefined) {
      options.chooser.prepare(this.#kernel);
      this.#sorted = sortedIn(this.#kernel);
    }
    memory.onMoved(() => this.#look());
    this.#look();
  }

  /** Views of where things are now. */
  #look(): void {
    const { buffer, byteOffset } = this.#options.memory.bytes;
    this.#rows = new Uint32Array(
      buffer as ArrayBuffer,
      byteOffset + this.#rowsAt,
      this.#recordsMax * rowWords,
    );
    this.#arena = Buffer.from(buffer as ArrayBuffer, byteOffset + this.#arenaAt, this.#arenaBytes);
  }

  /** Bytes of keys and values held. */
  get bytes(): number {
    return this.#used;
  }

  /** Appends a record; false, and nothing done, when the buffer is full. An empty buffer takes any record. */
  append(
    partition: number,
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    values: Buffer,
    valueLength: number,
  ): boolean {
    const keyLength = keyEnd - keyStart;
    const used = this.#used;
    const needed = used + keyLength + valueLength;
    if (!this.#hasRoom(needed)) return false;
    const arena = this.#arena;
    this.#addRow(used, keyLength, valueLength, partition);
    copyBytes(arena, used, keys, keyStart, keyEnd);
    copyBytes(arena, used + keyLength, values, 0, valueLength);
    this.#used = needed;
    return true;
  }

  /** Appends a record whose value is a string of some length, encoded in place; false when it is not, or is full. */
  appendString(partition: number, keys: KeyEncoder, value: unknown, values: ValueEncoder): boolean {
    const index = this.count;
    const valueAt = this.#used + keys.length;
    if (index === this.#recordsMax) return false;
    const valueLength = values.encodeInto(value, this.#arena, valueAt);
    if (valueLength < 0) return false;
    const needed = valueAt + valueLength;
    if (needed + (index + 1) * overheadBytes > this.#options.bytesMax) return false;
    this.#addRow(this.#used, keys.length, valueLength, partition);
    copyBytes(this.#arena, this.#used, keys.bytes, 0, keys.length);
    this.#used = needed;
    return true;
  }

  /**
   * Appends records of a block from `first` on, key and value of each as bytes, `head` being what comes before those of a
   * value; returns how many: fewer when the buffer is full. An empty buffer takes any record.
   */
  appendFixed(block: FixedBlock, first: number, head: Buffer): number {
    const { size, keyBytes, count } = block;
    const each = 1 + head.length + size;
    const room = this.#options.bytesMax - this.#used - this.count * overheadBytes;
    let taken = Math.min(
      count - first,
      this.#recordsMax - this.count,
      Math.floor(room / (each + overheadBytes)),
    );
    if (taken < 1) {
      if (!this.#hasRoom(this.#used + each)) return 0;
      taken = 1;
    }
    if (this.#kernel !== undefined && size <= inputBytesMax) {
      taken = Math.min(taken, Math.floor(inputBytesMax / size));
      this.#appendInKernel(this.#kernel, block, { first, taken }, head);
    } else {
      for (let i = first; i < first + taken; i++)
        this.#appendOne(block.bytes, i * size, size, keyBytes, head);
    }
    return taken;
  }

  #appendInKernel(
    kernel: Kernel,
    { bytes, size, keyBytes }: FixedBlock,
    { first, taken }: { readonly first: number; readonly taken: number },
    head: Buffer,
  ): void {
    const headBytesMax = looseBytes;
    this.#inputAt ??= kernel.allocate(inputBytesMax + looseBytes + headBytesMax);
    const headAt = this.#inputAt + inputBytesMax + looseBytes;
    head.copy(kernel.bytes, headAt);
    bytes.copy(kernel.bytes, this.#inputAt, first * size, (first + taken) * size);
    const { calls } = kernel;
    calls.useRows(this.#arenaAt, this.#rowsAt);
    calls.appendFixed(
      this.#inputAt,
      taken,
      size,
      keyBytes,
      tagBytes,
      headAt,
      head.length,
      this.count,
      this.#used,
    );
    this.count += taken;
    this.#used += taken * (1 + head.length + size);
  }

  #appendOne(bytes: Buffer, start: number, size: number, keyBytes: number, head: Buffer): void {
    const arena = this.#arena;
    const used = this.#used;
    const valueAt = used + 1 + keyBytes;
    this.#addRow(used, keyBytes + 1, head.length + size - keyBytes, 0);
    arena[used] = tagBytes;
    copyBytes(arena, used + 1, bytes, start, start + keyBytes);
    copyBytes(arena, valueAt, head, 0, head.length);
    copyBytes(arena, valueAt + head.length, bytes, start + keyBytes, start + size);
    this.#used = used + 1 + head.length + size;
  }

  /** The records in order, a stream a partition, one at a time; valid until the buffer is cleared. */
  sorted(): (partition: number) => RecordStream {
    const { chooser, partitions } = this.#options;
    const kernel = this.#kernel;
    if (kernel === undefined) {
      if (chooser.looksAtBytes && partitions > 1) this.#placeAll(chooser);
      return this.#sortedHere();
    }
    kernel.calls.useRows(this.#arenaAt, this.#rowsAt);
    if (chooser.looksAtBytes && partitions > 1) chooser.placeRows(kernel, this.count);
    const { calls } = kernel;
    const starts = this.#startsAt;
    const histograms = starts + (partitions + 1) * 8;
    calls.sortRows(this.count, partitions, starts, this.#spaceAt, this.#otherAt, histograms);
    const { places, stream } = this.#sorted!;
    return (partition) => {
      const [from, to] = kernel.words(starts + partition * 4, 2);
      places.use(from!, to!);
      return stream;
    };
  }

  #sortedHere(): (partition: number) => RecordStream {
    const input: Sortable = {
      bytes: this.#arena,
      rows: this.#rows,
      count: this.count,
      partitionCount: this.#options.partitions,
    };
    const { buffer, byteOffset } = this.#options.memory.bytes;
    const space = new BigUint64Array(buffer as ArrayBuffer, byteOffset + this.#spaceAt, this.#recordsMax);
    const order = sortRecords(input, space);
    return (partition) => new SortedStream(input, order, partition);
  }

  #placeAll(chooser: PartitionChooser): void {
    const rows = this.#rows;
    for (let at = 0; at < this.count * rowWords; at += rowWords) {
      rows[at + 3] = chooser.place(this.#arena, rows[at]!, rows[at]! + rows[at + 1]!);
    }
  }

  /** Whether a record up to `needed` fits; an empty buffer makes room for any. */
  #hasRoom(needed: number): boolean {
    const { bytesMax, memory } = this.#options;
    if (this.count < this.#recordsMax && needed + (this.count + 1) * overheadBytes <= bytesMax) return true;
    if (this.count > 0) return false;
    if (needed <= this.#arenaBytes) return true;
    this.#arenaBytes = needed;
    this.#arenaAt = memory.allocate(needed + spareBytes);
    this.#look();
    return true;
  }

  #addRow(offset: number, keyLength: number, valueLength: number, partition: number): void {
    const rows = this.#rows;
    const at = this.count * rowWords;
    rows[at] = offset;
    rows[at + 1] = keyLength;
    rows[at + 2] = valueLength;
    rows[at + 3] = partition;
    this.count += 1;
  }

  clear(): void {
    this.count = 0;
    this.#used = 0;
  }
}

function sortedIn(kernel: Kernel): Sorted {
  const places = new SortedPlaces(kernel);
  return { places, stream: new PlacesStream(places) };
}
