/**
 * A partition reduced by a built-in aggregator, in a kernel: its segments' blocks are folded into a table, one source after the
 * other, which is then sorted. So nothing is merged, and no JavaScript runs a record.
 *
 * A table holds only so many keys, and only numbers: where that does not do, nothing has been lost but some time, and the
 * sources are merged as they are for any other reducer.
 */
import type { Aggregator } from "@fanfold/job";
import { type Block, BlockReader, type SegmentSlice } from "./block-reader.js";
import { type Kernel, returnKernel, takeKernel } from "./kernel.js";
import { decodeKeyAt } from "./key-decoder.js";
import { blockBytes, mergeWindowBytesMax } from "./limits.js";
import { NumericTable } from "./numeric-table.js";
import type { Pace } from "./pace.js";
import { PartitionChooser } from "./partition-chooser.js";
import type { FoldedLines } from "./ports.js";
import { SortedEntries } from "./sorted-entries.js";

/** By the numbers that the kernel gives them. */
const folds: readonly Aggregator<unknown, unknown>["kind"][] = ["sum", "min", "max", "count"];
/** What the kernel says of a block that it has folded. */
const isDone = 0;
/** Behind a block, for kernels that look at sixteen bytes at a time. */
const paddingBytes = 64;

export interface FoldedPartitionOptions {
  readonly partition: number;
  readonly aggregator: Aggregator<unknown, unknown>;
  /** For the table and what sorting it takes. */
  readonly memoryBytes: number;
  readonly pace: Pick<Pace, "restWhenDue">;
}

export class FoldedPartition {
  /** Records and bytes read so far. */
  records = 0;
  bytesRead = 0;
  readonly #options: FoldedPartitionOptions;
  readonly #kernel: Kernel;
  readonly #table: NumericTable;
  readonly #fold: number;
  #sorted: SortedEntries | undefined;
  /** Room for a block. */
  #blockAt = 0;
  #blockRoom = 0;

  private constructor(options: FoldedPartitionOptions, kernel: Kernel) {
    this.#options = options;
    this.#kernel = kernel;
    this.#fold = folds.indexOf(options.aggregator.kind);
    this.#table = new NumericTable({
      fold: "sum",
      chooser: onlyPartition,
      bytesMax: options.memoryBytes,
      memory: kernel,
    });
    this.#makeBlockRoom(2 * blockBytes);
  }

  /** One to be filled, which must be closed; undefined where a kernel cannot do it. */
  static take(options: FoldedPartitionOptions): FoldedPartition | undefined {
    const kernel = folds.includes(options.aggregator.kind) ? takeKernel() : undefined;
    return kernel === undefined ? undefined : new FoldedPartition(options, kernel);
  }

  /**
   * Reads all slices and sorts; false when that turns out not to be possible.
   *
   * @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE`
   */
  async fill(slices: readonly SegmentSlice[]): Promise<boolean> {
    for (const slice of slices) {
      const windowBytes = Math.min(mergeWindowBytesMax, slice.end - slice.start);
      const { partition } = this.#options;
      const reader = new BlockReader(slice, { partition, windowBytes, keepsFileOpen: true });
      const before = this.bytesRead;
      try {
        for (;;) {
          const block = reader.next();
          if (block === undefined) break;
          if (!this.#take(block)) return false;
          this.bytesRead = before + reader.bytesRead;
          await this.#options.pace.restWhenDue();
        }
      } finally {
        reader.close();
      }
    }
    this.#sorted = new SortedEntries(this.#kernel, this.#table, 1, onlyPartition);
    return true;
  }

  /** Different keys. */
  get count(): number {
    return this.#table.count;
  }

  /** Key and value of the `index`-th entry in key order. */
  at(index: number): { readonly key: unknown; readonly value: number } {
    const number = this.#sorted!.numberAt(index);
    const { start, end } = this.#table.keyAt(number);
    return { key: decodeKeyAt(this.#kernel.bytes, start, end), value: this.#table.valueAt(number) };
  }

  /** Lines of the entries from `from` on, as `SortedEntries.linesFrom` gives them. */
  linesFrom(from: number, format: FoldedLines): ReturnType<SortedEntries["linesFrom"]> {
    return this.#sorted!.linesFrom(from, format);
  }

  /** Hands the kernel back. */
  close(): void {
    returnKernel(this.#kernel);
  }

  #take({ bytes, at: start, end, records, isGrouped }: Block): boolean {
    if (isGrouped) return false;
    const kernel = this.#kernel;
    const length = end - start;
    if (length > this.#blockRoom) this.#makeBlockRoom(length);
    const at = this.#blockAt;
    bytes.copy(kernel.bytes, at, start, end);
    // A block that was begun cannot be begun again.
    this.#table.expect(records);
    let said = isDone;
    this.#table.lend(kernel, () => {
      said = kernel.calls.foldBlock(at, at + length, records, this.#fold);
    });
    this.records += records;
    return said === isDone;
  }

  #makeBlockRoom(bytes: number): void {
    this.#blockRoom = bytes;
    this.#blockAt = this.#kernel.allocate(bytes + paddingBytes);
  }
}

const onlyPartition: PartitionChooser = new PartitionChooser({} as never, 1, undefined);
