import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundariesOf } from "../src/index.js";

const key = fc.uint8Array({ maxLength: 3 });
const samples = fc.array(fc.array(key, { maxLength: 20 }), { maxLength: 5 });

function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

describe("boundaries of a total order", () => {
  it("ascend strictly, are keys of the sample, and are fewer than the partitions", () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 9 }), (drawn, partitions) => {
        const boundaries = boundariesOf(drawn, partitions);
        expect(boundaries.length).toBeLessThan(partitions);
        for (let i = 1; i < boundaries.length; i++)
          expect(compare(boundaries[i - 1]!, boundaries[i]!)).toBeLessThan(0);
        for (const boundary of boundaries)
          expect(drawn.flat().some((each) => compare(each, boundary) === 0)).toBe(true);
      }),
    );
  });

  it("do not depend on how the sample was split up or ordered", () => {
    fc.assert(
      fc.property(samples, fc.integer({ min: 1, max: 9 }), (drawn, partitions) => {
        const whole = [drawn.flat().reverse()];
        expect(boundariesOf(whole, partitions)).toEqual(boundariesOf(drawn, partitions));
      }),
    );
  });

  it("cut distinct keys into parts of equal number", () => {
    const keys = Array.from({ length: 200 }, (_, i) => Uint8Array.of(i));
    for (const partitions of [2, 3, 7, 50]) {
      const boundaries = boundariesOf([keys], partitions);
      const sizes = Array(partitions).fill(0);
      for (const each of keys)
        sizes[boundaries.filter((boundary) => compare(each, boundary) >= 0).length] += 1;
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }
  });

  it("are none for one key, however often it comes, and for no keys", () => {
    expect(boundariesOf([Array(100).fill(Uint8Array.of(1))], 4)).toEqual([]);
    expect(boundariesOf([], 4)).toEqual([]);
  });

  it("give a key that fills several parts one boundary", () => {
    const keys = [...Array(10).fill(1), ...Array(80).fill(2), ...Array(10).fill(3)].map((n) =>
      Uint8Array.of(n),
    );
    expect(boundariesOf([keys], 10)).toEqual([Uint8Array.of(2), Uint8Array.of(3)]);
  });

  it("order bytes as unsigned numbers, and a prefix before what it begins", () => {
    const keys = [[255], [127], [], [127, 0]].map((bytes) => Uint8Array.from(bytes));
    expect(boundariesOf([keys], 4)).toEqual([[127], [127, 0], [255]].map((bytes) => Uint8Array.from(bytes)));
  });
});
