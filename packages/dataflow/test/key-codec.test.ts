import { FanfoldError, type Key } from "@fanfold/job";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeKey, encodeKey } from "../src/index.js";
import { keyBytesMax, keyDepthMax } from "../src/limits.js";
import { anyKey, compareKeys, nastyStrings } from "./key-oracle.js";

function bytesOrder(a: Key, b: Key): number {
  return Math.sign(Buffer.compare(encodeKey(a), encodeKey(b)));
}

function refusal(key: unknown): FanfoldError {
  try {
    encodeKey(key);
  } catch (thrown) {
    if (thrown instanceof FanfoldError) return thrown;
  }
  throw new Error("was not refused");
}

describe("keys as bytes", () => {
  test("come back equal in the documented sense", () => {
    fc.assert(
      fc.property(anyKey, (key) => compareKeys(decodeKey(encodeKey(key)), key) === 0),
      { numRuns: 2000 },
    );
  });

  test("sort as the documentation says, and are equal only for equal keys", () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(bytesOrder(a, b)).toBe(compareKeys(a, b));
      }),
      { numRuns: 5000 },
    );
  });

  test("keep a zero's sign and a NaN's payload out of equality", () => {
    expect(bytesOrder(0, -0)).toBe(0);
    const negativeNaN = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0] as number;
    expect(bytesOrder(Number.NaN, negativeNaN)).toBe(0);
    expect(Object.is(decodeKey(encodeKey(-0)), 0)).toBe(true);
  });

  test("order all pairs of awkward strings by code point, also within tuples", () => {
    for (const a of nastyStrings) {
      for (const b of nastyStrings) {
        expect(bytesOrder(a, b)).toBe(compareKeys(a, b));
        expect(bytesOrder([a, 1], [b, 0])).toBe(compareKeys([a, 1], [b, 0]));
      }
      expect(decodeKey(encodeKey(a))).toBe(a);
      expect(decodeKey(encodeKey([a]))).toEqual([a]);
    }
  });

  test("keep the three ones apart", () => {
    const ones = [1, 1n, "1", [1], new Date(1), new Uint8Array([1])].map((key) => encodeKey(key).join());
    expect(new Set(ones).size).toBe(6);
  });

  test("take a Buffer as bytes and give bytes of their own back", () => {
    const encoded = encodeKey(Buffer.from("ab"));
    const decoded = decodeKey(encoded) as Uint8Array;
    encoded.fill(0);
    expect(decoded).toEqual(new Uint8Array([97, 98]));
  });

  test("are refused with what and where for every other type", () => {
    expect(refusal(undefined)).toMatchObject({ code: "KEY_UNSUPPORTED", details: { what: "undefined" } });
    expect(refusal({ a: 1 })).toMatchObject({ details: { what: "a plain object" } });
    expect(refusal(new Map())).toMatchObject({ details: { what: "an object of class Map" } });
    expect(refusal(() => 1)).toMatchObject({ details: { what: "a function" } });
    expect(refusal(Symbol("s"))).toMatchObject({ details: { what: "a symbol" } });
    expect(refusal(new Date(Number.NaN))).toMatchObject({ details: { what: "an invalid Date" } });
    expect(refusal(["a", ["b", {}]])).toMatchObject({ details: { where: "[1][1]" } });
    expect(refusal(["a", ["b", {}]]).message).toContain("at [1][1]");
    expect(refusal(new Array(2))).toMatchObject({ details: { what: "undefined", where: "[0]" } });
    expect(refusal(Object.create(null))).toMatchObject({ code: "KEY_UNSUPPORTED" });
  });

  test("have a limit on size and depth, and pass up to it", () => {
    const longest = "x".repeat(keyBytesMax - 1);
    expect(decodeKey(encodeKey(longest))).toBe(longest);
    expect(refusal(`${longest}x`).code).toBe("KEY_UNSUPPORTED");
    let nested: Key = [];
    for (let depth = 1; depth < keyDepthMax; depth++) nested = [nested];
    expect(decodeKey(encodeKey(nested))).toEqual(nested);
    expect(refusal([nested]).code).toBe("KEY_UNSUPPORTED");
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(refusal(cycle).code).toBe("KEY_UNSUPPORTED");
  });

  test("cut anywhere, also within a lone surrogate, do not crash the decoder", () => {
    for (const key of ["x\ud800", ["a\0", [-(2n ** 900n), new Date(1)], new Uint8Array([0, 1])]]) {
      const bytes = encodeKey(key);
      for (let length = 0; length < bytes.length; length++) {
        try {
          decodeKey(bytes.subarray(0, length));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "SEGMENT_CORRUPT" });
        }
      }
    }
  });

  test("never crash the decoder but with SEGMENT_CORRUPT, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30, max: 12 }), (bytes) => {
        try {
          decodeKey(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "SEGMENT_CORRUPT" });
        }
      }),
      { numRuns: 3000 },
    );
  });
});
