/**
 * Readers and writers as data. This package only says *which* format is meant; `storage` knows how to read and
 * write it. A reader's type parameter is the record that `map` receives.
 */

declare const recordType: unique symbol;

/** Where `map` gets its records from. `Record` exists in the type only. */
export interface Reader<Record> {
  readonly reader: ReaderSpec;
  readonly [recordType]?: Record;
}

/** How a job's output files are written. */
export interface Writer {
  readonly writer: WriterSpec;
}

export type TextEncoding = "utf-8" | "latin1";

export type ReaderSpec =
  | { readonly kind: "textLines"; readonly encoding: TextEncoding; readonly invalid: "error" | "replace" }
  | { readonly kind: "wholeFiles"; readonly encoding: TextEncoding; readonly invalid: "error" | "replace" }
  | { readonly kind: "jsonLines" }
  | { readonly kind: "csv"; readonly delimiter: string; readonly header: boolean | readonly string[] };

export type WriterSpec =
  | { readonly kind: "tsv" }
  | { readonly kind: "textLines" }
  | { readonly kind: "jsonLines" }
  | { readonly kind: "csv"; readonly delimiter: string; readonly columns: readonly string[] | undefined };

/** The record of `wholeFiles()`. */
export interface WholeFile {
  /** Absolute path of the file. */
  readonly path: string;
  readonly text: string;
}

export interface TextOptions {
  /** Default `utf-8`. */
  readonly encoding?: TextEncoding;
  /**
   * What to do with bytes that are not valid UTF-8: fail the task (`error`, the default, since replacing could make
   * two different keys equal) or put U+FFFD (`replace`).
   */
  readonly invalid?: "error" | "replace";
}

/**
 * As a reader: one record a line, without its `\n` or `\r\n`. A byte-order mark at the start of a file is not part of
 * the text. As a writer: the value alone as a line of text, whatever the key.
 *
 * @throws `INPUT_ENCODING` for bytes that are not UTF-8, `RECORD_TOO_LARGE` for a line over 256 MiB.
 */
export function textLines(options: TextOptions = {}): Reader<string> & Writer {
  return {
    reader: { kind: "textLines", encoding: options.encoding ?? "utf-8", invalid: options.invalid ?? "error" },
    writer: { kind: "textLines" },
  };
}

/** One record a file: its path and whole text. Files are never split. */
export function wholeFiles(options: TextOptions = {}): Reader<WholeFile> {
  return {
    reader: {
      kind: "wholeFiles",
      encoding: options.encoding ?? "utf-8",
      invalid: options.invalid ?? "error",
    },
  };
}

/**
 * As a reader: one JSON value a line, empty lines skipped; `T` is what the caller says the values are, unchecked.
 * As a writer: `{"key":…,"value":…}` a line, or the bare value for named outputs.
 *
 * @throws `RECORD_MALFORMED` for a line that is not JSON.
 */
export function jsonLines<T = unknown>(): Reader<T> & Writer {
  return { reader: { kind: "jsonLines" }, writer: { kind: "jsonLines" } };
}

export interface CsvOptions {
  /** One character, default `,`. */
  readonly delimiter?: string;
  /** Reading: `true` (default) takes the names from each file's first row; an array gives them and reads every row as data. */
  readonly header?: true | readonly string[];
  /** Writing: the columns of the header row, default `key,value`. Object values give their fields by name. */
  readonly columns?: readonly string[];
}

/** The record of `csv()`: column name → text. */
export type CsvRow = Readonly<Record<string, string>>;

/**
 * As a reader: RFC 4180 rows as objects by column name; a quoted field may hold delimiters, quotes and newlines.
 * As a writer: a header row, then a row a pair.
 *
 * @throws `RECORD_MALFORMED` for an unclosed quote or a row with too many fields.
 */
export function csv<T extends CsvRow = CsvRow>(options: CsvOptions = {}): Reader<T> & Writer {
  const delimiter = options.delimiter ?? ",";
  return {
    reader: { kind: "csv", delimiter, header: options.header ?? true },
    writer: { kind: "csv", delimiter, columns: options.columns },
  };
}

/**
 * `key`, tab, `value` a line. Tuples and arrays become several fields; strings are written as they are except that
 * tab, newline, carriage return and backslash are escaped (`\t \n \r \\`); objects as JSON. An `undefined` value
 * writes the key alone.
 */
export function tsv(): Writer {
  return { writer: { kind: "tsv" } };
}
