/**
 * What a gzip file decompresses to (RFC 1952), as a stream: all its members one after the other, in bounded memory
 * however much they expand to.
 *
 * zlib stops silently at bytes after the last member if they start with a zero. Zeros to the end are padding, as tape and
 * block devices leave it; anything else means that the file is damaged or was put together wrongly, and part of its
 * data would be missing without a word.
 */
import { readSync } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip, type Gunzip } from "node:zlib";
import { FanfoldError } from "@fanfold/job";
import type { ByteReader, InputFile } from "./input-file.js";
import { inputError, osCodeOf } from "./os-error.js";

/** Compressed bytes read at a time, and decompressed bytes made at a time. */
const chunkBytes = 256 * 1024;

export class GzipReader implements ByteReader {
  readonly #file: InputFile;
  readonly #source: Readable;
  readonly #gunzip: Gunzip;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #used = 0;
  #offset = 0;

  constructor(file: InputFile) {
    this.#file = file;
    this.#gunzip = createGunzip({ chunkSize: chunkBytes });
    this.#source = Readable.from(compressedChunks(file), { objectMode: false, highWaterMark: chunkBytes });
    this.#source.on("error", (error) => this.#gunzip.destroy(error));
    this.#source.pipe(this.#gunzip);
    this.#chunks = this.#gunzip[Symbol.asyncIterator]();
  }

  read(target: Buffer, at: number, length: number): number | Promise<number> {
    return this.#used < this.#chunk.length
      ? this.#copy(target, at, length)
      : this.#refill(target, at, length);
  }

  /** Stops reading and decompressing, so that the file may be closed. */
  close(): void {
    this.#source.destroy();
    this.#gunzip.destroy();
  }

  async #refill(target: Buffer, at: number, length: number): Promise<number> {
    const next = await this.#nextChunk();
    if (next === undefined) {
      this.#checkPadding();
      return 0;
    }
    this.#chunk = next;
    this.#used = 0;
    return this.#copy(target, at, length);
  }

  #copy(target: Buffer, at: number, length: number): number {
    const count = this.#chunk.copy(target, at, this.#used, Math.min(this.#chunk.length, this.#used + length));
    this.#used += count;
    this.#offset += count;
    return count;
  }

  async #nextChunk(): Promise<Buffer | undefined> {
    try {
      const next = await this.#chunks.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      const osCode = osCodeOf(error);
      if (osCode?.startsWith("Z_") !== true) throw inputError(this.#file.range.path, error);
      throw this.#corrupt(error instanceof Error ? error.message : String(error));
    }
  }

  #checkPadding(): void {
    const { path, fileBytes } = this.#file.range;
    const rest = Buffer.alloc(chunkBytes);
    for (let at = this.#gunzip.bytesWritten; at < fileBytes; at += rest.length) {
      const count = readSync(this.#file.descriptor, rest, 0, rest.length, at);
      if (count === 0) throw inputError(path, new Error("the file became shorter"));
      if (rest.subarray(0, count).some((byte) => byte !== 0))
        throw this.#corrupt("bytes after the end of the gzip data");
    }
  }

  #corrupt(reason: string): FanfoldError {
    const { path } = this.#file.range;
    const message = `${path} is damaged: ${reason} (after ${this.#offset} uncompressed bytes)`;
    return new FanfoldError("INPUT_CORRUPT", message, { details: { path, offset: this.#offset } });
  }
}

function* compressedChunks(file: InputFile): Generator<Buffer> {
  file.seek(0);
  while (true) {
    const chunk = Buffer.allocUnsafeSlow(chunkBytes);
    const count = file.read(chunk, 0, chunk.length);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}
