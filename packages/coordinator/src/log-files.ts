/**
 * What the log of a replica needs from a file system: one flat directory, and a say in when things are on the disk.
 *
 * Nothing here is durable by itself. Written bytes are durable after `sync` of their file; a created, renamed or
 * removed name is durable after `syncDirectory`. Until then a crash may keep any part of them.
 */

/** A file open for writing. */
export interface LogFile {
  /** Writes all of `bytes` at `position`, over what is there. */
  write(position: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Makes contents and size durable. After a failure nobody knows what is on the disk: give up, do not repeat. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The files of one directory, by name. */
export interface LogFiles {
  list(): Promise<string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Opens an empty file, in place of one that has the name already. */
  create(name: string): Promise<LogFile>;
  /** Opens a file that exists. */
  open(name: string): Promise<LogFile>;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
}

const temporarySuffix = ".tmp";

/** Whether a crash left the file half made: nothing refers to it. */
export function isTemporary(name: string): boolean {
  return name.endsWith(temporarySuffix);
}

/**
 * Makes a file appear under its name with all of `bytes`, or not at all, and returns it open. Durable on return: a
 * name that a crash leaves behind always has its whole contents.
 */
export async function createWhole(files: LogFiles, name: string, bytes: Uint8Array): Promise<LogFile> {
  const temporary = `${name}${temporarySuffix}`;
  const file = await files.create(temporary);
  await file.write(0, bytes);
  await file.sync();
  await files.rename(temporary, name);
  await files.syncDirectory();
  return file;
}
