/** Delimited lines without quoting: a tuple of the fields named. */
import type { FieldLayout, RecordBatch } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { type BlockFormat, blockBatch, type NumbererLoan } from "./block-batch.js";
import { ColumnRecords } from "./declared-fields.js";
import type { LineBlock } from "./line-blocks.js";
import { type BlockContext, linesOf } from "./text-lines.js";

export interface SplitFieldsSpec {
  readonly delimiter: string;
  readonly fields: readonly number[];
}

/** @throws in the parser: `RECORD_MALFORMED`, `INPUT_ENCODING`, `RECORD_TOO_LARGE`. */
export function splitFieldsParser(
  spec: SplitFieldsSpec,
  loan: NumbererLoan,
): (block: LineBlock, context: BlockContext) => RecordBatch {
  const ordinary = (block: LineBlock, context: BlockContext): RecordBatch => splitBatch(spec, block, context);
  // A kernel puts a field into one column only.
  if (new Set(spec.fields).size < spec.fields.length) return ordinary;
  const layout = layoutOf(spec);
  const columns = new ColumnRecords(layout, (values) => [...values]);
  const format: BlockFormat = {
    layout,
    ordinary,
    make: (block, numberer) => columns.read(block, numberer),
  };
  return (block, context) => blockBatch(format, block, context, loan);
}

function layoutOf(spec: SplitFieldsSpec): FieldLayout {
  const columns = new Array<number>(Math.max(...spec.fields) + 1).fill(-1);
  for (const [column, field] of spec.fields.entries()) columns[field] = column;
  return {
    kind: "delimited",
    fields: spec.fields.map((_, index) => ({ name: String(index), type: "string", isOptional: false })),
    delimiter: spec.delimiter,
    columns,
    rowFields: 0,
  };
}

function splitBatch(spec: SplitFieldsSpec, block: LineBlock, context: BlockContext): RecordBatch {
  const { path, inputBytes } = context;
  const { lines, offsetOf } = linesOf(block, context);
  const records = lines.map((line, index) => {
    const texts = line.split(spec.delimiter);
    return spec.fields.map((field) => {
      const text = texts[field];
      if (text !== undefined) return text;
      const offset = offsetOf(index);
      const message = `the line at ${path} byte ${offset} has ${texts.length} fields, so there is no field ${field}`;
      throw new FanfoldError("RECORD_MALFORMED", message, { details: { path, offset } });
    });
  });
  return { path, records, offsetOf, inputBytes };
}
