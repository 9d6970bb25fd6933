/**
 * Reads one partition of one segment block by block, checking every byte before it is used.
 *
 * A reader holds one window of file bytes and, for compressed blocks, one raw block; nothing else. Both lie in the memory of
 * a kernel, where it is to work on them. It keeps its file open only when told to: a merge of hundreds of sources must not need
 * hundreds of files.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { crc32 } from "node:zlib";
import { uncompressSync } from "lz4-napi";
import { looseBytes } from "./block-gatherer.js";
import { corruptSegment, readError } from "./disk-error.js";
import type { GrowingMemory } from "./kernel.js";
import {
  type BlockHeader,
  blockHeaderBytes,
  codecLz4,
  codecStored,
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

export interface BlockReaderOptions {
  readonly partition: number;
  /** How much to read at once; grows for a larger block. */
  readonly windowBytes: number;
  readonly keepsFileOpen: boolean;
  /** Where blocks are to lie; by default somewhere of their own. */
  readonly memory?: GrowingMemory | undefined;
}

/** A payload: `bytes[at, end)` holds the columns of so many records. Valid until the next block is asked for. */
export interface Block {
  readonly bytes: Buffer;
  readonly at: number;
  readonly end: number;
  readonly records: number;
  /** Whether each key is there once for all its records. */
  readonly isGrouped: boolean;
}

export class BlockReader {
  readonly #slice: SegmentSlice;
  readonly #options: BlockReaderOptions;
  readonly #window: Room;
  readonly #raw: Room;
  #file: number | undefined;
  /** The window holds file bytes `[#windowAt, #windowAt + #windowUsed)`. */
  #windowAt: number;
  #windowUsed = 0;
  /** Where the next block starts in the file. */
  #offset: number;
  #sequence = 0;
  #hasEnded: boolean;

  constructor(slice: SegmentSlice, options: BlockReaderOptions) {
    this.#slice = slice;
    this.#options = options;
    this.#window = new Room(options.memory);
    this.#raw = new Room(options.memory);
    this.#offset = slice.start;
    this.#windowAt = slice.start;
    this.#hasEnded = slice.start === slice.end;
  }

  /** Bytes of the slice whose blocks have been given. */
  get bytesRead(): number {
    return this.#offset - this.#slice.start;
  }

  /** Whether the next block, and so all of them, holds each key once. @throws as `next` */
  get isGrouped(): boolean {
    return !this.#hasEnded && this.#nextHeader().isGrouped;
  }

  /** The next block; undefined after the last. @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE` */
  next(): Block | undefined {
    if (this.#hasEnded) {
      if (this.#offset !== this.#slice.end) throw this.#corrupt("bytes after the last block");
      this.close();
      return undefined;
    }
    const header = this.#nextHeader();
    const payloadAt = this.#offset + blockHeaderBytes;
    if (payloadAt + header.storedBytes > this.#slice.end) throw this.#corrupt("the slice ends early");
    const block = this.#openPayload(header, this.#fill(payloadAt, header.storedBytes));
    this.#offset = payloadAt + header.storedBytes;
    this.#sequence += 1;
    this.#hasEnded = header.isLast;
    return block;
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#window.release();
    this.#raw.release();
  }

  #nextHeader(): BlockHeader {
    if (this.#offset + blockHeaderBytes > this.#slice.end) throw this.#corrupt("the slice ends early");
    const at = this.#fill(this.#offset, blockHeaderBytes);
    const header = readBlockHeader(this.#window.bytes, at);
    if (header === undefined) throw this.#corrupt("no block starts here, or its header is damaged");
    if (header.partition !== this.#options.partition)
      throw this.#corrupt(`a block of partition ${header.partition}`);
    if (header.sequence !== this.#sequence) throw this.#corrupt("a block is missing, or doubled");
    return header;
  }

  #openPayload(header: BlockHeader, at: number): Block {
    const { records, rawBytes, isGrouped } = header;
    const stored = this.#window.bytes.subarray(at, at + header.storedBytes);
    if (crc32(stored) !== header.payloadCrc) throw this.#corrupt("a block does not match its checksum");
    if (header.codec === codecLz4) return this.#unpack(stored, header);
    if (header.codec !== codecStored) throw this.#corrupt(`unknown codec ${header.codec}`);
    if (stored.length !== rawBytes || records === 0) throw this.#corrupt("a block of the wrong size");
    return { bytes: this.#window.bytes, at, end: at + rawBytes, records, isGrouped };
  }

  #unpack(stored: Buffer, { rawBytes, records, isGrouped }: BlockHeader): Block {
    let raw: Buffer;
    try {
      raw = uncompressSync(stored);
    } catch {
      throw this.#corrupt("a block does not decompress");
    }
    if (raw.length !== rawBytes || records === 0) throw this.#corrupt("a block of the wrong size");
    if (this.#options.memory === undefined) return { bytes: raw, at: 0, end: rawBytes, records, isGrouped };
    const at = this.#raw.reserve(rawBytes);
    raw.copy(this.#raw.bytes, at);
    return { bytes: this.#raw.bytes, at, end: at + rawBytes, records, isGrouped };
  }

  /** Makes file bytes `[from, from + length)` available and returns where they lie in the window's memory. */
  #fill(from: number, length: number): number {
    const at = from - this.#windowAt;
    if (at >= 0 && at + length <= this.#windowUsed) return this.#window.at + at;
    const rest = this.#slice.end - from;
    const wanted = Math.min(rest, Math.max(length, this.#options.windowBytes));
    // The last block may still be looked at by nobody: who asked for this one is done with it.
    const kept = at >= 0 && at < this.#windowUsed ? this.#windowUsed - at : 0;
    const start = this.#window.reserve(wanted, at, kept);
    this.#windowAt = from;
    this.#windowUsed = kept + this.#read(from + kept, start + kept, wanted - kept);
    if (this.#windowUsed < length) throw this.#corrupt("the file ends early");
    return start;
  }

  #read(from: number, at: number, wanted: number): number {
    try {
      const file = this.#file ?? openSync(this.#slice.path, "r");
      this.#file = file;
      let used = 0;
      while (used < wanted) {
        const count = readSync(file, this.#window.bytes, at + used, wanted - used, from + used);
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

/** Some bytes that grow when more are needed: in a given memory, or in one of their own. */
class Room {
  at = 0;
  readonly #memory: GrowingMemory | undefined;
  #own: Buffer = nothing;
  #length = 0;

  constructor(memory: GrowingMemory | undefined) {
    this.#memory = memory;
  }

  /** What `at` is a position in. */
  get bytes(): Buffer {
    return this.#memory?.bytes ?? this.#own;
  }

  /** Makes room for `length` bytes, moves `kept` bytes from `from` on to its beginning, and returns where that is. */
  reserve(length: number, from = 0, kept = 0): number {
    const { bytes, at } = this;
    if (length > this.#length) {
      this.#length = length;
      if (this.#memory === undefined) this.#own = Buffer.allocUnsafeSlow(length);
      else this.at = this.#memory.allocate(length + looseBytes);
    }
    if (kept === 0) return this.at;
    // A memory that has moved has taken along what was in it.
    const source = this.#memory?.bytes ?? bytes;
    source.copy(this.bytes, this.at, at + from, at + from + kept);
    return this.at;
  }

  release(): void {
    this.#own = nothing;
    this.#length = 0;
  }
}

const nothing: Buffer = Buffer.alloc(0);
