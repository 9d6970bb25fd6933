/**
 * A folder of one process: two coordinators that append to one log would each destroy what the other has acknowledged.
 *
 * The lock is a socket in Linux's abstract namespace, named after the folder's device and inode. The kernel drops it
 * with the process, however that ends, so there is nothing stale to clean up. Other systems have no such names, and
 * no lock.
 */
import { mkdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { FanfoldError } from "@fanfold/job";

/** Held until it is released or the process ends. */
export interface FolderLock {
  release(): Promise<void>;
}

/** Makes the folder if it is not there, and locks it. @throws `USAGE` when another process has it. */
export async function lockFolder(dir: string): Promise<FolderLock> {
  let name: string;
  try {
    mkdirSync(dir, { recursive: true });
    const { dev, ino } = statSync(dir);
    name = `\0fanfold-${dev}-${ino}`;
  } catch (cause) {
    throw new FanfoldError("USAGE", `${dir} cannot be used as a data folder: ${(cause as Error).message}.`, {
      cause,
    });
  }
  if (process.platform !== "linux") return { release: () => Promise.resolve() };
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(new FanfoldError("USAGE", `${dir} is in use by another process.`, { cause }));
    });
    server.listen(name, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
