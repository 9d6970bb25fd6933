/**
 * The log of a single replica: one append-only file of checksummed entries, synced before a command counts as
 * decided. Commands that come while a sync is under way share the next one.
 *
 * An entry is length (u32), CRC-32 of the payload (u32), payload (msgpack). A torn tail, left by a crash, is cut; damage with intact
 * entries behind it is never cut silently: the coordinator refuses to start.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { FanfoldError } from "@fanfold/job";
import { decodeCommand, encodeCommand } from "@fanfold/protocol";
import type { Command } from "@fanfold/scheduler";
import type { CommandLog } from "./ports.js";

const headerBytes = 8;
/** An entry holds at most 10,000 splits; a length beyond this is damage, not data. */
const entryBytesMax: number = 256 * 1024 * 1024;

export class FileLog implements CommandLog {
  onDecided: (index: number, command: Command) => void = () => undefined;
  onFailed: (error: Error) => void = () => undefined;
  readonly #file: FileHandle;
  readonly #path: string;
  #index = 0;
  #queue: Command[] = [];
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.#path = path;
  }

  static async open(path: string): Promise<FileLog> {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "a+");
    const directory = await open(dirname(path), "r");
    await directory.sync();
    await directory.close();
    return new FileLog(file, path);
  }

  /** @throws `LOG_CORRUPT` for damage that is not a torn tail. */
  async replay(apply: (index: number, command: Command) => void): Promise<void> {
    const bytes = await this.#file.readFile();
    let position = 0;
    for (;;) {
      const payload = entryAt(bytes, position);
      if (payload === undefined) break;
      this.#index += 1;
      apply(this.#index, decodeCommand(payload));
      position += headerBytes + payload.length;
    }
    if (position < bytes.length) await this.#cutTail(bytes, position);
  }

  propose(command: Command): void {
    if (this.#hasFailed) return;
    this.#queue.push(command);
    this.#writing ??= this.#writeAll();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue;
        this.#queue = [];
        await writeWhole(
          this.#file,
          Buffer.concat(batch.flatMap((command) => frameOf(encodeCommand(command)))),
        );
        await this.#file.datasync();
        for (const command of batch) {
          this.#index += 1;
          this.onDecided(this.#index, command);
        }
      }
    } catch (cause) {
      // After a failed sync nobody knows what is on the disk (fsyncgate): the process must not go on.
      this.#hasFailed = true;
      const message = `The log ${this.#path} cannot be written: ${(cause as Error).message}.`;
      this.onFailed(new FanfoldError("DISK_FULL", message, { cause }));
    } finally {
      this.#writing = undefined;
    }
  }

  async #cutTail(bytes: Buffer, position: number): Promise<void> {
    for (let later = position + 1; later + headerBytes < bytes.length; later += 1) {
      if (entryAt(bytes, later) === undefined) continue;
      const message = `${this.#path} is damaged at byte ${position}, and there are entries behind the damage.`;
      throw new FanfoldError("LOG_CORRUPT", message, { details: { path: this.#path, offset: position } });
    }
    await this.#file.truncate(position);
    await this.#file.sync();
  }
}

/** The entry's payload, or undefined where there is no whole and sound one. An empty one does not exist. */
function entryAt(bytes: Buffer, position: number): Buffer | undefined {
  if (position + headerBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(position);
  const start = position + headerBytes;
  if (length === 0 || length > entryBytesMax || start + length > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + length);
  return crc32(payload) === bytes.readUInt32LE(position + 4) ? payload : undefined;
}

function frameOf(payload: Uint8Array): [Buffer, Uint8Array] {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt32LE(crc32(payload), 4);
  return [header, payload];
}

async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}
