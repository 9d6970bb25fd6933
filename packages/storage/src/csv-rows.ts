/**
 * CSV (RFC 4180) as a stream of rows, with the byte offset of each.
 *
 * A quoted field may hold delimiters, newlines and doubled quotes, so where a row ends is only known by reading from
 * the start: CSV files are one range each. What the RFC leaves open: an empty line is no row; a quote inside an
 * unquoted field is data; missing fields at the end of a row are ""; both `\n` and `\r\n` end a row.
 */
import { FanfoldError } from "@fanfold/job";

/** A quoted field, or the whole row, goes on behind the end of the text. */
const incomplete = -1;

export interface CsvRows {
  readonly rows: string[][];
  /** Index in the text at which each row starts. */
  readonly starts: number[];
  /** Characters used up: the start of the first row that is not complete. */
  readonly used: number;
}

/** What is wrong with the row that starts at `at`. */
export type CsvProblem = (at: number, reason: string) => FanfoldError;

const lineFeed = 10;
const carriageReturn = 13;
const quote = 34;

/** Cuts all complete rows off a text; at the end of the last text, its end completes a row. */
export class CsvScanner {
  readonly #delimiter: number;
  #text = "";
  #fields: string[] = [];
  #isLast = false;
  /** Behind the problem that was thrown last: the next line end from here on ends the row. */
  #problemEnd = 0;

  /** @throws `JOB_INVALID` for a delimiter that could not be told from the rest. */
  constructor(delimiter: string) {
    if (delimiter.length !== 1 || '"\r\n'.includes(delimiter)) {
      const message = `a CSV delimiter is one character other than a quote or a line end, not ${JSON.stringify(delimiter)}`;
      throw new FanfoldError("JOB_INVALID", message);
    }
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /**
   * With `skip`, a malformed row is handed to it and left out. A row that ends in text behind a closing quote ends
   * with that line; of a quote that is never closed, the line that it is in is left out.
   *
   * @throws what `problem` makes of an unclosed quote, or of text behind a closing one.
   */
  scan(text: string, isLast: boolean, problem: CsvProblem, skip?: (error: FanfoldError) => void): CsvRows {
    this.#text = text;
    this.#isLast = isLast;
    const rows: string[][] = [];
    const starts: number[] = [];
    let at = 0;
    while (at < text.length) {
      this.#fields = [];
      const row = this.#rowOrProblem(at, problem, skip !== undefined);
      const next = typeof row === "number" ? row : this.#afterProblem();
      if (next === incomplete) break;
      if (typeof row !== "number") skip?.(row);
      else if (this.#fields.length > 0) {
        rows.push(this.#fields);
        starts.push(at);
      }
      at = next;
    }
    return { rows, starts, used: at };
  }

  #rowOrProblem(at: number, problem: CsvProblem, isSkipping: boolean): number | FanfoldError {
    try {
      return this.#row(at, problem);
    } catch (error) {
      if (isSkipping && error instanceof FanfoldError) return error;
      throw error;
    }
  }

  #afterProblem(): number {
    const found = this.#text.indexOf("\n", this.#problemEnd);
    if (found >= 0) return found + 1;
    return this.#isLast ? this.#text.length : incomplete;
  }

  /** Reads the row at `start` into `#fields` and returns the index behind its line end. */
  #row(start: number, problem: CsvProblem): number {
    const text = this.#text;
    if (text.charCodeAt(start) === lineFeed) return start + 1;
    if (text.startsWith("\r\n", start)) return start + 2;
    let at = start;
    while (true) {
      const isQuoted = text.charCodeAt(at) === quote;
      const next = isQuoted ? this.#quotedField(at, start, problem) : this.#plainField(at);
      if (next === incomplete) return incomplete;
      if (next >= text.length) return this.#isLast ? next : incomplete;
      const code = text.charCodeAt(next);
      if (code === lineFeed) return next + 1;
      if (code === carriageReturn) return next + 2;
      at = next + 1;
    }
  }

  /** Ends before the delimiter, before the line end, or at the end of the text. */
  #plainField(start: number): number {
    const text = this.#text;
    const delimiter = this.#delimiter;
    let at = start;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === delimiter || code === lineFeed) break;
    }
    if (at === text.length && !this.#isLast) return incomplete;
    const isBeforeReturn =
      at > start && text.charCodeAt(at) === lineFeed && text.charCodeAt(at - 1) === carriageReturn;
    const end = isBeforeReturn ? at - 1 : at;
    this.#fields.push(text.slice(start, end));
    return end;
  }

  #quotedField(start: number, rowStart: number, problem: CsvProblem): number {
    const text = this.#text;
    let hasDoubled = false;
    let at = text.indexOf('"', start + 1);
    while (at >= 0 && text.charCodeAt(at + 1) === quote) {
      hasDoubled = true;
      at = text.indexOf('"', at + 2);
    }
    if (at < 0) {
      if (!this.#isLast) return incomplete;
      this.#problemEnd = start;
      throw problem(rowStart, "a quote is never closed");
    }
    const content = text.slice(start + 1, at);
    this.#fields.push(hasDoubled ? content.replaceAll('""', '"') : content);
    if (this.#endsField(at + 1)) return at + 1;
    this.#problemEnd = at + 1;
    throw problem(rowStart, "text behind a closing quote");
  }

  #endsField(at: number): boolean {
    const text = this.#text;
    if (at >= text.length) return true;
    const code = text.charCodeAt(at);
    return (
      code === this.#delimiter ||
      code === lineFeed ||
      (code === carriageReturn && text.charCodeAt(at + 1) === lineFeed)
    );
  }
}
