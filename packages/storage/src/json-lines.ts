/** One JSON value a line (RFC 8259); lines of nothing but white space are skipped. */
import type { RecordBatch } from "@fanfold/dataflow";
import { FanfoldError, type FieldSpec } from "@fanfold/job";
import { type BlockFormat, blockBatch, type NumbererLoan } from "./block-batch.js";
import { ColumnRecords, jsonField, objectMaker } from "./declared-fields.js";
import type { LineBlock } from "./line-blocks.js";
import { type BlockContext, type Lines, linesOf } from "./text-lines.js";

/** Declared fields of an object a line. @throws in the parser as `jsonLineBatch` does. */
export function jsonFieldParser(
  fields: readonly FieldSpec[],
  loan: NumbererLoan,
): (block: LineBlock, context: BlockContext) => RecordBatch {
  const layout = { kind: "json", fields } as const;
  const make = objectMaker(fields);
  const columns = new ColumnRecords(layout, make);
  const format: BlockFormat = {
    layout,
    ordinary: (block, context) =>
      jsonLineBatch(block, context, (value, problem) => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
          throw problem("it is no object, but fields are declared");
        }
        return make(
          fields.map((field) => jsonField(value as Readonly<Record<string, unknown>>, field, problem)),
        );
      }),
    make: (block, numberer) => columns.read(block, numberer),
  };
  return (block, context) => blockBatch(format, block, context, loan);
}

/** What is to be made of a JSON value. */
type Projection = (value: unknown, problem: (reason: string) => FanfoldError) => unknown;

/** @throws `RECORD_MALFORMED` with the parser's reason, and what `linesOf` throws. */
export function jsonLineBatch(block: LineBlock, context: BlockContext, project?: Projection): RecordBatch {
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
    const value = parse(line, i, lines, context.path);
    records.push(
      project === undefined
        ? value
        : project(value, (reason) => malformed(context.path, lines.offsetOf(i), reason)),
    );
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

function malformed(path: string, offset: number, reason: string): FanfoldError {
  const message = `not as declared: the line at ${path} byte ${offset}: ${reason}`;
  return new FanfoldError("RECORD_MALFORMED", message, { details: { path, offset } });
}
