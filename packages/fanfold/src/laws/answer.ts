/** What a job comes to: values by key, in no particular order, and what two answers differ in. */
import { decodeKey, encodeKey } from "@fanfold/dataflow";

export interface Answer {
  /** By the hex of the encoded key; a named output is a key of its own kind. */
  readonly groups: ReadonlyMap<string, readonly unknown[]>;
}

export interface Difference {
  readonly key: string;
  readonly one: string;
  readonly other: string;
}

/** Text that is shown of a key or value. */
const shownCharsMax = 200;

export class AnswerBuilder {
  readonly #groups = new Map<string, unknown[]>();

  addPair(key: unknown, value: unknown): void {
    this.#add(Buffer.from(encodeKey(key)).toString("hex"), value);
  }

  addNamed(output: string, value: unknown): void {
    this.#add(`output ${output}`, value);
  }

  build(): Answer {
    return { groups: this.#groups };
  }

  #add(name: string, value: unknown): void {
    const group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, [value]);
    else group.push(value);
  }
}

/** The first key, in key order, whose values differ; numbers may by `tolerance`, relative to the larger. */
export function firstDifference(one: Answer, other: Answer, tolerance: number): Difference | undefined {
  const names = [...new Set([...one.groups.keys(), ...other.groups.keys()])].sort();
  for (const name of names) {
    const mine = sorted(one.groups.get(name));
    const others = sorted(other.groups.get(name));
    if (isClose(mine, others, tolerance)) continue;
    return { key: keyText(name), one: valuesText(mine), other: valuesText(others) };
  }
  return undefined;
}

function sorted(values: readonly unknown[] = []): readonly unknown[] {
  return values
    .map((value) => ({ value, text: textOf(value) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ value }) => value);
}

function isClose(one: unknown, other: unknown, tolerance: number): boolean {
  if (typeof one === "number" && typeof other === "number") {
    if (Object.is(one, other)) return true;
    return Math.abs(one - other) <= tolerance * Math.max(Math.abs(one), Math.abs(other));
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return (
      one.length === other.length && one.every((value, index) => isClose(value, other[index], tolerance))
    );
  }
  if (isPlain(one) && isPlain(other)) {
    const names = Object.keys(one);
    if (names.length !== Object.keys(other).length) return false;
    return names.every((name) => Object.hasOwn(other, name) && isClose(one[name], other[name], tolerance));
  }
  return textOf(one) === textOf(other);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function keyText(name: string): string {
  return name.startsWith("output ") ? name : `key ${textOf(decodeKey(Buffer.from(name, "hex")))}`;
}

function valuesText(values: readonly unknown[]): string {
  if (values.length === 0) return "nothing";
  return values.map(textOf).join(", ").slice(0, shownCharsMax);
}

/** Tells apart what JSON does not. */
export function textOf(value: unknown): string {
  const text = JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (typeof part === "number" && !Number.isFinite(part)) return String(part);
    if (part instanceof Map) return { map: [...part] };
    if (part instanceof Set) return { set: [...part] };
    return part;
  });
  return (text ?? String(value)).slice(0, shownCharsMax);
}
