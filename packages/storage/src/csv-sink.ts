/**
 * Writer of CSV (RFC 4180): a header row, then a row a pair, each ended by `\n`.
 *
 * Which cells a pair becomes:
 * - without `columns`, two: `key` and `value`; tuples, arrays and objects as JSON;
 * - with `columns` and an object as value: its fields by name; the column `key` is the pair's key where the object has no
 *   such field; columns it does not have are empty, fields without a column are left out, as asked;
 * - with `columns` and any other value: the key (or the elements of a tuple), then the value (or the elements of an
 *   array), one column after the other; more of them than columns are refused.
 *
 * A single value (a named output) is treated likewise, without the key; where there are no `columns`, the first value
 * sets them: its field names, or `value`. A later value with another field is refused rather than cut.
 *
 * null and `undefined` are empty cells; the rest is written as by `tsv()`, unescaped. A lone surrogate is refused,
 * since UTF-8 cannot hold it and CSV has no escape.
 */
import type { RecordSink, SinkSummary } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { isFields, jsonTextOf, simpleTextOf } from "./json-text.js";
import { OutputFile } from "./output-file.js";
import { scalarText } from "./text-sinks.js";

export interface CsvSinkOptions {
  readonly delimiter: string;
  readonly columns: readonly string[] | undefined;
}

export class CsvSink implements RecordSink {
  readonly #file: OutputFile;
  readonly #delimiter: string;
  readonly #columns: readonly string[] | undefined;
  /** The columns that the first value of a named output has set. */
  #foundColumns: readonly string[] | undefined;
  #hasHeader = false;
  readonly #needsQuotes: RegExp;

  constructor(path: string, options: CsvSinkOptions) {
    this.#delimiter = options.delimiter;
    this.#columns = options.columns;
    this.#needsQuotes = new RegExp(
      `["\\r\\n\\u${options.delimiter.charCodeAt(0).toString(16).padStart(4, "0")}]`,
    );
    this.#file = new OutputFile(path);
  }

  writePair(key: unknown, value: unknown): void {
    const cells = this.#columns === undefined ? [key, value] : pairCells(this.#columns, key, value);
    this.#writeHeader(this.#columns ?? ["key", "value"]);
    this.#file.writeRecord(this.#row(cells));
  }

  writeValue(value: unknown): void {
    const columns = this.#columns ?? this.#foundColumns ?? (isFields(value) ? Object.keys(value) : ["value"]);
    const cells = valueCells(columns, value, this.#columns === undefined);
    this.#foundColumns = columns;
    this.#writeHeader(columns);
    this.#file.writeRecord(this.#row(cells));
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    this.#writeHeader(this.#columns ?? ["key", "value"]);
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }

  #writeHeader(columns: readonly string[]): void {
    if (!this.#hasHeader) this.#file.writeText(this.#row(columns));
    this.#hasHeader = true;
  }

  #row(cells: readonly unknown[]): string {
    const texts = cells.map((cell) => this.#cell(cell));
    // A row of one empty cell would be an empty line, which is no row.
    return texts.length === 1 && texts[0] === "" ? '""\n' : `${texts.join(this.#delimiter)}\n`;
  }

  #cell(value: unknown): string {
    const text = cellText(value);
    if (!text.isWellFormed()) {
      const message = "a string with a lone surrogate cannot be written as CSV; use jsonLines() or tsv()";
      throw new FanfoldError("VALUE_UNSUPPORTED", message, { details: { path: this.#file.path } });
    }
    return this.#needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
}

function cellText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return scalarText(value);
  return simpleTextOf(value) ?? jsonTextOf(value);
}

function pairCells(columns: readonly string[], key: unknown, value: unknown): unknown[] {
  if (isFields(value)) {
    return columns.map((column) =>
      Object.hasOwn(value, column) ? value[column] : column === "key" ? key : undefined,
    );
  }
  return fitted(columns, [...partsOf(key), ...partsOf(value)]);
}

function valueCells(columns: readonly string[], value: unknown, areColumnsFound: boolean): unknown[] {
  if (!isFields(value)) return fitted(columns, partsOf(value));
  const unknown = areColumnsFound ? Object.keys(value).find((name) => !columns.includes(name)) : undefined;
  if (unknown !== undefined) {
    const message = `the field "${unknown}" has no column: the first value set the columns ${columns.join(", ")}; name them by csv({ columns })`;
    throw new FanfoldError("VALUE_UNSUPPORTED", message);
  }
  return columns.map((column) => (Object.hasOwn(value, column) ? value[column] : undefined));
}

function partsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function fitted(columns: readonly string[], cells: readonly unknown[]): unknown[] {
  if (cells.length > columns.length && cells.slice(columns.length).some((cell) => cell !== undefined)) {
    const message = `${cells.length} cells for the ${columns.length} columns ${columns.join(", ")}`;
    throw new FanfoldError("VALUE_UNSUPPORTED", message);
  }
  return columns.map((_, index) => cells[index]);
}
