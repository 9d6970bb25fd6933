/** Jobs' code at the coordinator, by digest. On disk when there is a data folder, else in memory. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";

export class BundleStore {
  readonly #dir: string | undefined;
  readonly #held = new Map<string, Uint8Array>();

  constructor(dir: string | undefined) {
    this.#dir = dir;
    if (dir !== undefined) mkdirSync(dir, { recursive: true });
  }

  /** @throws `MESSAGE_INVALID` when the digest does not fit, `OUTPUT_UNWRITABLE` when the disk refuses. */
  put(digest: string, code: Uint8Array): void {
    if (createHash("sha256").update(code).digest("hex") !== digest) {
      throw new FanfoldError("MESSAGE_INVALID", "The bundle does not have the digest it was sent with.");
    }
    if (this.#dir === undefined) {
      this.#held.set(digest, Uint8Array.from(code));
      return;
    }
    const path = join(this.#dir, `${digest}.mjs`);
    try {
      writeFileSync(`${path}.new`, code, { flush: true });
      renameSync(`${path}.new`, path);
    } catch (cause) {
      const message = `The coordinator cannot store the job's code: ${(cause as Error).message}.`;
      throw new FanfoldError("OUTPUT_UNWRITABLE", message, { cause });
    }
  }

  get(digest: string): Uint8Array | undefined {
    if (this.#dir === undefined) return this.#held.get(digest);
    try {
      return readFileSync(join(this.#dir, `${digest}.mjs`));
    } catch {
      return undefined;
    }
  }
}
