/**
 * Maps blocks of lines without calling anything a record: for built-in mappers whose pairs a kernel can fold itself.
 *
 * It takes on what it recognises: words counted, or keys of declared fields with a number or 1 as the value, folded by
 * `sum`, `min` or `max` in the combiner's table. A line that a kernel leaves goes the ordinary way.
 */
import { type AnyJob, type FieldName, type FieldSpec, mapperSpecOf } from "@fanfold/job";
import type { Collector, KernelTable } from "./collector.js";
import { type FieldLayout, FieldScanner } from "./field-scanner.js";
import type { BlockLayout, RecordBlock } from "./ports.js";
import { paddingBytes } from "./text-numberer.js";

/** Blocks up to this size; a longer one holds a line out of the ordinary. */
const blockBytesMax = 256 * 1024;
/** Keys are put together in this many bytes; longer ones go the ordinary way. */
const keyScratchBytes = 16 * 1024;
/** Of the kernel's memo of keys: a power of two, of which the table of entries and it fit the cache. */
const memoSlots = 16 * 1024;
const lineFeed = 10;
const space = 32;
const folds = ["sum", "min", "max"];

/** What was mapped of a block: where it stopped, and the records until there. */
export interface BlockProgress {
  readonly end: number;
  readonly records: number;
}

interface KeyPlan {
  readonly fields: readonly number[];
  readonly isTuple: boolean;
  /** -1: the value is 1. */
  readonly value: number;
}

/** The mapper for blocks of `layout`, if there is one for this job. */
export function blockMapperOf(
  job: AnyJob,
  layout: BlockLayout,
  collector: Collector,
): BlockMapper | undefined {
  const spec = mapperSpecOf(job.map);
  const kind = (job.combine as { readonly kind?: unknown } | undefined)?.kind;
  const borrowed = collector.kernelTable();
  if (spec === undefined || borrowed === undefined || !folds.includes(kind as string)) return undefined;
  if (layout.kind === "words") {
    const counts = spec.kind === "countEach" && spec.fields === undefined && kind === "sum";
    return counts ? new BlockMapper(collector, borrowed, undefined) : undefined;
  }
  const plan = keyPlanOf(job, layout.fields);
  if (plan === undefined) return undefined;
  return new BlockMapper(collector, borrowed, { layout, plan, fold: folds.indexOf(kind as string) });
}

function keyPlanOf(job: AnyJob, fields: readonly FieldSpec[]): KeyPlan | undefined {
  const spec = mapperSpecOf(job.map);
  if (spec === undefined || spec.kind === "pick" || spec.fields === undefined) return undefined;
  const indexOf = (name: FieldName): number => fields.findIndex((field) => field.name === String(name));
  const keys = spec.fields.map(indexOf);
  // A missing key is refused, naming the record: that is the ordinary way's to do.
  if (keys.some((index) => index < 0 || fields[index]!.isOptional)) return undefined;
  if (spec.kind === "countEach") return { fields: keys, isTuple: spec.fields.length > 1, value: -1 };
  const [picked, ...others] = spec.pick ?? [];
  if (picked === undefined || others.length > 0) return undefined;
  const value = indexOf(picked);
  const field = fields[value];
  if (field === undefined || field.isOptional || (field.type !== "int32" && field.type !== "number"))
    return undefined;
  return { fields: keys, isTuple: spec.isTuple, value };
}

export class BlockMapper {
  readonly #collector: Collector;
  readonly #borrowed: KernelTable;
  readonly #inputAt: number;
  readonly #scanner: FieldScanner | undefined;

  constructor(
    collector: Collector,
    borrowed: KernelTable,
    lines: { readonly layout: FieldLayout; readonly plan: KeyPlan; readonly fold: number } | undefined,
  ) {
    this.#collector = collector;
    this.#borrowed = borrowed;
    const { kernel } = borrowed;
    this.#inputAt = kernel.allocate(blockBytesMax + 2 * paddingBytes) + paddingBytes;
    if (lines === undefined) return;
    this.#scanner = new FieldScanner(kernel, lines.layout);
    const { plan } = lines;
    const scratch = kernel.allocate(keyScratchBytes);
    const memo = kernel.allocate(memoSlots * 4);
    kernel.bytes.fill(0, memo, memo + memoSlots * 4);
    const keysAt = kernel.allocate(plan.fields.length * 4);
    for (const [index, field] of plan.fields.entries()) kernel.bytes.writeUInt32LE(field, keysAt + index * 4);
    kernel.calls.useKey(
      scratch,
      scratch + keyScratchBytes,
      keysAt,
      plan.fields.length,
      plan.isTuple ? 1 : 0,
      plan.value,
      lines.fold,
      memo,
      memoSlots,
    );
  }

  /** Whether `mapBlock` may be asked: not when the block is too long, nor when the table has been given up. */
  canMap(block: RecordBlock): boolean {
    return block.end - block.start <= blockBytesMax && this.#collector.kernelTable() !== undefined;
  }

  /** Maps lines from `start` on; stops at the end of the block, or before a line for the ordinary way. */
  mapBlock(block: RecordBlock, start: number): BlockProgress {
    const { kernel } = this.#borrowed;
    const length = block.end - start;
    block.bytes.copy(kernel.bytes, this.#inputAt, start, block.end);
    const to = this.#inputAt + length;
    kernel.bytes[to] = this.#scanner === undefined ? space : lineFeed;
    kernel.bytes.fill(this.#scanner === undefined ? space : 0, to + 1, to + paddingBytes);
    const { end, records } =
      this.#scanner === undefined ? this.#countWords(to) : this.#foldLines(this.#scanner, to);
    return { end: start + end - this.#inputAt, records };
  }

  #countWords(to: number): BlockProgress {
    const { kernel, table } = this.#borrowed;
    let at = this.#inputAt;
    let records = 0;
    while (at < to) {
      const from = at;
      table.lend(kernel, () => kernel.calls.countWords(from, to));
      at = kernel.calls.wordsStop();
      records += kernel.calls.wordsTaken();
      if (at < to) this.#collector.makeRoom(to - at);
    }
    return { end: to, records };
  }

  #foldLines(scanner: FieldScanner, to: number): BlockProgress {
    let at = this.#inputAt;
    let records = 0;
    while (at < to) {
      const scan = scanner.scan(at, to);
      const folded = this.#fold(scan.records);
      records += folded;
      if (folded < scan.records) return { end: scanner.starts(scan.records)[folded]!, records };
      at = scan.end;
      if (scan.isOdd) break;
    }
    return { end: Math.min(at, to), records };
  }

  /** Folds the records scanned and returns how many: fewer when one has too long a key. */
  #fold(count: number): number {
    const { kernel, table } = this.#borrowed;
    let done = 0;
    let hasRoom = false;
    while (done < count) {
      const from = done;
      table.lend(kernel, () => {
        done = kernel.calls.foldColumns(from, count);
      });
      if (done === count) break;
      // With room for it, a record that is refused again has too long a key.
      if (done === from && hasRoom) break;
      this.#collector.makeRoom(keyScratchBytes);
      hasRoom = true;
    }
    return done;
  }
}
