/** One JSON value a line (RFC 8259); lines of nothing but white space are skipped. */
import type { RecordBatch } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import type { LineBlock } from "./line-blocks.js";
import { type BlockContext, type Lines, linesOf } from "./text-lines.js";

/** @throws `RECORD_MALFORMED` with the parser's reason, and what `linesOf` throws. */
export function jsonLineBatch(block: LineBlock, context: BlockContext): RecordBatch {
  const lines = linesOf(block, context);
  const records: unknown[] = [];
  /** Line numbers of the records; made when the first line is skipped. */
  let lineOfRecord: number[] | undefined;
  for (let i = 0; i < lines.lines.length; i += 1) {
    const line = lines.lines[i]!;
    if (isBlank(line)) {
      lineOfRecord ??= Array.from(records, (_, index) => index);
      continue;
    }
    records.push(parse(line, i, lines, context.path));
    lineOfRecord?.push(i);
  }
  const offsetOf = (index: number): number => lines.offsetOf(lineOfRecord?.[index] ?? index);
  return { path: context.path, records, offsetOf, inputBytes: context.inputBytes };
}

/** Looks further than the first character only where that is white space. */
function isBlank(line: string): boolean {
  return line.length === 0 || (line.charCodeAt(0) <= 32 && /^[ \t\r]*$/.test(line));
}

function parse(line: string, index: number, lines: Lines, path: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const offset = lines.offsetOf(index);
    const reason = error instanceof Error ? error.message : String(error);
    const message = `not a JSON value: the line at ${path} byte ${offset} (${reason})`;
    throw new FanfoldError("RECORD_MALFORMED", message, { details: { path, offset }, cause: error });
  }
}
