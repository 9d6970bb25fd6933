/**
 * Cuts a byte range of a file into blocks of whole lines.
 *
 * The rule that makes every line belong to one range, wherever the cuts fall: a line belongs to the range that holds
 * its first byte. A range that does not start at 0 begins after the first `\n` found from the byte *before* it
 * (if that byte is the `\n`, the range starts with a line of its own); a range reads past its end to finish the line
 * it has begun. Neither side needs to know of the other.
 *
 * Only `\n` is looked for, so a cut between `\r` and `\n`, or inside a character of several bytes, changes nothing.
 */
import { FanfoldError } from "@fanfold/job";
import type { ByteReader } from "./input-file.js";

/**
 * How much is read and handed on at a time. Reading is as fast with more, but a batch's records then outlive V8's young
 * generation, and collecting them costs more than parsing: CSV is three times as slow with blocks of 1 MiB.
 */
export const blockBytesDefault: number = 64 * 1024;
/** A longer record would be held in memory several times over, and end at V8's limit for strings (512 Mi characters). */
export const recordBytesMax: number = 256 * 1024 * 1024;
/** First read past the end of the range, to finish its last line; doubled as long as that does not do. */
const overreadBytes = 64 * 1024;
const lineFeed = 10;

export interface LineBlocksOptions {
  readonly path: string;
  /** Position of the first byte that `reader` gives. */
  readonly start: number;
  /** A line that starts here or later is not wanted. */
  readonly end: number;
  readonly recordBytesMax: number;
}

/** Whole lines: `bytes[0, length)`, valid until the next call. */
export interface LineBlock {
  readonly bytes: Buffer;
  readonly length: number;
  /** Position of the first byte in the (uncompressed) file. */
  readonly offset: number;
  /** Nothing comes after this block. */
  readonly isLast: boolean;
}

export class LineBlocks {
  readonly #reader: ByteReader;
  readonly #options: LineBlocksOptions;
  #buffer: Buffer;
  /** Bytes in the buffer. */
  #filled = 0;
  /** Bytes at the start of the buffer that were handed on. */
  #taken = 0;
  /** Bytes at the start of the buffer known to hold no `\n`, after the taken ones are gone. */
  #scanned = 0;
  #offset: number;
  #overread = overreadBytes;
  #isAtEnd = false;
  #isDone = false;

  constructor(reader: ByteReader, buffer: Buffer, options: LineBlocksOptions) {
    this.#reader = reader;
    this.#buffer = buffer;
    this.#options = options;
    this.#offset = options.start;
  }

  /** Goes behind the first `\n`: for a range that starts inside a file, on the byte before the range. */
  async skipLine(): Promise<void> {
    while (!this.#isDone) {
      await this.#fill();
      const found = this.#indexOfLineFeed(0);
      const next = this.#offset + (found < 0 ? this.#filled : found + 1);
      if (next >= this.#options.end || (found < 0 && this.#isAtEnd)) this.#isDone = true;
      this.#taken = found < 0 ? this.#filled : found + 1;
      if (found >= 0) return;
      this.#dropTaken();
    }
  }

  /**
   * The next block, or `undefined` after the last.
   *
   * @throws `RECORD_TOO_LARGE` before more than the limit is held.
   */
  async next(): Promise<LineBlock | undefined> {
    if (this.#isDone) return undefined;
    this.#dropTaken();
    while (true) {
      await this.#fill();
      const length = this.#cut();
      if (length > 0) {
        this.#taken = length;
        this.#scanned = 0;
        return { bytes: this.#buffer, length, offset: this.#offset, isLast: this.#isDone };
      }
      if (this.#isDone) return undefined;
      this.#growIfFull();
    }
  }

  /** Takes back the end of the last block from `at` on, since the record that starts there is not complete. */
  putBack(at: number): void {
    const length = this.#taken - at;
    this.#taken = at;
    this.#scanned = length;
    this.#isDone = false;
  }

  /** Where the next block ends: 0 if there is not one whole line. */
  #cut(): number {
    const { end } = this.#options;
    if (this.#offset + this.#filled >= end) {
      const last = this.#indexOfLineFeed(Math.max(this.#scanned, end - 1 - this.#offset));
      if (last >= 0) {
        this.#isDone = true;
        return last + 1;
      }
    }
    if (this.#isAtEnd) {
      this.#isDone = true;
      return this.#filled;
    }
    const last = this.#buffer.subarray(this.#scanned, this.#filled).lastIndexOf(lineFeed);
    if (last >= 0) return this.#scanned + last + 1;
    this.#scanned = this.#filled;
    return 0;
  }

  #indexOfLineFeed(from: number): number {
    const found = this.#buffer.subarray(0, this.#filled).indexOf(lineFeed, from);
    return from > this.#filled ? -1 : found;
  }

  async #fill(): Promise<void> {
    while (!this.#isAtEnd && this.#filled < this.#buffer.length) {
      const missing = this.#options.end - this.#offset - this.#filled;
      if (missing <= 0 && this.#filled > this.#scanned) return;
      const length = Math.min(this.#buffer.length - this.#filled, missing > 0 ? missing : this.#overread);
      if (missing <= 0) this.#overread *= 2;
      const result = this.#reader.read(this.#buffer, this.#filled, length);
      const count = typeof result === "number" ? result : await result;
      if (count === 0) this.#isAtEnd = true;
      this.#filled += count;
    }
  }

  #dropTaken(): void {
    this.#buffer.copyWithin(0, this.#taken, this.#filled);
    this.#filled -= this.#taken;
    this.#offset += this.#taken;
    this.#taken = 0;
  }

  /** Doubling, so that a long record is looked at a bounded number of times. */
  #growIfFull(): void {
    const { path, recordBytesMax: limit } = this.#options;
    // One byte more may still be the `\r` of a line end.
    if (this.#filled > limit + 1) throw recordTooLarge(path, this.#offset, limit);
    if (this.#filled < this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(
      Math.min(this.#buffer.length * 2, Math.max(limit + 2, this.#buffer.length + 1)),
    );
    this.#buffer.copy(grown, 0, 0, this.#filled);
    this.#buffer = grown;
  }
}

export function recordTooLarge(path: string, offset: number, limit: number): FanfoldError {
  const message = `record too large: the record at ${path} byte ${offset} is over ${limit} bytes`;
  return new FanfoldError("RECORD_TOO_LARGE", message, { details: { path, offset, limit } });
}
