/**
 * Opens sorted slices as one merged stream, in as many passes as memory demands.
 *
 * Each source of a merge needs a window of its own. When there are more sources than fit the budget, neighbours are
 * merged into one spilled run first; merging *neighbours* keeps equal keys in the order of their sources.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BlockGatherer } from "./block-gatherer.js";
import { BlockReader, type SegmentSlice } from "./block-reader.js";
import type { Combine } from "./combine-groups.js";
import { StreamWriter } from "./combine-groups.js";
import type { Kernel } from "./kernel.js";
import { blockBytes, mergeFilesMax, mergeSourcesMax, mergeWindowBytesMax } from "./limits.js";
import { MergedPlaces } from "./merged-places.js";
import { MergedStream } from "./merged-stream.js";
import type { Pace } from "./pace.js";
import { PlacesStream } from "./places-stream.js";
import type { RecordStream } from "./record-view.js";
import { blockHeaderBytes } from "./segment-format.js";
import { SegmentReader } from "./segment-reader.js";
import { SegmentWriter } from "./segment-writer.js";

export interface MergeOptions {
  readonly partition: number;
  readonly memoryBytes: number;
  /** For the runs of extra passes. */
  readonly workDir: string;
  /** Applied when runs are written; the result of the merge itself is not combined. */
  readonly combine: Combine | undefined;
  readonly pace: Pick<Pace, "restWhenDue">;
  /** Merges, in its memory; lent until the merge is closed. */
  readonly kernel?: Kernel | undefined;
}

interface Source {
  readonly bytesRead: number;
  close(): void;
}

interface Opened {
  readonly sources: readonly Source[];
  readonly stream: RecordStream;
  keys(): number;
}

export class PartitionMerge {
  /** Runs written by extra passes, and their bytes. */
  spills = 0;
  spilledBytes = 0;
  readonly #options: MergeOptions;
  readonly #ownPaths: Set<string> = new Set();
  #opened: Opened = { sources: [], stream: new MergedStream([]), keys: () => 0 };

  private constructor(options: MergeOptions) {
    this.#options = options;
  }

  /** @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE`, `DISK_FULL`, `OUTPUT_UNWRITABLE` */
  static async open(slices: readonly SegmentSlice[], options: MergeOptions): Promise<PartitionMerge> {
    const merge = new PartitionMerge(options);
    try {
      await merge.#open(slices);
      return merge;
    } catch (thrown) {
      merge.close();
      throw thrown;
    }
  }

  /** All records, by key, equal keys in the order of the slices. */
  get stream(): RecordStream {
    return this.#opened.stream;
  }

  /** Different keys given so far, where a kernel merges. */
  get keys(): number {
    return this.#opened.keys();
  }

  /** Bytes of the slices read so far. */
  get bytesRead(): number {
    return this.#opened.sources.reduce((total, source) => total + source.bytesRead, 0);
  }

  async #open(slices: readonly SegmentSlice[]): Promise<void> {
    let sources = slices.filter((slice) => slice.end > slice.start);
    for (;;) {
      const groups = groupsWithin(sources, this.#options.memoryBytes);
      if (groups.length <= 1) break;
      sources = [];
      for (const group of groups) {
        sources.push(group.length === 1 ? group[0]! : await this.#mergeToRun(group));
      }
    }
    this.#opened = openAll(sources, this.#options);
  }

  /** Closes what is open and removes the runs of this merge. */
  close(): void {
    for (const source of this.#opened.sources) source.close();
    this.#removeRuns();
  }

  async #mergeToRun(group: readonly SegmentSlice[]): Promise<SegmentSlice> {
    const { partition, workDir, combine, pace, kernel } = this.#options;
    const mark = kernel?.mark;
    const path = join(workDir, `merge-${partition}-${this.spills}.run`);
    const writer = new SegmentWriter(path, {
      partitions: partition + 1,
      compression: "none",
      isDigested: false,
      gatherer: kernel === undefined ? undefined : new BlockGatherer(kernel),
    });
    this.#ownPaths.add(path);
    const { sources, stream } = openAll(group, this.#options);
    try {
      const steps = new StreamWriter({ stream, partition, writer, combine });
      while (!steps.writeSome()) await pace.restWhenDue();
      writer.finish();
    } catch (thrown) {
      writer.abort();
      throw thrown;
    } finally {
      for (const source of sources) source.close();
      if (mark !== undefined) kernel!.rewind(mark);
    }
    const end = writer.ends[partition]!;
    this.spills += 1;
    this.spilledBytes += end;
    for (const source of group) if (this.#ownPaths.delete(source.path)) rmSync(source.path, { force: true });
    return { path, start: 0, end, order: group[0]!.order };
  }

  #removeRuns(): void {
    for (const path of this.#ownPaths) rmSync(path, { force: true });
    this.#ownPaths.clear();
  }
}

/** What one source costs: the window it reads and, when compressed, the raw block. */
function costOf(slice: SegmentSlice): number {
  return 2 * Math.min(blockBytes, slice.end - slice.start);
}

/** Cuts the sources into neighbourhoods that can each be merged at once. */
function groupsWithin(sources: readonly SegmentSlice[], memoryBytes: number): SegmentSlice[][] {
  const groups: SegmentSlice[][] = [];
  let group: SegmentSlice[] = [];
  let cost = 0;
  for (const source of sources) {
    const isFull = cost + costOf(source) > memoryBytes || group.length === mergeSourcesMax;
    // Two to a group at least, or passes would not end.
    if (isFull && group.length >= 2) {
      groups.push(group);
      group = [];
      cost = 0;
    }
    group.push(source);
    cost += costOf(source);
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function openAll(slices: readonly SegmentSlice[], options: MergeOptions): Opened {
  const { partition, memoryBytes, kernel } = options;
  const share = Math.floor(memoryBytes / Math.max(1, slices.length)) - blockBytes;
  const windowBytes = Math.max(blockBytes, Math.min(mergeWindowBytesMax, share));
  const keepsFileOpen = slices.length <= mergeFilesMax;
  const each = { partition, windowBytes, keepsFileOpen };
  // Where keys are known to repeat, there is little to merge, and not what kernels read.
  if (kernel === undefined || slices.some((slice) => isGrouped(slice, partition))) {
    const sources = slices.map((slice) => new SegmentReader(slice, each));
    return { sources, stream: new MergedStream(sources), keys: () => 0 };
  }
  const sources = slices.map((slice) => new BlockReader(slice, { ...each, memory: kernel }));
  const places = new MergedPlaces(kernel, sources);
  return { sources, stream: new PlacesStream(places), keys: () => places.keys };
}

function isGrouped(slice: SegmentSlice, partition: number): boolean {
  const reader = new BlockReader(slice, { partition, windowBytes: blockHeaderBytes, keepsFileOpen: false });
  try {
    return reader.isGrouped;
  } finally {
    reader.close();
  }
}
