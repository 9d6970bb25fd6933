/**
 * Readers and writers as data. This package only says *which* format is meant; `storage` knows how to read and
 * write it. A reader's type parameter is the record that `map` receives.
 */

import { FanfoldError } from "./fanfold-error.js";

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

/** Types of declared fields: `int32` is a whole number of 32 bits, `number` any. */
export type FieldType = "string" | "int32" | "number" | "boolean";

/** Field name → type; with `?`, a field that may be missing or null, and is then `undefined`. */
export type FieldDeclaration = Readonly<Record<string, FieldType | `${FieldType}?`>>;

export interface FieldOptions<F extends FieldDeclaration> {
  readonly fields: F;
}

interface FieldTypes {
  readonly string: string;
  readonly int32: number;
  readonly number: number;
  readonly boolean: boolean;
}

/** The record that a declaration of fields describes. */
export type DeclaredRecord<F extends FieldDeclaration> = {
  readonly [N in keyof F]: F[N] extends FieldType
    ? FieldTypes[F[N]]
    : F[N] extends `${infer T extends FieldType}?`
      ? FieldTypes[T] | undefined
      : never;
};

export type TextEncoding = "utf-8" | "latin1";

/** What a declared field must be, and whether it may be missing. */
export interface FieldSpec {
  readonly name: string;
  readonly type: FieldType;
  readonly isOptional: boolean;
}

export type ReaderSpec =
  | { readonly kind: "textLines"; readonly encoding: TextEncoding; readonly invalid: "error" | "replace" }
  | { readonly kind: "wholeFiles"; readonly encoding: TextEncoding; readonly invalid: "error" | "replace" }
  | {
      readonly kind: "words";
      /** Undefined: whatever blanks separate. */
      readonly pattern?: { readonly source: string; readonly flags: string };
      readonly encoding: TextEncoding;
      readonly invalid: "error" | "replace";
    }
  | { readonly kind: "splitFields"; readonly delimiter: string; readonly fields: readonly number[] }
  | { readonly kind: "jsonLines"; readonly fields?: readonly FieldSpec[] }
  | {
      readonly kind: "csv";
      readonly delimiter: string;
      readonly header: boolean | readonly string[];
      readonly fields?: readonly FieldSpec[];
    }
  | { readonly kind: "fixedRecords"; readonly bytes: number; readonly keyBytes: number };

export type WriterSpec =
  | { readonly kind: "tsv" }
  | { readonly kind: "fixedRecords"; readonly bytes: number }
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
 * As a reader: one JSON value a line, empty lines skipped. With `fields`, the declared fields of one JSON object a line,
 * and nothing else of it: several times as fast, since the other fields are passed over as bytes, and the record has
 * the declared types, checked. Without, `T` is what the caller says the values are, unchecked.
 * As a writer: `{"key":…,"value":…}` a line, or the bare value for named outputs.
 *
 * @throws `RECORD_MALFORMED` for a line that is not JSON, or whose fields are not as declared; `JOB_INVALID` for a
 * declaration that says nothing sensible.
 * @example
 * jsonLines({ fields: { path: "string", status: "int32", referrer: "string?" } })
 */
export function jsonLines<const F extends FieldDeclaration>(
  options: FieldOptions<F>,
): Reader<DeclaredRecord<F>> & Writer;
export function jsonLines<T = unknown>(): Reader<T> & Writer;
export function jsonLines(options?: FieldOptions<FieldDeclaration>): Reader<unknown> & Writer {
  const reader: ReaderSpec =
    options === undefined
      ? { kind: "jsonLines" }
      : { kind: "jsonLines", fields: fieldSpecs("jsonLines", options.fields) };
  return { reader, writer: { kind: "jsonLines" } };
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
 * As a reader: RFC 4180 rows as objects by column name; a quoted field may hold delimiters, quotes and newlines. With
 * `fields`, only those columns, of the declared types.
 * As a writer: a header row, then a row a pair.
 *
 * @throws `RECORD_MALFORMED` for an unclosed quote, a row with too many fields, or a cell that is not of its declared
 * type.
 */
export function csv<const F extends FieldDeclaration>(
  options: CsvOptions & FieldOptions<F>,
): Reader<DeclaredRecord<F>> & Writer;
export function csv<T extends CsvRow = CsvRow>(options?: CsvOptions): Reader<T> & Writer;
export function csv(
  options: CsvOptions & Partial<FieldOptions<FieldDeclaration>> = {},
): Reader<unknown> & Writer {
  const delimiter = options.delimiter ?? ",";
  const reader = { kind: "csv", delimiter, header: options.header ?? true } as const;
  return {
    reader: options.fields === undefined ? reader : { ...reader, fields: fieldSpecs("csv", options.fields) },
    writer: { kind: "csv", delimiter, columns: options.columns },
  };
}

export interface SplitFieldsOptions<N extends readonly number[]> {
  /** One ASCII character other than a line end, default tab. */
  readonly delimiter?: string;
  /** Which fields of a line make the record, counted from 0, in the order wanted. */
  readonly fields: N;
}

/**
 * Fields of delimited lines without any quoting, such as a tab-separated log: the record is a tuple of the texts of the fields
 * named. Equal texts are the same string, made once, so that ordinary code on them costs no decoding.
 *
 * @throws `RECORD_MALFORMED` for a line that lacks one of the fields, `INPUT_ENCODING`; `JOB_INVALID` for a delimiter or
 * fields that cannot be.
 * @example
 * splitFields({ delimiter: " ", fields: [6, 8] })
 */
export function splitFields<const N extends readonly number[]>(
  options: SplitFieldsOptions<N>,
): Reader<{ readonly [I in keyof N]: string }> {
  const delimiter = options.delimiter ?? "\t";
  if (typeof delimiter !== "string" || !/^[^\r\n\u0080-\uffff]$/.test(delimiter)) {
    throw formatInvalid("splitFields: the delimiter must be one ASCII character other than a line end");
  }
  const { fields } = options;
  if (!Array.isArray(fields) || fields.length < 1 || fields.length > declaredFieldsMax) {
    throw formatInvalid(`splitFields: name 1 to ${declaredFieldsMax} fields by their number`);
  }
  if (!fields.every((index) => Number.isSafeInteger(index) && index >= 0 && index < splitFieldsMax)) {
    throw formatInvalid(`splitFields: fields are whole numbers from 0 to ${splitFieldsMax - 1}`);
  }
  return { reader: { kind: "splitFields", delimiter, fields: [...fields] } };
}

export interface WordsOptions extends TextOptions {
  /**
   * What a word is: all matches of this expression in a line. Default: whatever is between blanks (space, tab, line
   * end, vertical tab, form feed), which is read much faster.
   */
  readonly pattern?: RegExp;
}

/**
 * One record a word. Equal words are the same string, made once, so that `map(word, emit)` is ordinary code at the speed
 * of the bytes; with `countEach()` no code of yours runs at all.
 *
 * @throws `INPUT_ENCODING`, `RECORD_TOO_LARGE`; `JOB_INVALID` for a pattern that is no regular expression.
 * @example
 * words({ pattern: /\p{L}+/u })
 */
export function words(options: WordsOptions = {}): Reader<string> {
  const { pattern } = options;
  if (pattern !== undefined && !(pattern instanceof RegExp)) {
    throw formatInvalid("words: pattern must be a regular expression");
  }
  const spec = {
    kind: "words",
    encoding: options.encoding ?? "utf-8",
    invalid: options.invalid ?? "error",
  } as const;
  if (pattern === undefined) return { reader: spec };
  const flags = pattern.flags.replaceAll(/[gy]/g, "");
  return { reader: { ...spec, pattern: { source: pattern.source, flags } } };
}

/** The record of `fixedRecords()`. */
export interface FixedRecord {
  /** Its first `keyBytes` bytes. */
  readonly key: Uint8Array;
  /** The rest of it. */
  readonly value: Uint8Array;
}

export interface FixedRecordsOptions {
  /** Size of a record, 1 to 1 MiB. */
  readonly bytes: number;
  /** How many of them, at its start, are the key; default none. */
  readonly keyBytes?: number;
}

/**
 * Binary records of one size. As a reader: `key` and `value` of each. As a writer: the bytes of key and value, one after
 * the other, which must be as long as a record; keys and values are bytes, or strings, which are written as UTF-8;
 * `null` and `undefined` are written as nothing.
 *
 * @throws `RECORD_MALFORMED` for a file that ends within a record, `VALUE_UNSUPPORTED` for a pair that is not a record;
 * `JOB_INVALID` for sizes that cannot be.
 */
export function fixedRecords(options: FixedRecordsOptions): Reader<FixedRecord> & Writer {
  const { bytes, keyBytes = 0 } = options;
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > fixedRecordBytesMax) {
    throw formatInvalid(`fixedRecords: bytes must be a whole number from 1 to ${fixedRecordBytesMax}`);
  }
  if (!Number.isSafeInteger(keyBytes) || keyBytes < 0 || keyBytes > bytes) {
    throw formatInvalid("fixedRecords: keyBytes must be a whole number from 0 to bytes");
  }
  return { reader: { kind: "fixedRecords", bytes, keyBytes }, writer: { kind: "fixedRecords", bytes } };
}

/** Larger records are files, or lines. */
const fixedRecordBytesMax = 1024 * 1024;
/** More than this would be most of a line: read it whole. */
const declaredFieldsMax = 64;
/** A line with more fields than this is not a line of fields. */
const splitFieldsMax = 10_000;

/**
 * `key`, tab, `value` a line. Tuples and arrays become several fields; strings are written as they are except that
 * tab, newline, carriage return and backslash are escaped (`\t \n \r \\`); objects as JSON. An `undefined` value
 * writes the key alone.
 */
export function tsv(): Writer {
  return { writer: { kind: "tsv" } };
}

function fieldSpecs(reader: string, fields: FieldDeclaration): FieldSpec[] {
  const entries = Object.entries(fields);
  if (entries.length < 1 || entries.length > declaredFieldsMax) {
    throw formatInvalid(`${reader}: declare 1 to ${declaredFieldsMax} fields`);
  }
  return entries.map(([name, declared]) => {
    const isOptional = typeof declared === "string" && declared.endsWith("?");
    const type = isOptional ? declared.slice(0, -1) : declared;
    if (type === "string" || type === "int32" || type === "number" || type === "boolean") {
      return { name, type, isOptional };
    }
    throw formatInvalid(
      `${reader}: field "${name}" must be declared as "string", "int32", "number" or "boolean", with "?" if it may be missing`,
    );
  });
}

function formatInvalid(message: string): FanfoldError {
  return new FanfoldError("JOB_INVALID", message);
}
