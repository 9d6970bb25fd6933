/** The words of lines: what blanks separate, or what a regular expression matches. */
import type { NumberedWords, RecordBatch, RecordBlock, TextNumberer } from "@fanfold/dataflow";
import type { ReaderSpec } from "@fanfold/job";
import { type BlockFormat, blockBatch, type MadeRecords, type NumbererLoan } from "./block-batch.js";
import type { LineBlock } from "./line-blocks.js";
import { type BlockContext, linesOf } from "./text-lines.js";

export type WordsSpec = Extract<ReaderSpec, { kind: "words" }>;

/** Whatever is none of the six blanks of ASCII. */
const betweenBlanks = { source: "[^ \\t\\n\\v\\f\\r]+", flags: "" };

/** @throws in the parser: `INPUT_ENCODING`, `RECORD_TOO_LARGE`. */
export function wordParser(
  spec: WordsSpec,
  loan: NumbererLoan,
): (block: LineBlock, context: BlockContext) => RecordBatch {
  const { source, flags } = spec.pattern ?? betweenBlanks;
  const pattern = new RegExp(source, `${flags}g`);
  const ordinary = (block: LineBlock, context: BlockContext): RecordBatch =>
    matchBatch(pattern, block, context);
  if (spec.pattern !== undefined) return ordinary;
  const format: BlockFormat = { layout: { kind: "words" }, ordinary, make: numberedWords };
  return (block, context) => blockBatch(format, block, context, loan);
}

function numberedWords(block: RecordBlock, numberer: TextNumberer): MadeRecords {
  const first = numberer.words(block.bytes, block.start, block.end);
  if (first.end >= block.end && block.start === 0) {
    return { starts: first.starts, numbered: first };
  }
  return joined(block, numberer, first);
}

/** Numbering began again within the block: its numbers mean nothing as a whole, its strings do. */
function joined(block: RecordBlock, numberer: TextNumberer, first: NumberedWords): MadeRecords {
  const records: string[] = [];
  const starts: number[] = [];
  let part = first;
  let from = block.start;
  for (;;) {
    for (const number of part.numbers) records.push(part.texts[number]!);
    for (const start of part.starts) starts.push(from + start);
    if (part.end >= block.end) break;
    from = part.end;
    part = numberer.words(block.bytes, from, block.end);
  }
  return { records, starts };
}

function matchBatch(pattern: RegExp, block: LineBlock, context: BlockContext): RecordBatch {
  const { lines, offsetOf } = linesOf(block, context);
  const records: string[] = [];
  /** For each word its line, and where in it. */
  const places: number[] = [];
  for (const [line, text] of lines.entries()) {
    for (const match of text.matchAll(pattern)) {
      if (match[0] === "") continue;
      records.push(match[0]);
      places.push(line, match.index);
    }
  }
  const bytesOf = context.decoding.encoding === "latin1" ? unitsOf : Buffer.byteLength;
  /** Up to where bytes were counted: offsets are mostly asked for in order. */
  let counted = { line: -1, at: 0, bytes: 0 };
  const offset = (index: number): number => {
    const line = places[2 * index]!;
    const at = places[2 * index + 1]!;
    if (counted.line !== line || counted.at > at) counted = { line, at: 0, bytes: 0 };
    // Replaced bytes cannot be counted back: then this is somewhere in the line.
    const bytes = counted.bytes + bytesOf(lines[line]!.slice(counted.at, at));
    counted = { line, at, bytes };
    return offsetOf(line) + bytes;
  };
  return { path: context.path, records, offsetOf: offset, inputBytes: context.inputBytes };
}

/** Of text with a byte for each character. */
function unitsOf(text: string): number {
  return text.length;
}
