import { isDeepStrictEqual } from "node:util";
import { FanfoldError } from "@fanfold/job";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeValue, encodeValue } from "../src/index.js";
import { valueBytesMax } from "../src/limits.js";
import { nastyStrings } from "./key-oracle.js";

const leaf = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, false, 0, -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.double(),
  fc.bigInt(),
  fc.constantFrom(...nastyStrings),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("a", "ÿ", "\u0100", "\ud800", "\udc00"), maxLength: 140 }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
  fc.float64Array({ maxLength: 4 }),
  fc.int16Array({ maxLength: 4 }),
);

const fieldName = fc.oneof(fc.string(), fc.constantFrom(...nastyStrings));
const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie("value"), { maxLength: 6 }),
    fc.dictionary(fieldName, tie("value"), { maxKeys: 5 }),
    fc.array(fc.tuple(leaf, tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => new Set(items)),
  ),
})).value;

function refusal(value: unknown): FanfoldError {
  try {
    encodeValue(value);
  } catch (thrown) {
    if (thrown instanceof FanfoldError) return thrown;
  }
  throw new Error("was not refused");
}

describe("values as bytes", () => {
  test("come back as they were, -0, NaN, field order and null prototypes included", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const back = decodeValue(encodeValue(value));
        expect(isDeepStrictEqual(back, value)).toBe(true);
        if (Array.isArray(value) || typeof value !== "object" || value === null) return;
        expect(Object.keys(back as object)).toEqual(Object.keys(value));
      }),
      { numRuns: 2000 },
    );
  });

  test("are the same bytes for the same value", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = Buffer.from(encodeValue(value));
        expect(bytes.equals(encodeValue(decodeValue(bytes)))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("carry what structured cloning carries of the built-in classes", () => {
    const shared = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    const values: unknown[] = [
      /a+b/giu,
      new TypeError("wrong", { cause: { code: 7 } }),
      shared.buffer,
      new DataView(shared.buffer, 2, 3),
      new Uint16Array(shared.buffer, 2, 2),
      new BigInt64Array([1n, -1n]),
      [new Map([[{ a: 1 }, new Set([[]])]])],
      10n ** 400n,
      "x".repeat(70_000),
      "ж".repeat(70_000),
    ];
    for (const value of values) expect(decodeValue(encodeValue(value))).toEqual(value);
    const view = decodeValue(encodeValue(new DataView(shared.buffer, 2, 3))) as DataView;
    expect([view.getUint8(0), view.byteLength]).toEqual([3, 3]);
    expect((decodeValue(encodeValue(new Date(Number.NaN))) as Date).getTime()).toBeNaN();
    expect(decodeValue(encodeValue(Buffer.from("ab")))).toEqual(new Uint8Array([97, 98]));
    expect((decodeValue(encodeValue(values[1])) as TypeError).cause).toEqual({ code: 7 });
  });

  test("turn holes into undefined", () => {
    const sparse: unknown[] = new Array(3);
    sparse[0] = 1;
    sparse[2] = 3;
    expect(decodeValue(encodeValue(sparse))).toStrictEqual([1, undefined, 3]);
  });

  test("keep an own __proto__ as data and pollute nothing", () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as object;
    const back = decodeValue(encodeValue(value)) as object;
    expect(Object.keys(back)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect((back as { polluted?: unknown }).polluted).toBeUndefined();
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(Object.getPrototypeOf(decodeValue(encodeValue(bare)))).toBe(null);
  });

  test("take a few bytes for numbers and short strings", () => {
    expect([1, 127, 128, "word", [1, 2]].map((value) => encodeValue(value).length)).toEqual([1, 1, 3, 5, 4]);
  });

  test("are refused with the path to what cannot be carried", () => {
    class Point {
      x = 1;
    }
    const cases: [unknown, string, string][] = [
      [() => 1, "a function", ""],
      [{ a: [0, 1, 2, { b: Symbol("s") }] }, "a symbol", ".a[3].b"],
      [{ "odd name": new Point() }, "an instance of Point", '["odd name"]'],
      [new Map([["k", new WeakMap()]]), "an instance of WeakMap", "(value 0)"],
      [[Promise.resolve(1)], "an instance of Promise", "[0]"],
      [Object.assign(new Error("x"), { cause: () => 1 }), "a function", ".cause"],
      [new (class extends Error {})("x"), "an instance of a class", ""],
      [new Number(1), "an instance of Number", ""],
    ];
    for (const [value, what, where] of cases) {
      expect(refusal(value)).toMatchObject({ code: "VALUE_UNSUPPORTED", details: { what, where } });
    }
    expect(refusal(cases[1]?.[0]).message).toContain(".a[3].b");
  });

  test("are refused when they contain themselves or nest too deep", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = [cycle, cycle];
    expect(refusal(cycle).message).toContain("contains itself");
    let deep: unknown = 1;
    for (let i = 0; i < 256; i++) deep = [deep];
    expect(decodeValue(encodeValue(deep))).toEqual(deep);
    expect(refusal([deep]).code).toBe("VALUE_UNSUPPORTED");
  });

  test("are refused beyond the size limit", () => {
    expect(refusal(new Uint8Array(valueBytesMax)).code).toBe("VALUE_TOO_LARGE");
  });

  test("of a regular expression that cannot be are refused as corrupt", () => {
    const bytes = encodeValue(/a/g);
    bytes[bytes.length - 1] = 0x7a;
    expect(() => decodeValue(bytes)).toThrow(expect.objectContaining({ code: "SEGMENT_CORRUPT" }));
  });

  test("never crash the decoder but with SEGMENT_CORRUPT, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30, max: 0x30 }), (bytes) => {
        try {
          decodeValue(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "SEGMENT_CORRUPT" });
        }
      }),
      { numRuns: 5000 },
    );
  });
});
