/** Writers of lines: `textLines()`, `tsv()` and `jsonLines()`. */
import type { GatheredLayout, RawPair, RecordSink, SinkSummary } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import { jsonTextOf, simpleTextOf } from "./json-text.js";
import { OutputFile } from "./output-file.js";

/**
 * `key`, tab, `value` a line, as PostgreSQL's and MySQL's text formats read it.
 *
 * The elements of an array (a tuple) are fields of their own. Numbers are written as JavaScript prints them, bigints
 * as digits, null as `\N`, an `undefined` element as nothing, dates in ISO 8601, bytes in base64, other objects and
 * nested arrays as JSON, which has no raw tabs or line ends. In strings, tab, newline, carriage return and backslash
 * are escaped as `\t \n \r \\`, and a lone surrogate, which UTF-8 cannot hold, as `\uD800`: no two different strings
 * look the same.
 */
export class TsvSink implements RecordSink {
  readonly foldedLines = "tsv" as const;
  readonly #file: OutputFile;

  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  writePair(key: unknown, value: unknown): void {
    const text = value === undefined ? tsvField(key) : `${tsvField(key)}\t${tsvField(value)}`;
    this.#file.writeRecord(`${text}\n`);
  }

  writeLines(bytes: Buffer, start: number, end: number, lines: number): void {
    this.#file.writeRange(bytes, start, end, lines);
  }

  writeValue(value: unknown): void {
    this.#file.writeRecord(`${tsvField(value)}\n`);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }
}

/** A field, or the fields of an array with tabs between them. */
function tsvField(value: unknown): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escapeTsv(value);
  return Array.isArray(value) ? Array.from(value, tsvElement).join("\t") : tsvElement(value);
}

function tsvElement(value: unknown): string {
  if (typeof value === "string") return escapeTsv(value);
  if (value === null) return "\\N";
  if (value === undefined) return "";
  if (typeof value !== "object") return scalarText(value);
  return simpleTextOf(value) ?? jsonTextOf(value);
}

/** Numbers, bigints and booleans; anything else is refused as by JSON. */
export function scalarText(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  return jsonTextOf(value);
}

const tsvEscapes: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

function escapeTsv(text: string): string {
  const escaped = /[\t\n\r\\]/.test(text) ? text.replace(/[\t\n\r\\]/g, (found) => tsvEscapes[found]!) : text;
  return escaped.isWellFormed() ? escaped : escaped.replace(loneSurrogate, escapeSurrogate);
}

const loneSurrogate = /\p{Surrogate}/gu;

function escapeSurrogate(found: string): string {
  return `\\u${found.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** `{"key":…,"value":…}` a line, or the bare value; `json-text.ts` says how values look. */
export class JsonLinesSink implements RecordSink {
  readonly foldedLines = "jsonLines" as const;
  readonly #file: OutputFile;

  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  writePair(key: unknown, value: unknown): void {
    this.#file.writeRecord(`{"key":${jsonTextOf(key)},"value":${jsonTextOf(value)}}\n`);
  }

  writeLines(bytes: Buffer, start: number, end: number, lines: number): void {
    this.#file.writeRange(bytes, start, end, lines);
  }

  writeValue(value: unknown): void {
    this.#file.writeRecord(`${jsonTextOf(value)}\n`);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }
}

/**
 * The value alone as a line, strings as they are; the key where the value is `undefined`. What would not read back as
 * the same one line is refused.
 */
export class LinesSink implements RecordSink {
  readonly gathers: GatheredLayout = { kind: "textLines" };
  readonly #file: OutputFile;

  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  writePair(key: unknown, value: unknown): void {
    this.writeValue(value === undefined ? key : value);
  }

  writeGathered(bytes: Buffer, start: number, end: number, records: number): void {
    this.#file.writeRange(bytes, start, end, records);
  }

  /** Text without line ends of its own; anything else is looked at as a value. */
  writeRaw({ bytes, valueKind, valueStart, valueEnd }: RawPair): boolean {
    if (valueKind !== "text" || isBroken(bytes, valueStart, valueEnd)) return false;
    this.#file.writeRange(bytes, valueStart, valueEnd, 1);
    this.#file.writeRange(newline, 0, 1, 0);
    return true;
  }

  writeValue(value: unknown): void {
    const text = typeof value === "string" ? value : tsvElement(value);
    if (text.includes("\n") || text.endsWith("\r") || !text.isWellFormed()) throw notALine(text);
    this.#file.writeRecord(`${text}\n`);
  }

  settled(): Promise<void> {
    return this.#file.settled();
  }

  close(): SinkSummary {
    return this.#file.close();
  }

  abort(): void {
    this.#file.abort();
  }
}

const newline: Buffer = Buffer.from("\n");

function isBroken(bytes: Buffer, start: number, end: number): boolean {
  if (start < end && bytes[end - 1] === 13) return true;
  for (let i = start; i < end; i += 1) if (bytes[i] === 10) return true;
  return false;
}

function notALine(text: string): FanfoldError {
  const hasLineEnd = text.includes("\n") || text.endsWith("\r");
  const why = hasLineEnd
    ? "it has a line end of its own"
    : "it has a lone surrogate, which UTF-8 cannot hold";
  const message = `textLines() cannot write ${JSON.stringify(text.slice(0, 80))} as a line: ${why}; use jsonLines()`;
  return new FanfoldError("VALUE_UNSUPPORTED", message);
}
