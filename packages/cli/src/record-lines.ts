/**
 * Pairs as lines of text, for looking at single steps: the key as JSON, a tab, the value as JSON. What JSON cannot
 * carry exactly is refused rather than changed, since the next step would work on something else.
 */
import { FanfoldError } from "@fanfold/job";

/** @throws `VALUE_UNSUPPORTED` */
export function pairLine(key: unknown, value: unknown): string {
  return `${exactJson(key)}\t${exactJson(value)}\n`;
}

function exactJson(value: unknown): string {
  // As it is, not as its `toJSON` says.
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name) {
    const inner = this[name];
    if (isJson(inner)) return inner;
    const what = typeof inner === "object" ? (inner?.constructor?.name ?? "object") : String(inner);
    throw new FanfoldError(
      "VALUE_UNSUPPORTED",
      `Lines of fanfold map and reduce are JSON, which cannot carry ${what.slice(0, 60)}; run the whole job instead.`,
    );
  });
  if (text === undefined) return exactJson(null);
  return text;
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** @throws `RECORD_MALFORMED` naming the line. */
export function parsePairLine(line: string, number: number): readonly [key: unknown, value: unknown] {
  const tab = line.indexOf("\t");
  try {
    if (tab < 0) throw new Error("there is no tab");
    return [JSON.parse(line.slice(0, tab)) as unknown, JSON.parse(line.slice(tab + 1)) as unknown];
  } catch (cause) {
    const message = `Line ${number} is no key as JSON, tab, value as JSON: ${(cause as Error).message}.`;
    throw new FanfoldError("RECORD_MALFORMED", message, { cause });
  }
}

/** A sink that writes such lines to `write`; the files of an attempt, for those who only want to look. */
export class LineSink {
  readonly #write: (line: string) => void;
  #records = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  writePair(key: unknown, value: unknown): void {
    this.#records += 1;
    this.#write(pairLine(key, value));
  }

  writeValue(value: unknown): void {
    this.#records += 1;
    this.#write(`${exactJson(value)}\n`);
  }

  close(): { path: string; bytes: number; records: number; sha256: string } {
    return { path: "", bytes: 0, records: this.#records, sha256: "" };
  }

  abort(): void {
    // What was printed stays printed.
  }
}
