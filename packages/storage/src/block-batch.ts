/**
 * A block of lines whose records are made when somebody asks for them: by kernels, several at a time, with the ordinary
 * way for lines that those leave. A mapper that works on blocks never asks.
 */
import { isAscii, isUtf8 } from "node:buffer";
import {
  areKernelsOn,
  type BlockLayout,
  type Numbers,
  numberedBytesMax,
  type RecordBatch,
  type RecordBlock,
  TextNumberer,
} from "@fanfold/dataflow";
import type { LineBlock } from "./line-blocks.js";
import { byteOrderMarkBytes } from "./text-block.js";
import type { BlockContext } from "./text-lines.js";

/** Records of a block, and the position in the block of each. */
export interface MadeRecords {
  /** Either the records themselves … */
  readonly records?: readonly unknown[];
  readonly starts: ArrayLike<number>;
  /** … or what they are the texts of. */
  readonly numbered?: Numbers;
}

/** A format that kernels can read. */
export interface BlockFormat {
  readonly layout: BlockLayout;
  /** All records of a block, the ordinary way. */
  ordinary(block: LineBlock, context: BlockContext): RecordBatch;
  /** All records of `bytes[start, end)`, by kernels. */
  make(block: RecordBlock, numberer: TextNumberer): MadeRecords;
}

/** Lends a numberer for as long as a split is read, and makes it only if it is needed. */
export class NumbererLoan {
  /** Malformed records are to be named, and the next one to be read: the ordinary way's to do. */
  readonly keepsGoing: boolean;
  /** Asked once: the environment takes longer to answer than a kernel for a thousand records. */
  readonly areKernelsOn: boolean = areKernelsOn();
  #numberer: TextNumberer | undefined;

  constructor(keepsGoing: boolean) {
    this.keepsGoing = keepsGoing;
  }

  get(): TextNumberer {
    this.#numberer ??= TextNumberer.take()!;
    return this.#numberer;
  }

  end(): void {
    this.#numberer?.release();
    this.#numberer = undefined;
  }
}

/** The batch of a block: made later if kernels can read it, the ordinary way at once if not. */
export function blockBatch(
  format: BlockFormat,
  block: LineBlock,
  context: BlockContext,
  loan: NumbererLoan,
): RecordBatch {
  return !loan.keepsGoing && loan.areKernelsOn && canBeRead(block, context)
    ? new BlockBatch(format, block, context, loan)
    : format.ordinary(block, context);
}

function canBeRead(block: LineBlock, context: BlockContext): boolean {
  if (block.length > Math.min(numberedBytesMax, context.recordBytesMax)) return false;
  if (context.decoding.encoding !== "utf-8") return false;
  const bytes = block.bytes.subarray(0, block.length);
  return isAscii(bytes) || isUtf8(bytes);
}

class BlockBatch implements RecordBatch {
  readonly path: string;
  readonly inputBytes: number;
  readonly block: RecordBlock;
  readonly #format: BlockFormat;
  readonly #offset: number;
  readonly #loan: NumbererLoan;
  #made: MadeRecords | undefined;

  constructor(format: BlockFormat, block: LineBlock, context: BlockContext, loan: NumbererLoan) {
    this.path = context.path;
    this.inputBytes = context.inputBytes;
    this.#format = format;
    this.#offset = block.offset;
    this.#loan = loan;
    const start = block.offset === 0 ? byteOrderMarkBytes(block.bytes, block.length) : 0;
    const { bytes, length, offset } = block;
    this.block = {
      layout: format.layout,
      bytes,
      start,
      end: length,
      lineAt: (at) => {
        const found = bytes.indexOf(lineFeed, at);
        const end = found < 0 || found >= length ? length : found + 1;
        const line = {
          bytes: bytes.subarray(at, end),
          length: end - at,
          offset: offset + at,
          isLast: block.isLast && end === length,
        };
        return { batch: format.ordinary(line, { ...context, inputBytes: 0 }), end };
      },
    };
  }

  get records(): readonly unknown[] {
    const { records, numbered } = this.#make();
    return records ?? Array.from(numbered!.numbers, (number) => numbered!.texts[number]);
  }

  get numbered(): Numbers | undefined {
    return this.#make().numbered;
  }

  offsetOf(index: number): number {
    return this.#offset + this.#make().starts[index]!;
  }

  #make(): MadeRecords {
    this.#made ??= this.#format.make(this.block, this.#loan.get());
    return this.#made;
  }
}

const lineFeed = 10;
