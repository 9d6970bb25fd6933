/**
 * A file being written: text is gathered, encoded in one go, hashed and handed to the disk in large pieces.
 *
 * Writes are synchronous: a task has nothing else to do, and back-pressure comes for nothing. The file is fsynced
 * when it is closed, since a published output must survive a power cut.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import type { SinkSummary } from "@fanfold/dataflow";
import { outputError } from "./os-error.js";

/** Text gathered before it is encoded. Larger is not faster, since it falls out of the cache. */
const textCharsMax = 64 * 1024;
/** Bytes written to the disk at once. */
const writeBytesMin = 256 * 1024;

export class OutputFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #hash = createHash("sha256");
  readonly #pending: Buffer[] = [];
  #text = "";
  #pendingBytes = 0;
  #bytes = 0;
  #records = 0;
  #isOpen = true;

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

  /** Appends bytes that are not changed afterwards, holding `records` records. Not to be mixed with text. */
  writeBytes(bytes: Buffer, records: number): void {
    this.#records += records;
    this.#append(bytes);
  }

  /** Bytes to disk, for good. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
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
    if (this.#text.length === 0) return;
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    this.#append(bytes);
  }

  #append(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#bytes += bytes.length;
    if (this.#pendingBytes >= writeBytesMin) this.#flush();
  }

  #flush(): void {
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending.length = 0;
    this.#pendingBytes = 0;
    this.#hash.update(bytes);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
    } catch (error) {
      throw outputError(this.path, error);
    }
  }

  #closeDescriptor(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#descriptor);
  }
}
