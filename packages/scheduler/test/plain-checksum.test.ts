import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainChecksum } from "../src/plain-checksum.js";

describe("checksum of plain data", () => {
  it("survives copying and the order of fields, and takes undefined for absent", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(plainChecksum(structuredClone(value))).toBe(plainChecksum(value));
      }),
    );
    expect(plainChecksum({ a: 1, b: 2, c: undefined })).toBe(plainChecksum({ b: 2, a: 1 }));
    expect(plainChecksum(Uint8Array.of(1, 2))).toBe(plainChecksum(Uint8Array.of(0, 1, 2).subarray(1)));
  });

  it("differs for what differs", () => {
    const values = [
      undefined,
      null,
      true,
      false,
      0,
      1,
      -1,
      0.5,
      1e300,
      "",
      "0",
      "1",
      "ab",
      "ba",
      [],
      {},
      [[]],
      [0],
      [1, 0],
      [0, 1],
      { a: 1 },
      { b: 1 },
      { a: { b: 1 } },
      [{ a: 1 }, { b: 2 }],
      [{ a: 1, b: 2 }],
      Uint8Array.of(),
      Uint8Array.of(0),
      Uint8Array.of(0, 0),
      new Date(0),
      new Date(1),
      1n,
      2n,
      new Map([[1, 2]]),
      "undefined:undefined",
      "\u{1f600}",
    ];
    const sums = values.map(plainChecksum);
    expect(new Set(sums).size).toBe(values.length);
    for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{16}$/);
  });

  it("differs for any two of many near neighbours", () => {
    const sums = new Set<string>();
    for (let i = 0; i < 20_000; i++) sums.add(plainChecksum({ task: i, done: i % 2 === 0, name: `t${i}` }));
    expect(sums.size).toBe(20_000);
  });
});
