/** Appends to a new file through one large buffer, with synchronous calls: fewer, larger writes. */
import { closeSync, openSync, rmSync, writeSync, writevSync } from "node:fs";
import { copyBytes } from "./compare-bytes.js";
import { writeError } from "./disk-error.js";

const bufferBytes = 512 * 1024;
/** From here on, a copy costs more than another call. */
const writtenAtOnce = 64 * 1024;

export class FileOutput {
  readonly path: string;
  /** Bytes appended so far. */
  bytes = 0;
  #file: number | undefined;
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #used = 0;

  /** @throws `OUTPUT_UNWRITABLE`, `DISK_FULL` */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, "wx");
    } catch (thrown) {
      throw writeError(thrown, path);
    }
  }

  /** Appends `source[start, end)`, which may be reused at once. */
  append(source: Buffer, start: number, end: number): void {
    const length = end - start;
    this.bytes += length;
    if (length >= writtenAtOnce) {
      this.#writeWithBuffered(source.subarray(start, end));
      return;
    }
    if (this.#used + length > bufferBytes) this.#flush();
    copyBytes(this.#buffer, this.#used, source, start, end);
    this.#used += length;
  }

  /** Writes what is buffered and closes. */
  close(): void {
    this.#flush();
    this.#close();
  }

  /** Closes and removes the file. Never throws. */
  abort(): void {
    try {
      this.#close();
      rmSync(this.path, { force: true });
    } catch {
      // The attempt fails already; its folder is removed as a whole by the worker.
    }
  }

  #flush(): void {
    this.#write(this.#buffer, 0, this.#used);
    this.#used = 0;
  }

  /** Both in one call, as far as the system takes them. */
  #writeWithBuffered(bytes: Buffer): void {
    const used = this.#used;
    this.#used = 0;
    if (this.#file === undefined || used === 0) {
      this.#write(bytes, 0, bytes.length);
      return;
    }
    let written: number;
    try {
      written = writevSync(this.#file, [this.#buffer.subarray(0, used), bytes]);
    } catch (thrown) {
      throw writeError(thrown, this.path);
    }
    if (written < used) this.#write(this.#buffer, written, used);
    this.#write(bytes, Math.max(0, written - used), bytes.length);
  }

  #write(source: Buffer, start: number, end: number): void {
    if (this.#file === undefined) throw writeError(new Error("the file is closed"), this.path);
    try {
      for (let from = start; from < end; ) from += writeSync(this.#file, source, from, end - from);
    } catch (thrown) {
      throw writeError(thrown, this.path);
    }
  }

  #close(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      closeSync(file);
    } catch (thrown) {
      throw writeError(thrown, this.path);
    }
  }
}
