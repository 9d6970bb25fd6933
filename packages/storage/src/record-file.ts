/**
 * Pairs with their types, for the programmatic API: what `runJob` streams back to its caller.
 *
 * Format, numbers little-endian: the 8 bytes `FFPAIRS1`; for each pair the lengths of key and value (32 bits each), then
 * their bytes by dataflow's value codec (the key too, since `reduce` may emit anything); at the end 0xFFFFFFFF and the
 * number of pairs (64 bits), without which the file is not complete.
 */
import { closeSync, fstatSync, readSync } from "node:fs";
import { decodeValue, encodeValue, type RecordSink, type SinkSummary } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { openInput } from "./input-file.js";
import { inputError } from "./os-error.js";
import { OutputFile } from "./output-file.js";

const magic = Buffer.from("FFPAIRS1");
const endMark = 0xffff_ffff;
const frameHeadBytes = 8;
const trailerBytes = 12;
/** Bytes gathered before they are handed to the file, and read at once. */
const chunkBytes = 256 * 1024;

export class RecordFileSink implements RecordSink {
  readonly #file: OutputFile;
  readonly #chunk: Buffer = Buffer.allocUnsafeSlow(chunkBytes);
  #filled = 0;
  #chunkRecords = 0;
  #records = 0;

  constructor(path: string) {
    this.#file = new OutputFile(path);
    this.#put(magic);
  }

  writePair(key: unknown, value: unknown): void {
    const keyBytes = encodeValue(key);
    const valueBytes = encodeValue(value);
    this.#reserve(frameHeadBytes);
    this.#chunk.writeUInt32LE(keyBytes.length, this.#filled);
    this.#chunk.writeUInt32LE(valueBytes.length, this.#filled + 4);
    this.#filled += frameHeadBytes;
    this.#put(keyBytes);
    this.#put(valueBytes);
    this.#chunkRecords += 1;
    this.#records += 1;
  }

  /** A value alone is a pair without a key. */
  writeValue(value: unknown): void {
    this.writePair(undefined, value);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    this.#reserve(trailerBytes);
    this.#chunk.writeUInt32LE(endMark, this.#filled);
    this.#chunk.writeBigUInt64LE(BigInt(this.#records), this.#filled + 4);
    this.#filled += trailerBytes;
    this.#flush();
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }

  #put(bytes: Uint8Array): void {
    if (bytes.length > chunkBytes) {
      this.#flush();
      this.#file.writeBytes(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0);
      return;
    }
    this.#reserve(bytes.length);
    this.#chunk.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.#filled + bytes > chunkBytes) this.#flush();
  }

  #flush(): void {
    this.#file.writeBytes(this.#chunk.subarray(0, this.#filled), this.#chunkRecords);
    this.#filled = 0;
    this.#chunkRecords = 0;
  }
}

/**
 * Streams the pairs of a `.records` file, holding one at a time.
 *
 * @throws in the iteration: `INPUT_NOT_FOUND`, `INPUT_UNREADABLE`; `INPUT_CORRUPT` when the file is not whole.
 * @example
 * for (const [key, value] of readRecords("/out/records-00000.records")) console.log(key, value);
 */
export function* readRecords(
  path: string,
): Generator<readonly [key: unknown, value: unknown], void, undefined> {
  const descriptor = openInput(path);
  try {
    yield* pairsOf(new RecordFileReader(descriptor, path));
  } finally {
    closeSync(descriptor);
  }
}

function* pairsOf(reader: RecordFileReader): Generator<readonly [unknown, unknown], void, undefined> {
  if (!reader.take(magic.length).equals(magic))
    throw reader.corrupt("it does not start as a records file does");
  let records = 0;
  while (true) {
    const first = reader.take(4).readUInt32LE();
    if (first === endMark) break;
    const second = reader.take(4).readUInt32LE();
    const bytes = reader.take(first + second);
    yield [reader.decode(bytes.subarray(0, first)), reader.decode(bytes.subarray(first))];
    records += 1;
  }
  if (reader.take(8).readBigUInt64LE() !== BigInt(records))
    throw reader.corrupt("the number of pairs is wrong");
  if (!reader.isAtEnd) throw reader.corrupt("bytes after the end");
}

class RecordFileReader {
  readonly #descriptor: number;
  readonly #path: string;
  readonly #size: number;
  #buffer: Buffer = Buffer.alloc(0);
  #used = 0;
  /** Position in the file of the first byte behind the buffer. */
  #position = 0;

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.#size = fstatSync(descriptor).size;
  }

  get isAtEnd(): boolean {
    return this.#position - this.#buffer.length + this.#used === this.#size;
  }

  /** The next `length` bytes, which stay as they are. */
  take(length: number): Buffer {
    if (this.#buffer.length - this.#used < length) this.#refill(length);
    this.#used += length;
    return this.#buffer.subarray(this.#used - length, this.#used);
  }

  decode(bytes: Buffer): unknown {
    try {
      return decodeValue(bytes);
    } catch (error) {
      throw this.corrupt(error instanceof Error ? error.message : String(error));
    }
  }

  corrupt(reason: string): FanfoldError {
    const offset = this.#position - this.#buffer.length + this.#used;
    const message = `${this.#path} is damaged: ${reason} (at byte ${offset})`;
    return new FanfoldError("INPUT_CORRUPT", message, { details: { path: this.#path, offset } });
  }

  #refill(length: number): void {
    const rest = this.#buffer.subarray(this.#used);
    // Checked before anything is allocated: a damaged length may be any number.
    if (rest.length + this.#size - this.#position < length) throw this.corrupt("it ends too early");
    const next = Buffer.allocUnsafeSlow(Math.max(length, chunkBytes));
    let filled = rest.copy(next);
    try {
      while (filled < length) {
        const count = readSync(this.#descriptor, next, filled, next.length - filled, this.#position);
        if (count === 0) throw this.corrupt("it ends too early");
        filled += count;
        this.#position += count;
      }
    } catch (error) {
      throw inputError(this.#path, error);
    }
    this.#buffer = next.subarray(0, filled);
    this.#used = 0;
  }
}
