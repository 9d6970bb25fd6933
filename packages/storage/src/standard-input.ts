/** Standard input as a file: it can be read once only, but a job reads its input by range, and again after a failure. */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { outputError } from "./os-error.js";

/**
 * Writes all of `stream` to a file in `dir`, which must exist, and returns the file's path. Gzip data is recognised
 * when it is read.
 *
 * @throws `DISK_FULL`, `OUTPUT_UNWRITABLE`; what was written is removed.
 */
export async function spoolStandardInput(stream: Readable, dir: string): Promise<string> {
  const path = join(dir, "standard-input");
  try {
    await pipeline(stream, createWriteStream(path, { flags: "wx", highWaterMark: 1024 * 1024 }));
    return path;
  } catch (error) {
    const failure = outputError(path, error);
    if (failure.details["osCode"] !== "EEXIST") await rm(path, { force: true }).catch(() => {});
    throw failure;
  }
}
