/** A checksum of plain data that does not depend on how it was encoded in between. */
import { keyHash } from "@fanfold/placement";

/**
 * 16 hex digits over objects (their keys in order of code units; `undefined` fields are as good as absent), arrays,
 * bytes and primitives. Guards against replicas drifting apart by accident, not against malice.
 */
export function plainChecksum(value: unknown): string {
  const sum = new Checksum();
  sum.add(value);
  return sum.digits;
}

class Checksum {
  #low = 0x811c9dc5;
  #high = 0x9747b28c;
  readonly #number = new Float64Array(1);
  readonly #words: Uint32Array = new Uint32Array(this.#number.buffer);

  get digits(): string {
    return hex(this.#high) + hex(this.#low);
  }

  add(value: unknown): void {
    if (typeof value === "number") this.#addNumber(value);
    else if (typeof value === "string") this.#addText(value);
    else if (value === null || typeof value !== "object") this.#addOther(`${typeof value} ${String(value)}`);
    else if (value instanceof Uint8Array) this.#mix(3, keyHash(value), value.length);
    else if (Array.isArray(value)) this.#addArray(value);
    else if (value instanceof Map || value instanceof Set) this.#addArray([...value]);
    else this.#addObject(value);
  }

  #addNumber(value: number): void {
    this.#number[0] = value;
    this.#mix(1, this.#words[0]!, this.#words[1]!);
  }

  #addText(value: string): void {
    let hash = 0x811c9dc5;
    for (let i = 0; i < value.length; i++)
      hash = Math.imul(rotate(hash ^ value.charCodeAt(i), 15), 0xcc9e2d51);
    this.#mix(2, hash, value.length);
  }

  #addOther(text: string): void {
    this.#mix(6, 0, 0);
    this.#addText(text);
  }

  #addArray(value: readonly unknown[]): void {
    this.#mix(4, value.length, 0);
    for (const item of value) this.add(item);
  }

  #addObject(value: object): void {
    const fields = value as Readonly<Record<string, unknown>>;
    const names = Object.keys(fields).filter((name) => fields[name] !== undefined);
    this.#mix(5, names.length, 0);
    for (const name of names.sort()) {
      this.#addText(name);
      this.add(fields[name]);
    }
    // Dates have no fields, but a number.
    if (names.length === 0) this.#addOther(String(value.valueOf()));
  }

  /** Two lanes with different multipliers, so that together they hold 64 bits. */
  #mix(tag: number, a: number, b: number): void {
    this.#low = Math.imul(rotate(this.#low, 5) ^ a, 0x85ebca6b) + tag;
    this.#low = Math.imul(rotate(this.#low, 13) ^ b, 0xc2b2ae35);
    this.#high = Math.imul(rotate(this.#high, 7) ^ b, 0xcc9e2d51) + tag;
    this.#high = Math.imul(rotate(this.#high, 17) ^ a, 0x1b873593) ^ (this.#low >>> 15);
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
