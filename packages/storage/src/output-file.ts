/**
 * A file being written: text is gathered, encoded in one go, hashed and handed to the disk in large pieces.
 *
 * Writes are synchronous: a task has nothing else to do, and back-pressure comes for nothing. The file is fsynced
 * when it is closed, since a published output must survive a power cut; a long one also on its way, in the background, so
 * that the disk works while the task does.
 */
import { createHash } from "node:crypto";
import { closeSync, fdatasync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import type { SinkSummary } from "@fanfold/dataflow";
import { outputError } from "./os-error.js";

/** Up to this many bytes a loop beats a call. */
const loopedCopyMax = 32;
/** Text gathered before it is encoded. Larger is not faster, since it falls out of the cache. */
const textCharsMax = 64 * 1024;
/** Bytes gathered before they are hashed and written. */
const bufferBytes = 512 * 1024;
/** From here on, a copy costs more than another call. */
const writtenAtOnce = 128 * 1024;
/** What may wait for the disk before it is told to go on with it. */
const unsyncedBytesMax = 16 * 1024 * 1024;
/** A UTF-16 unit is at most this long in UTF-8. */
const bytesPerUnitMax = 3;

export class OutputFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #hash = createHash("sha256");
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #filled = 0;
  #text = "";
  #bytes = 0;
  #records = 0;
  #isOpen = true;
  #syncedTo = 0;
  #sync: Promise<void> | undefined;
  #syncError: unknown;
  /** Nothing is synced in the background any more, since nobody would hear of an error. */
  #isEnding = false;

  /** Creates the file, or empties the one that an earlier try left. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openSync(path, "w");
    } catch (error) {
      throw outputError(path, error);
    }
  }

  /** Appends the text of one record. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
  writeRecord(text: string): void {
    this.#records += 1;
    this.writeText(text);
  }

  writeText(text: string): void {
    this.#text += text;
    if (this.#text.length >= textCharsMax) this.#encode();
  }

  /** Appends bytes that hold `records` records. Not to be mixed with text. */
  writeBytes(bytes: Buffer, records: number): void {
    this.#records += records;
    this.#append(bytes);
  }

  /** Appends `bytes[start, end)`, which may be reused at once, and counts `records` records. May be mixed with text. */
  writeRange(bytes: Buffer, start: number, end: number, records: number): void {
    this.#records += records;
    if (this.#text !== "") this.#encode();
    const length = end - start;
    if (this.#filled + length > bufferBytes || length >= writtenAtOnce) this.#flush();
    if (length >= writtenAtOnce) this.#write(bytes.subarray(start, end));
    else if (length > loopedCopyMax) this.#filled += bytes.copy(this.#buffer, this.#filled, start, end);
    else for (let i = start; i < end; i += 1) this.#buffer[this.#filled++] = bytes[i]!;
  }

  /** Waits for what is being synced in the background. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
  async settled(): Promise<void> {
    this.#isEnding = true;
    if (this.#sync !== undefined) await this.#sync;
    // The system tells such an error once: to the sync in the background, and not to the one that closes the file.
    if (this.#syncError !== undefined) throw outputError(this.path, this.#syncError);
  }

  /** Bytes to disk, for good. Not before it has `settled`. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
  close(): SinkSummary {
    try {
      this.#encode();
      this.#flush();
      fsyncSync(this.#descriptor);
    } catch (error) {
      throw outputError(this.path, error);
    }
    this.#closeDescriptor();
    return { path: this.path, bytes: this.#bytes, records: this.#records, sha256: this.#hash.digest("hex") };
  }

  /** Closes and removes the file. Never throws. */
  abort(): void {
    try {
      this.#closeDescriptor();
      rmSync(this.path, { force: true });
    } catch {
      // The attempt has failed already; what is left goes with its folder.
    }
  }

  #encode(): void {
    const text = this.#text;
    this.#text = "";
    const most = text.length * bytesPerUnitMax;
    if (most > bufferBytes) {
      this.#append(Buffer.from(text));
      return;
    }
    if (this.#filled + most > bufferBytes) this.#flush();
    this.#filled += this.#buffer.write(text, this.#filled);
  }

  #append(bytes: Buffer): void {
    if (this.#filled + bytes.length > bufferBytes) this.#flush();
    if (bytes.length > bufferBytes) this.#write(bytes);
    else this.#filled += bytes.copy(this.#buffer, this.#filled);
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #write(bytes: Buffer): void {
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      throw outputError(this.path, error);
    }
    const isDue = this.#bytes - this.#syncedTo >= unsyncedBytesMax;
    if (isDue && this.#sync === undefined && !this.#isEnding) this.#syncBeside();
  }

  #syncBeside(): void {
    this.#syncedTo = this.#bytes;
    this.#sync = new Promise((resolve) => {
      fdatasync(this.#descriptor, (error) => {
        this.#syncError ??= error ?? undefined;
        this.#sync = undefined;
        if (!this.#isOpen) closeSync(this.#descriptor);
        resolve();
      });
    });
  }

  #closeDescriptor(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // The descriptor must not be another file's before a sync of it has begun.
    if (this.#sync === undefined) closeSync(this.#descriptor);
  }
}
