/**
 * Holds emitted records, encoded, until they are sorted: an arena of bytes and columns of positions, no object a
 * record.
 *
 * The arrays are made at their full size at once: untouched pages cost nothing, growing would copy. What is bounded
 * is what is used: arena bytes plus a row of positions and the sort's share of each record.
 */
import { returnBuffer, takeBuffer } from "./buffer-pool.js";
import { copyBytes } from "./compare-bytes.js";
import type { KeyEncoder } from "./key-encoder.js";
import { bufferRecordsMax } from "./limits.js";
import type { RecordStream } from "./record-view.js";
import { RecordView } from "./record-view.js";
import type { Sortable, SortedOrder } from "./sort-records.js";
import { indexMask, rowWords, sortRecords } from "./sort-records.js";
import type { ValueEncoder } from "./value-encoder.js";

/** Four columns of four bytes, and eight for the sort. */
const overheadBytes = 24;
/** Records touched ahead of their turn: more than the misses that a core can have outstanding. */
const fetchRecords = 32;
const cacheLineBytes = 64;
/** Below this many bytes a record, the budget is used up by the columns first. */
const leanRecordBytes = 16;

export interface RecordBufferOptions {
  readonly partitions: number;
  readonly bytesMax: number;
  /** At most 2^24; less only in tests. */
  readonly recordsMax?: number | undefined;
}

export class RecordBuffer {
  count = 0;
  readonly #options: RecordBufferOptions;
  readonly #recordsMax: number;
  readonly #rows: Uint32Array<ArrayBuffer>;
  readonly #space: BigUint64Array<ArrayBuffer>;
  #arena: Buffer;
  #used = 0;

  constructor(options: RecordBufferOptions) {
    this.#options = options;
    const fit = Math.floor(options.bytesMax / (overheadBytes + leanRecordBytes));
    this.#recordsMax = Math.max(1, Math.min(fit, options.recordsMax ?? bufferRecordsMax, bufferRecordsMax));
    this.#rows = new Uint32Array(takeBuffer(this.#recordsMax * rowWords * 4));
    this.#space = new BigUint64Array(takeBuffer(this.#recordsMax * 8));
    this.#arena = Buffer.from(takeBuffer(options.bytesMax));
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
    const index = this.count;
    const used = this.#used;
    const needed = used + keyLength + valueLength;
    if (index === this.#recordsMax || needed + (index + 1) * overheadBytes > this.#options.bytesMax) {
      if (index > 0) return false;
      if (needed > this.#arena.length) this.#arena = Buffer.from(new ArrayBuffer(needed));
    }
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
   * Appends `bytes[start, start + size)`, whose first bytes are, after their tag, `key`, and whose rest makes a value by
   * `head` in front of it; false, and nothing done, when the buffer is full. An empty buffer takes any record.
   */
  appendFixed(
    partition: number,
    bytes: Buffer,
    start: number,
    size: number,
    key: Buffer,
    head: Buffer,
  ): boolean {
    const used = this.#used;
    const needed = used + 1 + head.length + size;
    if (
      this.count === this.#recordsMax ||
      needed + (this.count + 1) * overheadBytes > this.#options.bytesMax
    ) {
      if (this.count > 0) return false;
      if (needed > this.#arena.length) this.#arena = Buffer.from(new ArrayBuffer(needed));
    }
    const arena = this.#arena;
    const valueAt = used + key.length;
    this.#addRow(used, key.length, needed - valueAt, partition);
    // Record and all in one copy, so that the value is in its place; then what is before it.
    copyBytes(arena, used + 1 + head.length, bytes, start, start + size);
    for (let i = 0; i < key.length; i++) arena[used + i] = key[i]!;
    for (let i = 0; i < head.length; i++) arena[valueAt + i] = head[i]!;
    this.#used = needed;
    return true;
  }

  /** The records in order, a stream a partition; valid until the buffer is cleared. */
  sorted(): (partition: number) => RecordStream {
    const input: Sortable = {
      bytes: this.#arena,
      rows: this.#rows,
      count: this.count,
      partitionCount: this.#options.partitions,
    };
    const order = sortRecords(input, this.#space);
    return (partition) => new SortedStream(input, order, partition);
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
    const { bytesMax } = this.#options;
    if (this.#arena.length > bytesMax) this.#arena = Buffer.from(new ArrayBuffer(bytesMax));
  }

  /** Hands the memory on to the next attempt; the buffer must not be used any more. */
  release(): void {
    this.clear();
    for (const buffer of [this.#arena.buffer, this.#rows.buffer, this.#space.buffer]) {
      returnBuffer(buffer as ArrayBuffer);
    }
  }
}

class SortedStream implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #input: Sortable;
  readonly #words: Uint32Array;
  #at: number;
  /** The first position that has not been fetched. */
  #fetchAt: number;
  #fetched = 0;
  readonly #end: number;

  constructor(input: Sortable, order: SortedOrder, partition: number) {
    this.#input = input;
    this.#words = order.words;
    this.#at = order.starts[partition]!;
    this.#fetchAt = this.#at;
    this.#end = order.starts[partition + 1]!;
    this.view.bytes = input.bytes;
  }

  next(): boolean {
    if (this.#at === this.#end) return false;
    if (this.#at === this.#fetchAt) this.#fetch();
    const index = this.#words[2 * this.#at]! & indexMask;
    this.#at += 1;
    const view = this.view;
    const rows = this.#input.rows;
    const start = rows[rowWords * index]!;
    const valueStart = start + rows[rowWords * index + 1]!;
    view.keyStart = start;
    view.keyEnd = valueStart;
    view.valueStart = valueStart;
    view.valueEnd = valueStart + rows[rowWords * index + 2]!;
    return true;
  }

  /**
   * Touches the next records. In key order each one is a cache miss or two; here the processor waits for many at a
   * time instead of for one after the other.
   */
  #fetch(): void {
    const { bytes, rows } = this.#input;
    const end = Math.min(this.#at + fetchRecords, this.#end);
    let touched = 0;
    for (let i = this.#at; i < end; i++) {
      const start = rows[rowWords * (this.#words[2 * i]! & indexMask)]!;
      touched += bytes[start]! + (bytes[start + cacheLineBytes] ?? 0);
    }
    this.#fetched = (this.#fetched + touched) | 0;
    this.#fetchAt = end;
  }
}
