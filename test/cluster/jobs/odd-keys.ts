/** Keys and values that formats lose: each line of the input emits all of them, and reduce says what arrived. */
import { isDeepStrictEqual } from "node:util";
import { defineJob, type Emit, type Key, textLines } from "fanfold";

const circle = { a: [1, { b: new Map([["x", new Set([1n, "2"])]]) }], u: undefined, n: Number.NaN, z: -0 };

const keys: readonly (readonly [string, Key])[] = [
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["toString", "toString"],
  ["empty", ""],
  ["ten", "10"],
  ["nine", "9"],
  ["number ten", 10],
  ["bigint ten", 10n],
  ["lone high", "\ud800"],
  ["lone low", "\udc00"],
  ["replacement", "\ufffd"],
  ["nul", "\0"],
  ["two nul", "\0\0"],
  ["nan", Number.NaN],
  ["zero", 0],
  ["infinity", Number.POSITIVE_INFINITY],
  ["minus infinity", Number.NEGATIVE_INFINITY],
  ["big", 2n ** 80n],
  ["minus big", -(2n ** 80n)],
  ["null", null],
  ["true", true],
  ["false", false],
  ["bytes", new Uint8Array([0, 255, 1])],
  ["date", new Date(86_400_000)],
  ["tuple", ["a", 1, ["b", null]]],
  ["empty tuple", []],
];

export default defineJob({
  name: "odd-keys",
  input: textLines(),
  map(_line, emit: Emit<Key, { readonly name: string; readonly value: unknown }>) {
    for (const [name, key] of keys) emit(key, { name, value: circle });
  },
  reduce(key, values, emit: Emit<string, { readonly count: number; readonly same: boolean }>) {
    let count = 0;
    let same = true;
    let name = "";
    for (const value of values) {
      count += 1;
      name = value.name;
      same &&= isDeepStrictEqual(value.value, circle);
      same &&= isDeepStrictEqual(key, keys.find(([candidate]) => candidate === value.name)?.[1]);
    }
    emit(name, { count, same });
  },
});
