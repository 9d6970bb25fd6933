/**
 * Streams the records of one partition of one segment, block by block, checking every byte before it is used.
 *
 * A reader holds one window of file bytes and, for compressed blocks, one raw block; nothing else. It keeps its file
 * open only when told to: a merge of hundreds of sources must not need hundreds of files.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { uncompressSync } from "lz4-napi";
import { corruptSegment, readError } from "./disk-error.js";
import type { RecordStream } from "./record-view.js";
import { RecordView } from "./record-view.js";
import {
  type BlockHeader,
  blockHeaderBytes,
  codecLz4,
  codecStored,
  payloadHeadBytes,
  readBlockHeader,
} from "./segment-format.js";

/** One partition's bytes `[start, end)` in a segment file, or in a file that holds a fetched copy of them. */
export interface SegmentSlice {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** Index of the map task that made it: equal keys are given in this order. */
  readonly order: number;
}

export interface SegmentReaderOptions {
  readonly partition: number;
  /** How much to read at once; grows for a larger block. */
  readonly windowBytes: number;
  readonly keepsFileOpen: boolean;
}

export class SegmentReader implements RecordStream {
  readonly view: RecordView = new RecordView();
  readonly #slice: SegmentSlice;
  readonly #options: SegmentReaderOptions;
  #file: number | undefined;
  /** File bytes `[#windowAt, #windowAt + #windowUsed)`. */
  #window: Buffer = Buffer.alloc(0);
  #windowAt: number;
  #windowUsed = 0;
  /** Where the next block starts in the file. */
  #offset: number;
  #sequence = 0;
  #hasEnded: boolean;
  #left = 0;
  /** Column positions in the raw block. */
  #keyWidth = 0;
  #valueWidth = 0;
  #keyLength = 0;
  #valueLength = 0;
  #keyLengthAt = 0;
  #valueLengthAt = 0;

  constructor(slice: SegmentSlice, options: SegmentReaderOptions) {
    this.#slice = slice;
    this.#options = options;
    this.#offset = slice.start;
    this.#windowAt = slice.start;
    this.#hasEnded = slice.start === slice.end;
  }

  /** Bytes of the slice whose records have been reached. */
  get bytesRead(): number {
    return this.#offset - this.#slice.start;
  }

  /** @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE` */
  next(): boolean {
    if (this.#left === 0 && !this.#nextBlock()) return false;
    this.#left -= 1;
    const view = this.view;
    const bytes = view.bytes;
    view.keyStart = view.keyEnd;
    view.valueStart = view.valueEnd;
    if (this.#keyWidth === 0) {
      view.keyEnd += this.#keyLength;
    } else {
      view.keyEnd += readLength(bytes, this.#keyLengthAt, this.#keyWidth);
      this.#keyLengthAt += this.#keyWidth;
    }
    if (this.#valueWidth === 0) {
      view.valueEnd += this.#valueLength;
    } else {
      view.valueEnd += readLength(bytes, this.#valueLengthAt, this.#valueWidth);
      this.#valueLengthAt += this.#valueWidth;
    }
    return true;
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#window = Buffer.alloc(0);
  }

  #nextBlock(): boolean {
    if (this.#hasEnded) {
      if (this.#offset !== this.#slice.end) throw this.#corrupt("bytes after the last block");
      this.close();
      return false;
    }
    if (this.#offset + blockHeaderBytes > this.#slice.end) throw this.#corrupt("the slice ends early");
    const at = this.#fill(this.#offset, blockHeaderBytes);
    const header = readBlockHeader(this.#window, at);
    if (header === undefined) throw this.#corrupt("no block starts here, or its header is damaged");
    if (header.partition !== this.#options.partition)
      throw this.#corrupt(`a block of partition ${header.partition}`);
    if (header.sequence !== this.#sequence) throw this.#corrupt("a block is missing, or doubled");
    const payloadAt = this.#offset + blockHeaderBytes;
    if (payloadAt + header.storedBytes > this.#slice.end) throw this.#corrupt("the slice ends early");
    this.#openPayload(header, this.#fill(payloadAt, header.storedBytes));
    this.#offset = payloadAt + header.storedBytes;
    this.#sequence += 1;
    this.#hasEnded = header.isLast;
    return true;
  }

  #openPayload(header: BlockHeader, at: number): void {
    const stored = this.#window.subarray(at, at + header.storedBytes);
    if (crc32(stored) !== header.payloadCrc) throw this.#corrupt("a block does not match its checksum");
    let raw = stored;
    if (header.codec === codecLz4) raw = this.#unpack(stored);
    else if (header.codec !== codecStored) throw this.#corrupt(`unknown codec ${header.codec}`);
    if (raw.length !== header.rawBytes || header.records === 0)
      throw this.#corrupt("a block of the wrong size");
    this.#openColumns(raw, header.records);
  }

  #unpack(stored: Buffer): Buffer {
    try {
      return uncompressSync(stored);
    } catch {
      throw this.#corrupt("a block does not decompress");
    }
  }

  #openColumns(raw: Buffer, records: number): void {
    this.#keyWidth = raw[0]!;
    this.#valueWidth = raw[1]!;
    this.#keyLength = raw.readUInt32LE(4);
    this.#valueLength = raw.readUInt32LE(8);
    this.#keyLengthAt = payloadHeadBytes;
    this.#valueLengthAt = payloadHeadBytes + records * this.#keyWidth;
    const keysAt = this.#valueLengthAt + records * this.#valueWidth;
    let keyBytes = records * this.#keyLength;
    for (let i = 0; this.#keyWidth > 0 && i < records; i++) {
      keyBytes += readLength(raw, this.#keyLengthAt + i * this.#keyWidth, this.#keyWidth);
    }
    const view = this.view;
    view.bytes = raw;
    view.keyEnd = keysAt;
    view.valueEnd = keysAt + keyBytes;
    this.#left = records;
  }

  /** Makes file bytes `[from, from + length)` available and returns where they lie in the window. */
  #fill(from: number, length: number): number {
    const at = from - this.#windowAt;
    if (at >= 0 && at + length <= this.#windowUsed) return at;
    const rest = this.#slice.end - from;
    const wanted = Math.min(rest, Math.max(length, this.#options.windowBytes));
    // The raw block of the last step may still be looked at by nobody: `next` is what asked for this one.
    if (this.#window.length < wanted) this.#window = Buffer.allocUnsafeSlow(wanted);
    this.#windowAt = from;
    this.#windowUsed = this.#read(from, wanted);
    if (this.#windowUsed < length) throw this.#corrupt("the file ends early");
    return 0;
  }

  #read(from: number, wanted: number): number {
    try {
      const file = this.#file ?? openSync(this.#slice.path, "r");
      this.#file = file;
      let used = 0;
      while (used < wanted) {
        const count = readSync(file, this.#window, used, wanted - used, from + used);
        if (count === 0) break;
        used += count;
      }
      if (!this.#options.keepsFileOpen) {
        closeSync(file);
        this.#file = undefined;
      }
      return used;
    } catch (thrown) {
      throw readError(thrown, this.#slice.path, this.#slice.order);
    }
  }

  #corrupt(what: string): ReturnType<typeof corruptSegment> {
    return corruptSegment(this.#slice.path, this.#offset, what, this.#slice.order);
  }
}

function readLength(bytes: Buffer, at: number, width: number): number {
  if (width === 1) return bytes[at]!;
  if (width === 2) return bytes[at]! | (bytes[at + 1]! << 8);
  return bytes.readUInt32LE(at);
}
