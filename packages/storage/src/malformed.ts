/** Reads on after records that are malformed, for jobs that skip such. */
import type { RecordBatch } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import type { LineBlock } from "./line-blocks.js";
import type { BlockContext } from "./text-lines.js";

type LineParser = (block: LineBlock, context: BlockContext) => RecordBatch;

const lineFeed = 10;

/** Whether one record cannot be read, and those after it can. */
export function isMalformed(error: unknown): error is FanfoldError {
  return (
    error instanceof FanfoldError && (error.code === "RECORD_MALFORMED" || error.code === "INPUT_ENCODING")
  );
}

/** A parser of lines that names malformed ones and goes on. A block is read line by line only where it has any. */
export function goingOn(parse: LineParser): LineParser {
  return (block, context) => {
    try {
      return parse(block, context);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      return byLine(parse, block, context);
    }
  };
}

function byLine(parse: LineParser, block: LineBlock, context: BlockContext): RecordBatch {
  const { path, inputBytes } = context;
  const records: unknown[] = [];
  const offsets: number[] = [];
  const malformed: FanfoldError[] = [];
  for (const line of linesIn(block)) {
    try {
      const batch = parse(line, context);
      for (const [index, record] of batch.records.entries()) {
        records.push(record);
        offsets.push(batch.offsetOf(index));
      }
    } catch (error) {
      if (!isMalformed(error)) throw error;
      malformed.push(error);
    }
  }
  return { path, records, offsetOf: (index) => offsets[index]!, malformed, inputBytes };
}

/** Each line, with its end, as a block of its own. */
function* linesIn({ bytes, length, offset, isLast }: LineBlock): Generator<LineBlock> {
  for (let start = 0; start < length; ) {
    const found = bytes.subarray(0, length).indexOf(lineFeed, start);
    const end = found < 0 ? length : found + 1;
    yield {
      bytes: bytes.subarray(start, end),
      length: end - start,
      offset: offset + start,
      isLast: isLast && end === length,
    };
    start = end;
  }
}
