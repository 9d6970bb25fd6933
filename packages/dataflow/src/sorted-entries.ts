/**
 * The entries of a combiner's table in the order of a segment, sorted and written by a kernel: no JavaScript runs a record.
 */
import type { Kernel } from "./kernel.js";
import { blockBytes, keyBytesMax } from "./limits.js";
import type { NumericTable } from "./numeric-table.js";
import type { PartitionChooser } from "./partition-chooser.js";
import type { FoldedLines } from "./ports.js";
import type { SegmentWriter } from "./segment-writer.js";

const itemBytes = 16;
/** In an item. */
const numberOffset = 8;
/** The kernel deals items out by six digits of eleven bits. */
const digitCounters = 6 * 2048;
/** Beyond the last byte, for copies of sixteen bytes at a time. */
const slackBytes = 64;
/** A record takes two bytes of a block at least, and two are counted for its lengths. */
const blockRecordsMax = blockBytes / 4 + 1;
const headBytes = 16;

/** Lines are made so many bytes at a time. */
const linesBytes = 256 * 1024;
const lineFormats: readonly FoldedLines[] = ["tsv", "jsonLines"];

export interface Lines {
  /** `bytes[start, end)`; good until the next ones are asked for. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** The first entry that is not in them. */
  readonly next: number;
  /** Whether that one has to be written some other way. */
  readonly isOdd: boolean;
}

export class SortedEntries {
  readonly count: number;
  readonly #kernel: Kernel;
  readonly #items: number;
  /** Where lines are made; 0 before the first. */
  #linesAt = 0;

  /** Sorts the entries of `table`, which lies in the memory of `kernel` and must stay as it is from now on. */
  constructor(kernel: Kernel, table: NumericTable, partitions: number, chooser: PartitionChooser) {
    const { count } = table;
    this.count = count;
    this.#kernel = kernel;
    table.noteSize();
    if (!chooser.isByHash && partitions > 1) table.choosePartitions();
    const items = kernel.allocate(count * itemBytes);
    const other = kernel.allocate(count * itemBytes);
    const counters = kernel.allocate((digitCounters + partitions) * 4);
    let sorted = 0;
    table.lend(kernel, () => {
      const isHashed = chooser.isByHash ? 1 : 0;
      sorted = kernel.calls.sortEntries(items, other, counters, count, partitions, isHashed);
    });
    this.#items = sorted;
  }

  /** The number, in the table, of the `index`-th entry. */
  numberAt(index: number): number {
    return this.#kernel.bytes.readUInt32LE(this.#items + index * itemBytes + numberOffset);
  }

  /** Entries from `from` on as lines of text, as many as are made at a time. */
  linesFrom(from: number, format: FoldedLines): Lines {
    const { calls } = this.#kernel;
    if (this.#linesAt === 0) this.#linesAt = this.#kernel.allocate(linesBytes);
    const start = this.#linesAt;
    const to = start + linesBytes;
    const end = calls.writeLines(this.#items, from, this.count, lineFormats.indexOf(format), start, to);
    const next = calls.linesStop();
    return { bytes: this.#kernel.bytes, start, end, next, isOdd: calls.linesAreOdd() !== 0 };
  }

  /** Writes them all as blocks, the same that `SegmentWriter` makes of single records. */
  writeTo(writer: SegmentWriter): void {
    const kernel = this.#kernel;
    const { calls } = kernel;
    const longest = keyBytesMax + slackBytes;
    const lengths = kernel.allocate(blockRecordsMax * 8);
    const keys = kernel.allocate(blockBytes + longest);
    const values = kernel.allocate(blockBytes + slackBytes);
    const out = kernel.allocate(2 * blockBytes + blockRecordsMax * 8 + longest + headBytes);
    for (let from = 0; from < this.count; ) {
      const partition = calls.itemPartition(this.#items, from);
      const end = calls.writeBlock(this.#items, from, this.count, blockBytes, lengths, keys, values, out);
      const next = calls.blockEnd();
      const isLast = next === this.count || calls.itemPartition(this.#items, next) !== partition;
      writer.appendBlock(partition, kernel.bytes, out, end, next - from, isLast);
      from = next;
    }
  }
}
