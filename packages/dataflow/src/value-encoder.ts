/**
 * Turns any plain, structured-clonable value into bytes, the same bytes for the same value.
 *
 * Intuition: values are opaque to the shuffle (it never compares them), so the form is chosen for size and speed:
 * a tag byte, then as little as the value needs. Numbers and short strings, which most values are, take a few
 * instructions and no allocation.
 *
 * Carried: undefined, null, booleans, numbers (with -0 and NaN), bigints, strings (with lone surrogates), dates (also
 * invalid), ArrayBuffer, typed arrays and DataView, arrays (holes become undefined), plain and null-prototype objects
 * (own enumerable string keys, in order), Map, Set, RegExp, and the built-in errors (class, message, cause). An object
 * reached twice arrives as two. All else is refused, with the path to it.
 */
import { FanfoldError } from "@fanfold/job";
import { valueBytesMax, valueDepthMax } from "./limits.js";
import { ucs2Write, utf8Write } from "./native-text.js";
import * as tag from "./value-tags.js";

const doubleView = new Float64Array(1);
const doubleBytes = new Uint8Array(doubleView.buffer);
/** Up to this length a loop over the characters beats a native call. */
const loopedStringMax = 24;

/** Encodes one value at a time into `bytes`, which it reuses. Not re-entrant. */
export class ValueEncoder {
  /** The last value, in `[0, length)`. Replaced when a value outgrows it. */
  bytes: Buffer = Buffer.allocUnsafeSlow(4096);
  length = 0;
  /** Key or index at each depth on the way to the part being written; only read when that part is refused. */
  readonly #path: (string | number)[] = [];

  /**
   * Encodes `value` and returns its length in bytes.
   *
   * @throws `VALUE_UNSUPPORTED` with the path to what cannot be carried, `VALUE_TOO_LARGE` beyond 256 MiB.
   */
  encode(value: unknown): number {
    this.length = 0;
    if (
      typeof value === "number" &&
      value >= 0 &&
      value < 128 &&
      (value | 0) === value &&
      !isMinusZero(value)
    ) {
      this.bytes[0] = tag.valueSmallInt | value;
      this.length = 1;
      return 1;
    }
    this.#write(value, 0);
    return this.length;
  }

  /**
   * Encodes a value straight into `target` at `at` and returns its length, or -1 when it is not a string that
   * certainly fits, and `encode` must be used. Spares the largest values a copy.
   */
  encodeInto(value: unknown, target: Buffer, at: number): number {
    if (typeof value !== "string" || value.length <= loopedStringMax) return -1;
    if (at + value.length * 3 + 8 > target.length) return -1;
    const own = this.bytes;
    this.bytes = target;
    this.length = at;
    this.#writeLongString(value);
    this.bytes = own;
    return this.length - at;
  }

  /** What comes before `length` plain bytes when they are encoded as a value. */
  headOfBytes(length: number): Buffer {
    this.length = 0;
    this.#put(tag.valueView);
    this.#put(0);
    this.#writeVarint(length);
    return this.copy();
  }

  /** A copy of the last encoded value. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafeSlow(this.length);
    this.bytes.copy(copy, 0, 0, this.length);
    return copy;
  }

  #write(value: unknown, depth: number): void {
    switch (typeof value) {
      case "number":
        this.#writeNumber(value);
        return;
      case "string":
        this.#writeString(value);
        return;
      case "boolean":
        this.#put(value ? tag.valueTrue : tag.valueFalse);
        return;
      case "undefined":
        this.#put(tag.valueUndefined);
        return;
      case "bigint":
        this.#writeBigint(value);
        return;
      case "object":
        if (value === null) this.#put(tag.valueNull);
        else this.#writeObject(value, depth);
        return;
      default:
        throw this.#unsupported(typeof value === "function" ? "a function" : "a symbol", depth);
    }
  }

  #writeNumber(value: number): void {
    if ((value | 0) !== value || isMinusZero(value)) {
      this.#put(tag.valueDouble);
      this.#writeDouble(value);
      return;
    }
    if (value >= 0 && value < 128) {
      this.#put(tag.valueSmallInt | value);
      return;
    }
    this.#put(value < 0 ? tag.valueNegativeInt : tag.valueInt);
    this.#writeVarint(value < 0 ? -1 - value : value);
  }

  #writeDouble(value: number): void {
    this.#reserve(8);
    doubleView[0] = Number.isNaN(value) ? Number.NaN : value;
    for (let i = 0; i < 8; i++) this.bytes[this.length + i] = doubleBytes[i]!;
    this.length += 8;
  }

  #writeVarint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#put((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    this.#put(rest);
  }

  #writeBigint(value: bigint): void {
    const digits = (value < 0n ? -value : value).toString(16);
    const even = digits.length % 2 === 0 ? digits : `0${digits}`;
    const count = even.length / 2;
    this.#put(value < 0n ? tag.valueNegativeBigint : tag.valueBigint);
    this.#writeVarint(count);
    this.#reserve(count);
    this.bytes.write(even, this.length, "hex");
    this.length += count;
  }

  #writeString(text: string): void {
    const length = text.length;
    if (length > loopedStringMax) {
      this.#writeLongString(text);
      return;
    }
    this.#reserve(length * 2 + 2);
    const bytes = this.bytes;
    const start = this.length + 1;
    let i = 0;
    for (; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) break;
      bytes[start + i] = unit;
    }
    if (i < length) {
      this.#writeUtf16(text);
      return;
    }
    bytes[this.length] = tag.valueShortString + length;
    this.length = start + length;
  }

  /** The choice depends on the text alone, so that equal strings have equal bytes. */
  #writeLongString(text: string): void {
    if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
      this.#writeUtf16(text);
      return;
    }
    // Three bytes a unit is the worst case; for long texts, counting first costs less than reserving it.
    this.#reserve(5 + (text.length > 0x10000 ? Buffer.byteLength(text, "utf8") : text.length * 3));
    const written = utf8Write(this.bytes, text, this.length + 5);
    this.bytes[this.length] = written === text.length ? tag.valueAscii : tag.valueUtf8;
    this.bytes.writeUInt32LE(written, this.length + 1);
    this.length += 5 + written;
  }

  #writeUtf16(text: string): void {
    this.#put(tag.valueUtf16);
    this.#writeVarint(text.length);
    this.#reserve(text.length * 2);
    this.length += ucs2Write(this.bytes, text, this.length);
  }

  #writeObject(value: object, depth: number): void {
    if (depth >= valueDepthMax) {
      throw this.#unsupported(
        `something nested deeper than ${valueDepthMax} levels, or that contains itself`,
        depth,
      );
    }
    if (Array.isArray(value)) {
      this.#writeArray(value, depth);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype) {
      this.#writeFields(tag.valueObject, value, depth);
      return;
    }
    if (prototype === null) {
      this.#writeFields(tag.valueBareObject, value, depth);
      return;
    }
    this.#writeBuiltIn(value, prototype, depth);
  }

  #writeArray(array: readonly unknown[], depth: number): void {
    this.#put(tag.valueArray);
    this.#writeVarint(array.length);
    for (let i = 0; i < array.length; i++) {
      this.#path[depth] = i;
      this.#write(array[i], depth + 1);
    }
  }

  #writeFields(kind: number, value: object, depth: number): void {
    const names = Object.keys(value);
    this.#put(kind);
    this.#writeVarint(names.length);
    for (const name of names) {
      this.#path[depth] = name;
      this.#writeString(name);
      this.#write((value as Readonly<Record<string, unknown>>)[name], depth + 1);
    }
  }

  #writeBuiltIn(value: object, prototype: unknown, depth: number): void {
    if (prototype === Date.prototype) {
      this.#put(tag.valueDate);
      this.#writeDouble((value as Date).getTime());
    } else if (prototype === Map.prototype) {
      this.#writeMap(value as ReadonlyMap<unknown, unknown>, depth);
    } else if (prototype === Set.prototype) {
      this.#writeSet(value as ReadonlySet<unknown>, depth);
    } else if (prototype === ArrayBuffer.prototype) {
      this.#put(tag.valueArrayBuffer);
      this.#writeBytes(new Uint8Array(value as ArrayBuffer));
    } else if (ArrayBuffer.isView(value)) {
      this.#writeView(value, prototype, depth);
    } else if (prototype === RegExp.prototype) {
      this.#put(tag.valueRegExp);
      this.#writeString((value as RegExp).source);
      this.#writeString((value as RegExp).flags);
    } else {
      this.#writeError(value, prototype, depth);
    }
  }

  #writeMap(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    this.#put(tag.valueMap);
    this.#writeVarint(map.size);
    let index = 0;
    for (const [key, item] of map) {
      this.#path[depth] = `(key ${index})`;
      this.#write(key, depth + 1);
      this.#path[depth] = `(value ${index++})`;
      this.#write(item, depth + 1);
    }
  }

  #writeSet(set: ReadonlySet<unknown>, depth: number): void {
    this.#put(tag.valueSet);
    this.#writeVarint(set.size);
    let index = 0;
    for (const item of set) {
      this.#path[depth] = `(item ${index++})`;
      this.#write(item, depth + 1);
    }
  }

  #writeView(view: ArrayBufferView, prototype: unknown, depth: number): void {
    const kind = Buffer.isBuffer(view)
      ? 0
      : tag.viewClasses.findIndex((candidate) => candidate.prototype === prototype);
    if (kind < 0 || view.buffer instanceof SharedArrayBuffer) throw this.#unsupported(classOf(view), depth);
    this.#put(tag.valueView);
    this.#put(kind);
    this.#writeBytes(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  }

  #writeBytes(data: Uint8Array): void {
    this.#writeVarint(data.length);
    this.#reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  #writeError(value: object, prototype: unknown, depth: number): void {
    const kind = tag.errorClasses.findIndex((candidate) => candidate.prototype === prototype);
    if (kind < 0 || !(value instanceof Error)) throw this.#unsupported(classOf(value), depth);
    this.#put(tag.valueError);
    this.#put(kind);
    this.#writeString(String(value.name));
    this.#writeString(String(value.message));
    this.#path[depth] = "cause";
    this.#write(value.cause, depth + 1);
  }

  #put(byte: number): void {
    if (this.length === this.bytes.length) this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (needed > valueBytesMax) {
      throw new FanfoldError(
        "VALUE_TOO_LARGE",
        `the value is larger than ${valueBytesMax} bytes when encoded`,
      );
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(valueBytesMax, Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  #unsupported(what: string, depth: number): FanfoldError {
    const steps = this.#path.slice(0, depth);
    const where = steps.length > 20 ? `${steps.slice(0, 20).map(step).join("")}…` : steps.map(step).join("");
    const subject =
      where === "" ? `a value cannot be ${what}` : `a value cannot hold ${what}, found at ${where}`;
    return new FanfoldError("VALUE_UNSUPPORTED", `${subject}: values are plain structured-clonable data`, {
      details: { what, where },
    });
  }
}

function isMinusZero(value: number): boolean {
  return value === 0 && 1 / value < 0;
}

function step(part: string | number): string {
  if (typeof part === "number") return `[${part}]`;
  return /^[A-Za-z_$][\w$]*$/.test(part)
    ? `.${part}`
    : part.startsWith("(")
      ? part
      : `[${JSON.stringify(part)}]`;
}

function classOf(value: object): string {
  const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an instance of a class";
}
