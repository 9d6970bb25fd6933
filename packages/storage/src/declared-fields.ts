/** Declared fields: checked one by one, the ordinary way, or made of the columns that a kernel has read. */
import type { FieldLayout, FieldScanner, RecordBlock, TextNumberer } from "@fanfold/dataflow";
import type { FanfoldError, FieldSpec } from "@fanfold/job";
import type { MadeRecords } from "./block-batch.js";

/** Makes a record of the values of its fields, in the order of their declaration. */
export type RecordMaker = (values: readonly unknown[]) => unknown;

/** Objects of one shape, made as a literal with these names would be: several times as fast as naming field by field. */
export function objectMaker(fields: readonly FieldSpec[]): RecordMaker {
  // In brackets, since "__proto__" without them is not a field.
  const entries = fields.map((field, index) => `[${JSON.stringify(field.name)}]: values[${index}]`);
  return new Function("values", `return { ${entries.join(", ")} };`) as RecordMaker;
}

/** The value of a field of a JSON object. @throws `RECORD_MALFORMED` by `problem`. */
export function jsonField(
  record: Readonly<Record<string, unknown>>,
  field: FieldSpec,
  problem: (reason: string) => FanfoldError,
): unknown {
  const value = Object.hasOwn(record, field.name) ? record[field.name] : undefined;
  if (value === undefined || value === null) {
    if (field.isOptional) return undefined;
    throw problem(`the field "${field.name}" is ${value === null ? "null" : "missing"}`);
  }
  if (field.type === "int32") {
    if (isInt32(value)) return value | 0;
  } else if (typeof value === field.type) {
    return value;
  }
  throw problem(`the field "${field.name}" is ${describe(value)}, not ${named(field)}`);
}

/** What may be a number in a cell: signs, leading zeros and missing digits on one side of the point included. */
const numberText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The value of a field whose text is known. @throws `RECORD_MALFORMED` by `problem`. */
export function textField(
  text: string | undefined,
  field: FieldSpec,
  problem: (reason: string) => FanfoldError,
): unknown {
  if (text === undefined && !field.isOptional) throw problem(`there is no column "${field.name}"`);
  if (text === undefined || (text === "" && field.isOptional)) return undefined;
  if (field.type === "string") return text;
  if (field.type === "boolean") {
    if (text === "true" || text === "false") return text === "true";
  } else if (numberText.test(text)) {
    const value = Number(text);
    if (field.type === "number" && Number.isFinite(value)) return value;
    if (isInt32(value)) return value | 0;
  }
  throw problem(`the field "${field.name}" is ${JSON.stringify(text)}, not ${named(field)}`);
}

function isInt32(value: unknown): value is number {
  return typeof value === "number" && value === (value | 0);
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  return typeof value === "number" ? String(value) : `of type ${typeof value}`;
}

function named(field: FieldSpec): string {
  return field.type === "int32" ? "a whole number of 32 bits" : `a ${field.type}`;
}

/** Reads lines by a kernel into records of `make`. */
export class ColumnRecords {
  readonly #layout: FieldLayout;
  readonly #make: RecordMaker;
  #scanner: { readonly of: TextNumberer; readonly scanner: FieldScanner } | undefined;

  constructor(layout: FieldLayout, make: RecordMaker) {
    this.#layout = layout;
    this.#make = make;
  }

  read(block: RecordBlock, numberer: TextNumberer): MadeRecords {
    const scanner = this.#scannerOf(numberer);
    const records: unknown[] = [];
    const starts: number[] = [];
    const from = numberer.load(block.bytes, block.start, block.end, lineFeed);
    const to = from + block.end - block.start;
    for (let at = from; at < to; ) {
      const scan = scanner.scan(at, to);
      const found = scanner.starts(scan.records);
      for (let i = 0; i < scan.records; i++) starts.push(block.start + found[i]! - from);
      this.#append(records, scan.records, numberer, scanner);
      at = scan.end;
      if (!scan.isOdd) continue;
      const line = block.lineAt(block.start + at - from);
      for (const record of line.batch.records) {
        starts.push(block.start + at - from);
        records.push(record);
      }
      at = from + line.end - block.start;
    }
    return { records, starts };
  }

  #scannerOf(numberer: TextNumberer): FieldScanner {
    if (this.#scanner?.of !== numberer) {
      this.#scanner = { of: numberer, scanner: numberer.scannerOf(this.#layout) };
    }
    return this.#scanner.scanner;
  }

  #append(records: unknown[], count: number, numberer: TextNumberer, scanner: FieldScanner): void {
    const { fields } = this.#layout;
    const columns = fields.map((field, index) => this.#column(field, index, count, numberer, scanner));
    const values = new Array<unknown>(fields.length);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < columns.length; j++) values[j] = columns[j]![i];
      records.push(this.#make(values));
    }
  }

  #column(
    field: FieldSpec,
    index: number,
    count: number,
    numberer: TextNumberer,
    scanner: FieldScanner,
  ): readonly unknown[] {
    // Loops: `Array.from` takes several times as long, and a record has a call for each field.
    const cells = new Array<unknown>(count);
    if (field.type === "string") {
      const { numbers, texts } = numberer.column(scanner.columnAt(index), count);
      // A missing text's number is past the end of all texts.
      for (let i = 0; i < count; i++) cells[i] = texts[numbers[i]!];
      return cells;
    }
    const numbers = scanner.numbers(index, count);
    const isBoolean = field.type === "boolean";
    for (let i = 0; i < count; i++) {
      const number = numbers[i]!;
      cells[i] = Number.isNaN(number) ? undefined : isBoolean ? number === 1 : number;
    }
    return cells;
  }
}

const lineFeed = 10;
