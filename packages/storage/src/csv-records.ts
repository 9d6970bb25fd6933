/** CSV rows as records: objects from column name to text. */
import type { RecordBatch } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { CsvScanner } from "./csv-rows.js";
import { type LineBlock, type LineBlocks, recordTooLarge } from "./line-blocks.js";
import { TextBlock } from "./text-block.js";
import type { BlockContext } from "./text-lines.js";

export interface CsvFormat {
  readonly delimiter: string;
  readonly header: boolean | readonly string[];
}

/** Reads the rows of one file, whose first row may be the header. */
export class CsvRecords {
  readonly #scanner: CsvScanner;
  readonly #blocks: LineBlocks;
  readonly #keepsGoing: boolean;
  #columns: readonly string[] | undefined;

  /** `keepsGoing`: malformed rows are named in the batch, and the next one is read. */
  constructor(format: CsvFormat, blocks: LineBlocks, keepsGoing = false) {
    this.#keepsGoing = keepsGoing;
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
      const error = this.#misfit(row, starts[index]!, problem);
      if (error !== undefined && skip === undefined) throw error;
      if (error !== undefined) {
        malformed.push(error);
        continue;
      }
      kept.push(starts[index]!);
      records.push(this.#record(row));
    }
    const offsetOf = (index: number): number => text.offsetOfCharacter(kept[index]!);
    return { path, records, offsetOf, inputBytes, ...(malformed.length === 0 ? {} : { malformed }) };
  }

  #misfit(
    row: readonly string[],
    at: number,
    problem: (at: number, reason: string) => FanfoldError,
  ): FanfoldError | undefined {
    const { length } = this.#columns!;
    return row.length > length ? problem(at, `${row.length} fields for ${length} columns`) : undefined;
  }

  #record(row: readonly string[]): unknown {
    const columns = this.#columns!;
    // An assignment to `__proto__` would be lost on an ordinary object.
    const record: Record<string, string> = columns.includes("__proto__") ? Object.create(null) : {};
    for (let i = 0; i < columns.length; i += 1) record[columns[i]!] = row[i] ?? "";
    return record;
  }
}

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
