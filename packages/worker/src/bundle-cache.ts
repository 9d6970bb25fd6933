/** Jobs' code on this worker's disk, by digest; fetched from the coordinator once. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";

export class BundleCache {
  readonly #dir: string;
  readonly #request: (digest: string) => void;
  readonly #waiting = new Map<
    string,
    { resolve: (path: string) => void; reject: (error: Error) => void }[]
  >();

  /** `request` asks the coordinator, who answers through `store` or `refuse`. */
  constructor(dir: string, request: (digest: string) => void) {
    this.#dir = dir;
    this.#request = request;
    mkdirSync(dir, { recursive: true });
  }

  /** Resolves to the bundle's path. @throws `JOB_LOAD_FAILED` when the coordinator does not have it. */
  pathOf(digest: string): Promise<string> {
    const path = this.#pathOf(digest);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) return Promise.resolve(path);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(digest);
      if (waiting !== undefined) {
        waiting.push({ resolve, reject });
        return;
      }
      this.#waiting.set(digest, [{ resolve, reject }]);
      this.#request(digest);
    });
  }

  /** Asks again for what has not come: the link it was asked over is gone. */
  requestAgain(): void {
    for (const digest of this.#waiting.keys()) this.#request(digest);
  }

  /** Takes a bundle in; one that does not have the digest it was asked for by is refused. */
  store(digest: string, code: Uint8Array): void {
    if (createHash("sha256").update(code).digest("hex") !== digest) {
      this.refuse(digest, "came damaged");
      return;
    }
    const path = this.#pathOf(digest);
    try {
      // A reader sees the whole file or none, also when another worker of this machine shares the folder.
      const staged = `${path}.${process.pid}`;
      rmSync(staged, { force: true });
      writeFileSync(staged, code, { flag: "wx" });
      renameSync(staged, path);
    } catch (cause) {
      this.refuse(digest, `cannot be written: ${(cause as Error).message}`);
      return;
    }
    for (const waiting of this.#take(digest)) waiting.resolve(path);
  }

  refuse(digest: string, why: string): void {
    const error = new FanfoldError("JOB_LOAD_FAILED", `The job's bundle ${digest.slice(0, 12)} ${why}.`);
    for (const waiting of this.#take(digest)) waiting.reject(error);
  }

  #take(digest: string): { resolve: (path: string) => void; reject: (error: Error) => void }[] {
    const waiting = this.#waiting.get(digest) ?? [];
    this.#waiting.delete(digest);
    return waiting;
  }

  #pathOf(digest: string): string {
    return join(this.#dir, `${digest}.mjs`);
  }
}
