/** Lines of a text block: what `\n` ends, without the `\r` before it. A `\r` anywhere else is data. */
import type { RecordBatch } from "@fanfold/dataflow";
import { type LineBlock, recordTooLarge } from "./line-blocks.js";
import { TextBlock, type TextDecoding } from "./text-block.js";

/** What the parsers of all line-wise formats are given with each block. */
export interface BlockContext {
  readonly path: string;
  readonly decoding: TextDecoding;
  readonly recordBytesMax: number;
  readonly inputBytes: number;
}

/** Lines of a block, and where each starts. */
export interface Lines {
  readonly lines: string[];
  readonly offsetOf: (index: number) => number;
}

/** A batch of lines. */
export function textLineBatch(block: LineBlock, context: BlockContext): RecordBatch {
  const { lines, offsetOf } = linesOf(block, context);
  return { path: context.path, records: lines, offsetOf, inputBytes: context.inputBytes };
}

/** @throws `INPUT_ENCODING`, `RECORD_TOO_LARGE`. */
export function linesOf(block: LineBlock, context: BlockContext): Lines {
  const text = new TextBlock(context.path, block, context.decoding);
  const lines = splitLines(text.text);
  const offsetOf = (index: number): number => text.offsetOfLine(index);
  if (block.length > context.recordBytesMax) checkLengths(lines, offsetOf, context);
  return { lines, offsetOf };
}

function splitLines(text: string): string[] {
  if (text.length === 0) return [];
  const lines = text.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  if (text.includes("\r")) stripCarriageReturns(lines, text.endsWith("\n"));
  return lines;
}

/** The last line only has a line end, of which a `\r` may be part, if the text ends in `\n`. */
function stripCarriageReturns(lines: string[], isLastEnded: boolean): void {
  const ended = isLastEnded ? lines.length : lines.length - 1;
  for (let i = 0; i < ended; i += 1) {
    const line = lines[i]!;
    if (line.charCodeAt(line.length - 1) === 13) lines[i] = line.slice(0, -1);
  }
}

/** Only a block longer than the limit can hold a line that is. */
function checkLengths(
  lines: readonly string[],
  offsetOf: (index: number) => number,
  context: BlockContext,
): void {
  const { path, decoding, recordBytesMax: limit } = context;
  for (const [index, line] of lines.entries()) {
    const bytes = decoding.encoding === "latin1" ? line.length : Buffer.byteLength(line);
    if (bytes > limit) throw recordTooLarge(path, offsetOf(index), limit);
  }
}
