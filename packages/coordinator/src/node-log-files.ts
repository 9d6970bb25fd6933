/** The log's files on a real disk. */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { LogFile, LogFiles } from "./log-files.js";

export class NodeLogFiles implements LogFiles {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Makes the directory durably, with those above it, if it is not there. */
  static async open(directory: string): Promise<NodeLogFiles> {
    const path = resolve(directory);
    const highestMade = (await mkdir(path, { recursive: true, mode: 0o700 })) ?? path;
    for (let made = path; made.length >= highestMade.length; made = dirname(made)) {
      await syncDirectory(dirname(made));
    }
    return new NodeLogFiles(path);
  }

  async list(): Promise<string[]> {
    return await readdir(this.#directory);
  }

  async read(name: string): Promise<Uint8Array> {
    return await readFile(join(this.#directory, name));
  }

  async create(name: string): Promise<LogFile> {
    return new NodeLogFile(await open(join(this.#directory, name), "w", 0o600));
  }

  async open(name: string): Promise<LogFile> {
    return new NodeLogFile(await open(join(this.#directory, name), "r+"));
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(join(this.#directory, from), join(this.#directory, to));
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#directory, name));
  }

  async syncDirectory(): Promise<void> {
    await syncDirectory(this.#directory);
  }
}

class NodeLogFile implements LogFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      written += (await this.#handle.write(bytes, written, left, position + written)).bytesWritten;
    }
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size);
  }

  /** fdatasync: it leaves out the times of a file, never its size. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
