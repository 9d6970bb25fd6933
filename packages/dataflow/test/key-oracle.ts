/** Order and equality of keys as `packages/job/src/key.ts` documents them, written without any bytes. */
import type { Key } from "@fanfold/job";
import fc from "fast-check";

function rankOf(key: Key): number {
  if (key === null) return 0;
  if (key === false) return 1;
  if (key === true) return 2;
  if (typeof key === "number") return 3;
  if (typeof key === "bigint") return 4;
  if (key instanceof Date) return 5;
  if (typeof key === "string") return 6;
  return key instanceof Uint8Array ? 7 : 8;
}

function compareNumbers(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i] as T, b[i] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function pointsOf(text: string): number[] {
  return [...text].map((character) => character.codePointAt(0) ?? 0);
}

/** Sign of the documented order. */
export function compareKeys(a: Key, b: Key): number {
  const ranks = rankOf(a) - rankOf(b);
  if (ranks !== 0) return Math.sign(ranks);
  return Math.sign(compareSameType(a, b));
}

function compareSameType(a: Key, b: Key): number {
  if (typeof a === "number") return compareNumbers(a, b as number);
  if (typeof a === "bigint") return a < (b as bigint) ? -1 : a > (b as bigint) ? 1 : 0;
  if (a instanceof Date) return compareNumbers(a.getTime(), (b as Date).getTime());
  if (typeof a === "string") return compareLists(pointsOf(a), pointsOf(b as string), (x, y) => x - y);
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)], (x, y) => x - y);
  if (Array.isArray(a)) return compareLists<Key>(a, b as readonly Key[], compareKeys);
  return 0;
}

/** Strings that have broken something somewhere. */
export const nastyStrings: readonly string[] = [
  "",
  "\0",
  "\0\0",
  "a",
  "a\0",
  "a\0b",
  "aa",
  "fifteen letters",
  "sixteen letters!",
  "seventeen letters",
  "shared prefix that is long enough to tie 1",
  "shared prefix that is long enough to tie 2",
  "__proto__",
  "constructor",
  "toString",
  "10",
  "9",
  "é",
  "ÿ",
  "\u0100",
  "\ud7ff",
  "\ud800",
  "\udfff",
  "\udc00\ud800",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
  "x\ud800y",
];

const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53 + 2,
  5e-324,
  -5e-324,
  127,
  128,
  2 ** 31,
  -(2 ** 31),
];

const leaf: fc.Arbitrary<Key> = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.constantFrom(...numbers),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.bigInt({ min: -(2n ** 1100n), max: 2n ** 1100n }),
  fc.date({ noInvalidDate: true }),
  fc.constantFrom(...nastyStrings),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom("a", "\0", "\ud800", "\udc00", "é"), maxLength: 8 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 4, max: 1 }),
);

/** Any key, with small alphabets so that ties and prefixes do happen. */
export const anyKey: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof({ maxDepth: 4, withCrossShrink: true }, leaf, fc.array(tie("key"), { maxLength: 4 })),
})).key;
