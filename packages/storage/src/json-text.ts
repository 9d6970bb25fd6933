/**
 * Values as JSON (RFC 8259), for what JSON has no word for:
 *
 * | value | JSON |
 * |---|---|
 * | `undefined`, also as a field or element | `null` |
 * | bigint | string of its digits |
 * | `NaN`, `Infinity`, `-Infinity` | strings `"NaN"`, `"Infinity"`, `"-Infinity"` |
 * | `-0` | `-0` |
 * | Date | string, ISO 8601; `"Invalid Date"` |
 * | bytes (`Uint8Array`, `ArrayBuffer`) | string, base64 |
 * | other typed arrays | array of numbers |
 * | Map | array of `[key, value]` pairs |
 * | Set | array |
 * | RegExp, Error | string |
 *
 * Lone surrogates are escaped, hence kept. Nothing becomes `null` or is left out silently that was something.
 */
import { FanfoldError } from "@fanfold/job";

/** Deeper values are taken for cycles. */
const depthMax = 256;

/** @throws `VALUE_UNSUPPORTED` for functions, symbols and cycles. */
export function jsonTextOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return isPlainJson(value, 0) ? JSON.stringify(value) : convert(value, 0);
}

/** Whether `JSON.stringify`, which is much faster, does the right thing. */
function isPlainJson(value: unknown, depth: number): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || depth > depthMax) return false;
  if (Array.isArray(value))
    return value.every((element) => isPlainJson(element, depth + 1)) && !("toJSON" in value);
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || "toJSON" in value) return false;
  for (const name in value) {
    if (!isPlainJson((value as Record<string, unknown>)[name], depth + 1)) return false;
  }
  return true;
}

function convert(value: unknown, depth: number): string {
  switch (typeof value) {
    case "number":
      if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
      return `"${value}"`;
    case "bigint":
      return `"${value}"`;
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "undefined":
      return "null";
    case "object":
      return value === null ? "null" : convertObject(value, depth + 1);
    default:
      throw new FanfoldError("VALUE_UNSUPPORTED", `a ${typeof value} cannot be written as JSON`);
  }
}

function convertObject(value: object, depth: number): string {
  if (depth > depthMax) {
    throw new FanfoldError(
      "VALUE_UNSUPPORTED",
      `a value over ${depthMax} levels deep, or with a cycle, cannot be written as JSON`,
    );
  }
  const simple = simpleTextOf(value);
  if (simple !== undefined) return JSON.stringify(simple);
  if (Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value)) {
    const elements = Array.from(value as Iterable<unknown>);
    return `[${elements.map((element) => convert(element, depth)).join(",")}]`;
  }
  if (value instanceof Map) {
    const pairs = Array.from(value, ([key, mapped]) => `[${convert(key, depth)},${convert(mapped, depth)}]`);
    return `[${pairs.join(",")}]`;
  }
  const fields = Object.entries(value).map(
    ([name, field]) => `${JSON.stringify(name)}:${convert(field, depth)}`,
  );
  return `{${fields.join(",")}}`;
}

/** Objects that are one piece of text in every text format: dates, bytes, regular expressions, errors. */
export function simpleTextOf(value: object): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  }
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString("base64");
  if (value instanceof RegExp || value instanceof Error) return String(value);
  return undefined;
}

/** An object that is fields by name, rather than a date, an array or a collection. */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false;
  return !(value instanceof Map || value instanceof Set) && simpleTextOf(value) === undefined;
}
