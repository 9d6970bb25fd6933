/**
 * One input file, open for reading, that is known to be the file the job was planned on.
 *
 * A split is byte positions in a file as it was when the job was planned. If the file has changed since, the
 * positions mean nothing, and another attempt of the same task might read other records: so size and modification
 * time are compared when the file is opened and again when its range has been read.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { FanfoldError, type InputRange } from "@fanfold/job";
import { inputError } from "./os-error.js";

/** Where bytes come from, one after the other: a file, or what a compressed file decompresses to. */
export interface ByteReader {
  /** Puts up to `length` bytes at `at`; 0 at the end. A promise only where bytes must be decompressed first. */
  read(target: Buffer, at: number, length: number): number | Promise<number>;
}

/** How many bytes `isGzip` looks at: the magic number and "deflate", the only method there is (RFC 1952, 2.3.1). */
const gzipMagic: readonly number[] = [0x1f, 0x8b, 0x08];

export class InputFile implements ByteReader {
  readonly range: InputRange;
  readonly descriptor: number;
  #position: number;
  #bytesRead = 0;
  /** Up to here the range's bytes are counted: what is read beyond it, or twice, is no progress. */
  #countedTo: number;
  #isOpen = true;

  /** @throws `INPUT_NOT_FOUND`, `INPUT_UNREADABLE`, `INPUT_UNSUPPORTED`, `INPUT_CHANGED`. */
  constructor(range: InputRange) {
    this.range = range;
    this.#position = range.start;
    this.#countedTo = range.start;
    this.descriptor = openInput(range.path);
    try {
      this.checkUnchanged();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Bytes of the range read since the last call: over all splits, they add up to the size of the input. */
  takeBytesRead(): number {
    const bytes = this.#bytesRead;
    this.#bytesRead = 0;
    return bytes;
  }

  seek(position: number): void {
    this.#position = position;
  }

  read(target: Buffer, at: number, length: number): number {
    try {
      const count = readSync(this.descriptor, target, at, length, this.#position);
      this.#position += count;
      const reached = Math.min(this.#position, this.range.end);
      this.#bytesRead += Math.max(0, reached - this.#countedTo);
      this.#countedTo = Math.max(this.#countedTo, reached);
      return count;
    } catch (error) {
      throw inputError(this.range.path, error);
    }
  }

  /** @throws `INPUT_CHANGED` when the file is not the one that was planned. */
  checkUnchanged(): void {
    const { path, fileBytes, modifiedMs } = this.range;
    const stats = statOf(this.descriptor, path);
    if (!stats.isFile()) throw unsupportedInput(path, stats);
    if (stats.size === fileBytes && stats.mtimeMs === modifiedMs) return;
    const found = `${stats.size} bytes of ${stats.mtime.toISOString()}`;
    const planned = `${fileBytes} bytes of ${new Date(modifiedMs).toISOString()}`;
    const message = `input changed while the job ran: ${path} is ${found}, but the job was planned on ${planned}`;
    throw new FanfoldError("INPUT_CHANGED", message, { details: { path } });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.descriptor);
  }
}

/** Opens a file for reading, without waiting for the other side if it turns out to be a pipe. */
export function openInput(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw inputError(path, error);
  }
}

/**
 * Whether the open file is compressed: named `.gz`, or starting as gzip does (no valid UTF-8 text starts so).
 *
 * @throws `INPUT_CORRUPT` when only the name says so.
 */
export function isGzip(descriptor: number, path: string): boolean {
  const head = Buffer.alloc(gzipMagic.length);
  let count: number;
  try {
    count = readSync(descriptor, head, 0, head.length, 0);
  } catch (error) {
    throw inputError(path, error);
  }
  const hasMagic = count === head.length && gzipMagic.every((byte, index) => head[index] === byte);
  if (hasMagic || count === 0 || !/\.gz$/i.test(path)) return hasMagic;
  const message = `${path} is named .gz, but does not start as gzip data does; rename it if it is not compressed`;
  throw new FanfoldError("INPUT_CORRUPT", message, { details: { path, offset: 0 } });
}

/** What is read must be a regular file: anything else cannot be read twice, or not by byte range. */
export function unsupportedInput(path: string, stats: Stats): FanfoldError {
  const message = `input is not a regular file: ${path} is ${kindOf(stats)}`;
  return new FanfoldError("INPUT_UNSUPPORTED", message, { details: { path } });
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  if (stats.isFIFO()) return "a named pipe";
  if (stats.isSocket()) return "a socket";
  return stats.isCharacterDevice() || stats.isBlockDevice() ? "a device" : "of an unknown kind";
}

function statOf(descriptor: number, path: string): Stats {
  try {
    return fstatSync(descriptor);
  } catch (error) {
    throw inputError(path, error);
  }
}
