/** CSV rows as records: objects from column name to text. */
import type { FieldLayout, RecordBatch } from "@fanfold/dataflow";
import { FanfoldError, type FieldSpec } from "@fanfold/job";
import { type BlockFormat, blockBatch, type NumbererLoan } from "./block-batch.js";
import { CsvScanner } from "./csv-rows.js";
import { ColumnRecords, objectMaker, type RecordMaker, textField } from "./declared-fields.js";
import { type LineBlock, type LineBlocks, recordTooLarge } from "./line-blocks.js";
import { TextBlock } from "./text-block.js";
import type { BlockContext } from "./text-lines.js";

export interface CsvFormat {
  readonly delimiter: string;
  readonly header: boolean | readonly string[];
  /** Declared fields: the only columns wanted, of these types. */
  readonly fields?: readonly FieldSpec[];
}

/** Reads the rows of one file, whose first row may be the header. */
export class CsvRecords {
  readonly #scanner: CsvScanner;
  readonly #blocks: LineBlocks;
  readonly #keepsGoing: boolean;
  readonly #format: CsvFormat;
  readonly #loan: NumbererLoan;
  readonly #make: RecordMaker | undefined;
  #columns: readonly string[] | undefined;
  /** How kernels read rows, once the columns are known and when they can. */
  #quick: BlockFormat | undefined;

  /** `keepsGoing`: malformed rows are named in the batch, and the next one is read. */
  constructor(format: CsvFormat, blocks: LineBlocks, loan: NumbererLoan, keepsGoing = false) {
    this.#keepsGoing = keepsGoing;
    this.#format = format;
    this.#loan = loan;
    this.#make = format.fields === undefined ? undefined : objectMaker(format.fields);
    this.#scanner = new CsvScanner(format.delimiter);
    this.#blocks = blocks;
    if (typeof format.header === "boolean") return;
    this.#columns = checkColumns(
      format.header,
      (reason) => new FanfoldError("JOB_INVALID", `csv(): ${reason}`),
    );
  }

  /** @throws `RECORD_MALFORMED`, `INPUT_ENCODING`, `RECORD_TOO_LARGE`. */
  batch(block: LineBlock, context: BlockContext): RecordBatch {
    this.#quick ??= this.#quickFormat();
    // With a quote anywhere, a line is not surely a row.
    const isPlain = block.bytes.subarray(0, block.length).indexOf(quote) < 0;
    if (this.#quick !== undefined && isPlain) return blockBatch(this.#quick, block, context, this.#loan);
    return this.#rows(block, context);
  }

  #quickFormat(): BlockFormat | undefined {
    const { fields, delimiter } = this.#format;
    const columns = this.#columns;
    if (fields === undefined || columns === undefined || delimiter.charCodeAt(0) > 0x7f) return undefined;
    if (!fields.every((field) => columns.includes(field.name))) return undefined;
    const layout: FieldLayout = {
      kind: "delimited",
      fields,
      delimiter,
      columns: columns.map((name) => fields.findIndex((field) => field.name === name)),
      rowFields: columns.length,
    };
    const made = new ColumnRecords(layout, this.#make!);
    return {
      layout,
      ordinary: (block, context) => this.#rows(block, context),
      make: (block, numberer) => made.read(block, numberer),
    };
  }

  #rows(block: LineBlock, context: BlockContext): RecordBatch {
    const { path, inputBytes } = context;
    const text = new TextBlock(path, block, context.decoding);
    const problem = (at: number, reason: string): FanfoldError =>
      malformedRow(path, text.offsetOfCharacter(at), reason);
    const malformed: FanfoldError[] = [];
    const skip = this.#keepsGoing ? (error: FanfoldError) => void malformed.push(error) : undefined;
    const { rows, starts, used } = this.#scanner.scan(text.text, block.isLast, problem, skip);
    if (used < text.text.length) this.#blocks.putBack(text.offsetOfCharacter(used) - block.offset);
    const limit = context.recordBytesMax;
    for (let i = 0; block.length > limit && i < rows.length; i += 1) {
      const bytes = text.offsetOfCharacter(starts[i + 1] ?? used) - text.offsetOfCharacter(starts[i]!);
      if (bytes > limit) throw recordTooLarge(path, text.offsetOfCharacter(starts[i]!), limit);
    }
    if (this.#columns === undefined && rows.length > 0) {
      this.#columns = checkColumns(rows.shift()!, (reason) => problem(starts.shift()!, reason));
      starts.shift();
    }
    const kept: number[] = [];
    const records: unknown[] = [];
    for (const [index, row] of rows.entries()) {
      const made = this.#made(row, starts[index]!, problem);
      if (made.error !== undefined && skip === undefined) throw made.error;
      if (made.error !== undefined) {
        malformed.push(made.error);
        continue;
      }
      kept.push(starts[index]!);
      records.push(made.record);
    }
    const offsetOf = (index: number): number => text.offsetOfCharacter(kept[index]!);
    return { path, records, offsetOf, inputBytes, ...(malformed.length === 0 ? {} : { malformed }) };
  }

  /** The record of a row, or what is wrong with the row. */
  #made(
    row: readonly string[],
    at: number,
    problem: (at: number, reason: string) => FanfoldError,
  ): { readonly record?: unknown; readonly error?: FanfoldError } {
    const { length } = this.#columns!;
    if (row.length > length) return { error: problem(at, `${row.length} fields for ${length} columns`) };
    const { fields } = this.#format;
    if (fields === undefined) return { record: this.#record(row) };
    try {
      return { record: this.#declared(row, fields, (reason) => problem(at, reason)) };
    } catch (error) {
      if (error instanceof FanfoldError) return { error };
      throw error;
    }
  }

  #declared(
    row: readonly string[],
    fields: readonly FieldSpec[],
    problem: (reason: string) => FanfoldError,
  ): unknown {
    const texts = fields.map((field) => {
      const column = this.#columns!.indexOf(field.name);
      const text = column < 0 ? undefined : (row[column] ?? "");
      return textField(text, field, problem);
    });
    return this.#make!(texts);
  }

  #record(row: readonly string[]): unknown {
    const columns = this.#columns!;
    // An assignment to `__proto__` would be lost on an ordinary object.
    const record: Record<string, string> = columns.includes("__proto__") ? Object.create(null) : {};
    for (let i = 0; i < columns.length; i += 1) record[columns[i]!] = row[i] ?? "";
    return record;
  }
}

const quote = 34;

function checkColumns(
  names: readonly string[],
  problem: (reason: string) => FanfoldError,
): readonly string[] {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === "") throw problem(`column ${index + 1} of the header has no name`);
    if (seen.has(name)) throw problem(`two columns of the header are named "${name}"`);
    seen.add(name);
  }
  return names;
}

function malformedRow(path: string, offset: number, reason: string): FanfoldError {
  const message = `malformed CSV: the row at ${path} byte ${offset}: ${reason}`;
  return new FanfoldError("RECORD_MALFORMED", message, { details: { path, offset } });
}
