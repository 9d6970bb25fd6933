/**
 * Second copies of other workers' segments (`--shuffle-replicas 2`): where they lie, and whether there is room for one
 * more. They go with their job, as this worker's own segments do.
 *
 * A copy is written under another name until it is whole, so that half a segment is never served.
 */
import { closeSync, openSync, renameSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import type { ShuffleReply } from "@fanfold/protocol";
import type { AttemptId } from "@fanfold/scheduler";
import { type JobFolders, segmentFileName } from "./job-folders.js";

/** Room that copies of others leave on the disk: this worker's own spills and segments come first. */
const reservedBytesDefault: number = 256 * 1024 * 1024;
/** Jobs that are over and whose late copies are refused. A copy is a few seconds late at most. */
const discardedJobsMax = 1_000;

export interface ReplicaStoreOptions {
  readonly dataDir: string;
  readonly reservedBytes?: number;
}

export class ReplicaStore {
  readonly #options: ReplicaStoreOptions;
  readonly #folders: JobFolders;
  /** Bytes of copies that are held, and those announced that have not come yet. */
  readonly #bytesOfJob = new Map<string, number>();
  readonly #discarded = new Set<string>();
  #expectedBytes = 0;

  constructor(options: ReplicaStoreOptions, folders: JobFolders) {
    this.#options = options;
    this.#folders = folders;
  }

  /** Of all copies held, in bytes. */
  get bytes(): number {
    return [...this.#bytesOfJob.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Room for a copy that is to come. @throws `DISK_FULL`, `JOB_UNKNOWN` when its job is over. */
  open(attempt: AttemptId, bytes: number): IncomingReplica {
    if (this.#discarded.has(attempt.jobId))
      throw new FanfoldError("JOB_UNKNOWN", `job ${attempt.jobId} is over`);
    this.#checkRoom(bytes);
    this.#expectedBytes += bytes;
    let isCounted = false;
    const end = (isWhole: boolean): void => {
      if (isCounted) return;
      isCounted = true;
      this.#expectedBytes -= bytes;
      if (isWhole) this.#bytesOfJob.set(attempt.jobId, (this.#bytesOfJob.get(attempt.jobId) ?? 0) + bytes);
    };
    try {
      return new IncomingReplica(attempt, bytes, this.#folders.createWorkDir(attempt), end);
    } catch (error) {
      end(false);
      throw error;
    }
  }

  /** The job is over; its files have been removed, and what still comes is refused. */
  forget(jobId: string): void {
    this.#bytesOfJob.delete(jobId);
    this.#discarded.add(jobId);
    const [oldest] = this.#discarded;
    if (this.#discarded.size > discardedJobsMax && oldest !== undefined) this.#discarded.delete(oldest);
  }

  #checkRoom(bytes: number): void {
    const { dataDir, reservedBytes = reservedBytesDefault } = this.#options;
    const { bavail, bsize } = statfsSync(dataDir);
    if (bavail * bsize - this.#expectedBytes - bytes >= reservedBytes) return;
    throw new FanfoldError("DISK_FULL", `no room for a copy of ${bytes} bytes in ${dataDir}`);
  }
}

/** A copy on its way. */
export class IncomingReplica {
  readonly attempt: AttemptId;
  readonly #path: string;
  readonly #partial: string;
  readonly #end: (isWhole: boolean) => void;
  #missing: number;
  #file: number | undefined;

  constructor(attempt: AttemptId, bytes: number, folder: string, end: (isWhole: boolean) => void) {
    this.attempt = attempt;
    this.#path = join(folder, segmentFileName);
    this.#partial = `${this.#path}.partial`;
    this.#end = end;
    this.#missing = bytes;
    this.#file = openSync(this.#partial, "wx");
  }

  /** The answer when nothing is missing. @throws when the copy cannot be written. */
  stored(): ShuffleReply | undefined {
    if (this.#missing > 0 || this.#file === undefined) return undefined;
    closeSync(this.#file);
    this.#file = undefined;
    renameSync(this.#partial, this.#path);
    this.#end(true);
    return { type: "stored", path: this.#path };
  }

  /** @throws `SEGMENT_CORRUPT` for more than was announced, and what writing throws. */
  take(data: Uint8Array): ShuffleReply | undefined {
    if (this.#file === undefined) return undefined;
    this.#missing -= data.length;
    if (this.#missing < 0) throw new FanfoldError("SEGMENT_CORRUPT", "A copy came longer than announced.");
    for (let written = 0; written < data.length; ) written += writeSync(this.#file, data, written);
    return this.stored();
  }

  /** Half a copy is none. */
  abort(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    rmSync(this.#partial, { force: true });
    this.#end(false);
  }
}
