import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSize, encodePartitionSizes, encodeSize, PartitionSizes } from "../src/partition-sizes.js";

describe("partition sizes", () => {
  it("survive one byte each within a tenth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 20_000_000_000 }), (bytes) => {
        const shown = decodeSize(encodeSize(bytes));
        expect(Math.abs(shown - bytes)).toBeLessThanOrEqual(bytes * 0.06 + 1);
      }),
      { seed: 7 },
    );
  });

  it("are at most 64 bytes, however many partitions there are", () => {
    expect(encodePartitionSizes(5_000, () => 1)).toHaveLength(64);
    expect(encodePartitionSizes(3, (partition) => partition)).toHaveLength(3);
  });

  it("add up over map attempts, in groups where there are many partitions", () => {
    const sizes = new PartitionSizes();
    for (let map = 0; map < 10; map++) sizes.add(encodePartitionSizes(3, (partition) => partition * 1_000));
    const few = [...sizes.list(3)];
    expect(few[0]).toBe(0);
    expect(few[1]! / 10_000).toBeCloseTo(1, 0);
    expect(few[2]! / 20_000).toBeCloseTo(1, 0);
    const many = new PartitionSizes();
    many.add(encodePartitionSizes(640, (partition) => (partition < 10 ? 5_000 : 10)));
    const list = [...many.list(640)];
    expect(list).toHaveLength(640);
    expect(new Set(list.slice(0, 10)).size).toBe(1);
    expect(list[0]! / list[10]!).toBeGreaterThan(400);
  });
});
