/**
 * Decides which file the next frame goes to, and which files can go.
 *
 * The log is a row of segments; only the last is written to. A full one is followed by a new one that starts with a
 * checkpoint: everything but slots that the log says so far. So a segment can be dropped as soon as nobody needs its
 * slots, whatever else is in it. The oldest goes first, or an old vote would come to light behind a newer one.
 */
import { createWhole, type LogFile, type LogFiles } from "./log-files.js";
import { encodeMark, encodeNewSegment, encodeRecords, type Segment, segmentName } from "./log-segment.js";
import { highestSlotOf, type ReplicaFacts, type StoredRecord } from "./stored-record.js";

export interface SegmentedLogOptions {
  /** A segment that has grown beyond this is the last one no longer. */
  readonly segmentBytesMax: number;
  /** 32 random bits. */
  readonly random: () => number;
}

/** What is remembered of a segment that is not read any more. */
interface SegmentExtent {
  readonly first: number;
  readonly highestSlot: number;
}

interface ActiveSegment {
  readonly file: LogFile;
  readonly first: number;
  readonly salt: number;
  /** Where the next frame goes. */
  position: number;
  highestSlot: number;
}

export class SegmentedLog {
  readonly #files: LogFiles;
  readonly #options: SegmentedLogOptions;
  readonly #closed: SegmentExtent[];
  #active: ActiveSegment;
  /** Of the next frame. */
  #sequence: number;

  private constructor(
    files: LogFiles,
    options: SegmentedLogOptions,
    state: { closed: SegmentExtent[]; active: ActiveSegment; sequence: number },
  ) {
    this.#files = files;
    this.#options = options;
    this.#closed = state.closed;
    this.#active = state.active;
    this.#sequence = state.sequence;
  }

  /** Starts a log in a directory that has none. */
  static async create(
    files: LogFiles,
    options: SegmentedLogOptions,
    facts: ReplicaFacts,
  ): Promise<SegmentedLog> {
    const active = await createSegment(files, options, facts.firstSequence, facts);
    return new SegmentedLog(files, options, { closed: [], active, sequence: facts.firstSequence + 1 });
  }

  /**
   * Goes on behind the last frame of `segments`, oldest first. On return everything read is durable: it may have
   * been in the cache of the system only, and the replica is about to rely on it.
   */
  static async resume(
    files: LogFiles,
    options: SegmentedLogOptions,
    segments: readonly Segment[],
  ): Promise<SegmentedLog> {
    const last = segments.at(-1)!;
    const file = await files.open(last.name);
    await file.truncate(last.end);
    await file.sync();
    await files.syncDirectory();
    const { first, salt, end: position } = last;
    const active = { file, first, salt, position, highestSlot: highestSlotIn(last.records) };
    const closed = segments
      .slice(0, -1)
      .map((segment) => ({ first: segment.first, highestSlot: highestSlotIn(segment.records) }));
    const log = new SegmentedLog(files, options, { closed, active, sequence: last.next });
    await log.mark();
    return log;
  }

  /** Writes the records as one frame: all of them survive a crash, or none. Durable on return. */
  async append(records: readonly StoredRecord[], facts: ReplicaFacts): Promise<void> {
    if (this.#active.position >= this.#options.segmentBytesMax) await this.#beginSegment(facts);
    const active = this.#active;
    const frame = encodeRecords(active.salt, this.#sequence, records);
    await active.file.write(active.position, frame);
    await active.file.sync();
    active.position += frame.length;
    active.highestSlot = Math.max(active.highestSlot, highestSlotIn(records));
    this.#sequence += 1;
  }

  /**
   * Notes that the last frame was synced, for whoever reads the log. Without it, a last frame that goes bad later
   * could not be told from one that a crash tore. Not synced itself: a lost mark loses no record.
   */
  async mark(): Promise<void> {
    const { file, position, salt } = this.#active;
    await file.write(position, encodeMark(salt, this.#sequence));
  }

  /** Where the log could start if slots up to `upTo` are not needed. */
  firstNeeded(upTo: number): number {
    const needed = this.#closed.find(({ highestSlot }) => highestSlot > upTo);
    return (needed ?? this.#active).first;
  }

  /** Removes the segments before `first`; only after a record that says so is durable. */
  async removeBefore(first: number): Promise<void> {
    while (this.#closed[0] !== undefined && this.#closed[0].first < first) {
      await this.#files.remove(segmentName(this.#closed[0].first));
      this.#closed.shift();
    }
  }

  async close(): Promise<void> {
    await this.#active.file.close();
  }

  async #beginSegment(facts: ReplicaFacts): Promise<void> {
    const before = this.#active;
    this.#active = await createSegment(this.#files, this.#options, this.#sequence, facts);
    // Only now: a seal says that the next segment is durable.
    await before.file.write(
      before.position,
      encodeRecords(before.salt, this.#sequence, [{ type: "sealed" }]),
    );
    await before.file.sync();
    await before.file.close();
    this.#closed.push({ first: before.first, highestSlot: before.highestSlot });
    this.#sequence += 1;
  }
}

async function createSegment(
  files: LogFiles,
  options: SegmentedLogOptions,
  first: number,
  facts: ReplicaFacts,
): Promise<ActiveSegment> {
  const salt = options.random();
  const bytes = encodeNewSegment(salt, first, facts);
  const file = await createWhole(files, segmentName(first), bytes);
  return { file, first, salt, position: bytes.length, highestSlot: 0 };
}

function highestSlotIn(records: readonly StoredRecord[]): number {
  return records.reduce((highest, record) => Math.max(highest, highestSlotOf(record)), 0);
}
