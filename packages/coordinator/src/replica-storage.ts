/**
 * Keeps what a replica must find again after a crash: the disk behind `PaxosStorage`.
 *
 * The intuition: a log of checksummed frames, one write and one sync each, in files that can be dropped one by one;
 * snapshots beside it, each made durable before the log names it. Whatever waits while a sync is under way shares
 * the next (group commit). Steps are done one after the other, and each leaves the directory readable, so a crash
 * between or within any two of them loses nothing that was acknowledged. Acknowledging only what is on disk is what
 * "Paxos Made Simple" §2.5 asks of an acceptor.
 *
 * After a write or sync fails, nothing is retried: what is on the disk then is unknown (Rebello et al., "Can
 * Applications Recover from fsync Failures?", ATC 2020).
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import type { DurableRecord, DurableState, PaxosStorage, ReplicaId } from "@fanfold/paxos";
import type { LogFiles } from "./log-files.js";
import { NodeLogFiles } from "./node-log-files.js";
import { snapshotName, writeSnapshot } from "./replica-snapshot-file.js";
import { type RecoveredReplica, recoverReplica } from "./replica-storage-recovery.js";
import { SegmentedLog } from "./segmented-log.js";
import { noFacts, noteRecord, type ReplicaFacts, type StoredRecord } from "./stored-record.js";

export interface ReplicaStorageOptions {
  /** Whose storage it is. */
  readonly replica: ReplicaId;
  /** A segment of the log that has grown beyond this is followed by a new one. Default 16 MiB. */
  readonly segmentBytesMax?: number;
}

export interface ReplicaStorageDependencies {
  /**
   * Called once when a write or sync failed, or an acknowledgement threw: nothing is stored or acknowledged any
   * more, so the process must end. `DISK_FULL` or `LOG_UNWRITABLE`; `INTERNAL` for an acknowledgement that threw.
   */
  readonly onFatal: (error: FanfoldError) => void;
  /** Default: the real ones. */
  readonly files?: LogFiles;
  /** 32 random bits. Default: from the system. */
  readonly random?: () => number;
}

export type OpenedReplicaStorage =
  | {
      readonly storage: ReplicaStorage;
      /** What to restart from; undefined if nothing was ever stored here. */
      readonly stored: DurableState | undefined;
      readonly damage: undefined;
    }
  | {
      readonly storage: undefined;
      readonly stored: undefined;
      /** `LOG_CORRUPT` with `path`, `offset` (bytes) and `reason`. Nothing in the directory was changed. */
      readonly damage: FanfoldError;
    };

interface Append {
  readonly type: "append";
  readonly records: readonly DurableRecord[];
  readonly done: () => void;
}

interface Truncate {
  readonly type: "truncate";
  readonly upTo: number;
}

interface Naming {
  readonly type: "name";
  readonly cluster: string;
}

type Task = Append | Truncate | Naming;

interface OpenedDisk {
  readonly files: LogFiles;
  readonly log: SegmentedLog;
  readonly facts: ReplicaFacts;
}

/** A change of segment costs five operations and a removal another sync: seldom, at some ten thousand votes each. */
const segmentBytesMaxDefault: number = 16 * 1024 * 1024;

/** Appends that share a frame. Bounds the memory of one write; a thousand share the cost of a sync well enough. */
const appendsPerFrameMax = 1000;

export class ReplicaStorage implements PaxosStorage {
  readonly #files: LogFiles;
  readonly #log: SegmentedLog;
  readonly #facts: ReplicaFacts;
  readonly #onFatal: (error: FanfoldError) => void;
  #queue: Task[] = [];
  #working: Promise<void> | undefined;
  #isStopped = false;

  private constructor(disk: OpenedDisk, onFatal: (error: FanfoldError) => void) {
    this.#files = disk.files;
    this.#log = disk.log;
    this.#facts = disk.facts;
    this.#onFatal = onFatal;
  }

  /**
   * Opens the storage in `directory`, which is made if it is not there. No other process may use it. A torn tail is
   * cut. Rejects if the disk cannot be read or written at all.
   *
   * @throws `FOLDER_MISMATCH` if it is the storage of another replica; nothing is changed then.
   *
   * @example
   * ```ts
   * const opened = await ReplicaStorage.open(directory, { replica: "a" }, { onFatal: () => process.exit(1) });
   * if (opened.damage) throw opened.damage;
   * const { storage, stored } = opened;
   * const node = new PaxosNode(options, { machine, transport, storage, ...(stored ? { stored } : {}) });
   * ```
   */
  static async open(
    directory: string,
    options: ReplicaStorageOptions,
    dependencies: ReplicaStorageDependencies,
  ): Promise<OpenedReplicaStorage> {
    const { onFatal, random = () => randomBytes(4).readUInt32LE() } = dependencies;
    const files = dependencies.files ?? (await NodeLogFiles.open(directory));
    let found: RecoveredReplica | undefined;
    try {
      found = await recoverReplica(files);
    } catch (error) {
      if (!(error instanceof FanfoldError) || error.code !== "LOG_CORRUPT") throw error;
      return { storage: undefined, stored: undefined, damage: inDirectory(directory, error) };
    }
    if (found !== undefined) checkOwner(directory, found.facts.owner.replica, options.replica);
    const settings = { segmentBytesMax: options.segmentBytesMax ?? segmentBytesMaxDefault, random };
    const facts = found?.facts ?? noFacts(options.replica);
    const log = found
      ? await SegmentedLog.resume(files, settings, found.segments)
      : await SegmentedLog.create(files, settings, facts);
    for (const name of found?.leftovers ?? []) await files.remove(name);
    // The checkpoint of a new log is frame 1.
    const isBlank = found?.segments.at(-1)?.next === 2;
    const storage = new ReplicaStorage({ files, log, facts }, onFatal);
    return { storage, stored: isBlank ? undefined : found?.stored, damage: undefined };
  }

  /** Stores the records, all or none, and then calls `done`; in order. Not after a failure, nor after `close`. */
  append(records: readonly DurableRecord[], done: () => void): void {
    this.#enqueue({ type: "append", records, done });
  }

  /** Drops the segments that hold no slot above `upTo`, once everything appended so far is durable. */
  truncate(upTo: number): void {
    this.#enqueue({ type: "truncate", upTo });
  }

  /** The cluster this storage belongs to, as far as is known. */
  get cluster(): string | null {
    return this.#facts.owner.cluster;
  }

  /** Notes to which cluster this storage belongs, once; durable with the next record at the latest. */
  nameCluster(cluster: string): void {
    if (this.#facts.owner.cluster === null) this.#enqueue({ type: "name", cluster });
  }

  /** Finishes what was asked for so far, and closes the files. */
  async close(): Promise<void> {
    while (this.#working) await this.#working;
    this.#isStopped = true;
    await this.#log.close();
  }

  #enqueue(task: Task): void {
    if (this.#isStopped) return;
    this.#queue.push(task);
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    try {
      // What is asked for in one go, before the caller lets go, shares the first write.
      await Promise.resolve();
      while (this.#queue.length > 0) {
        await this.#next();
        if (this.#queue.length === 0) await this.#log.mark();
      }
    } catch (error) {
      this.#isStopped = true;
      this.#queue = [];
      this.#onFatal(storageFailure(error));
    } finally {
      this.#working = undefined;
    }
  }

  async #next(): Promise<void> {
    const task = this.#queue[0];
    if (task?.type === "truncate") {
      this.#queue.shift();
      await this.#drop(task.upTo);
      return;
    }
    if (task?.type === "name") {
      this.#queue.shift();
      await this.#note({ type: "clusterNamed", cluster: task.cluster });
      return;
    }
    const others = this.#queue.findIndex(({ type }) => type !== "append");
    const count = Math.min(others < 0 ? this.#queue.length : others, appendsPerFrameMax);
    const group = this.#queue.splice(0, count) as Append[];
    await this.#commit(group.flatMap(({ records }) => records));
    for (const { done } of group) done();
  }

  /** Snapshot first, then the log that names it, then the snapshot before it goes. */
  async #commit(records: readonly DurableRecord[]): Promise<void> {
    const before = this.#facts.snapshot;
    const stored = await this.#prepare(records);
    await this.#log.append(stored, this.#facts);
    for (const record of stored) noteRecord(this.#facts, record);
    const { snapshot } = this.#facts;
    if (before && snapshot && snapshotName(before) !== snapshotName(snapshot)) {
      await this.#files.remove(snapshotName(before));
    }
  }

  /** The records as they go into the log; snapshots are written to files, but those that none will ever read. */
  async #prepare(records: readonly DurableRecord[]): Promise<StoredRecord[]> {
    const latest = records.findLastIndex(({ type }) => type === "snapshot");
    const stored: StoredRecord[] = [];
    for (const [i, record] of records.entries()) {
      if (record.type !== "snapshot") stored.push(record);
      else if (i < latest) stored.push({ type: "snapshotReplaced", index: record.snapshot.index });
      else stored.push({ type: "snapshotFile", snapshot: await writeSnapshot(this.#files, record.snapshot) });
    }
    return stored;
  }

  /** The log says that it starts later before the first file goes: one that is missing otherwise was lost. */
  async #drop(upTo: number): Promise<void> {
    const firstSequence = this.#log.firstNeeded(upTo);
    if (firstSequence <= this.#facts.firstSequence) return;
    await this.#note({ type: "startsAt", firstSequence });
    await this.#log.removeBefore(firstSequence);
  }

  async #note(record: StoredRecord): Promise<void> {
    await this.#log.append([record], this.#facts);
    noteRecord(this.#facts, record);
  }
}

function checkOwner(directory: string, owner: ReplicaId, replica: ReplicaId): void {
  if (owner === replica) return;
  const message = `${directory} is the log of replica ${owner}, not of ${replica}. Nothing was changed: check --id and --data-dir.`;
  throw new FanfoldError("FOLDER_MISMATCH", message, { details: { path: directory, owner, replica } });
}

function inDirectory(directory: string, damage: FanfoldError): FanfoldError {
  const { file, offset, reason } = damage.details;
  const path = join(directory, String(file));
  const message = `The replica's log is damaged at byte ${offset} of ${path}: ${reason}.`;
  return new FanfoldError("LOG_CORRUPT", message, { details: { path, offset, reason }, cause: damage });
}

/** An error of the disk says so; any other, thrown by an acknowledgement or by the encoding, keeps its own message. */
function storageFailure(cause: unknown): FanfoldError {
  if (!(cause instanceof Error) || !("code" in cause) || typeof cause.code !== "string") {
    return FanfoldError.from(cause);
  }
  if (cause instanceof FanfoldError) return cause;
  const isFull = cause.code === "ENOSPC" || cause.code === "EDQUOT";
  const message = `The replica's log cannot be written: ${cause.message}.`;
  return new FanfoldError(isFull ? "DISK_FULL" : "LOG_UNWRITABLE", message, { cause });
}
