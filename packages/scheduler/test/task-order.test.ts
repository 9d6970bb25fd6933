import { describe, expect, it } from "vitest";
import { encodePartitionSizes } from "../src/index.js";
import { Driver, resultOf, spec, splits } from "./driver.js";

describe("the order of tasks", () => {
  it("starts reduce tasks with the largest partition, by what the maps have told", () => {
    const bytes = [10, 5_000, 300, 90_000, 1_000];
    const driver = new Driver();
    driver.join("w1", 1);
    driver.submit(spec(3, bytes.length));
    while (driver.running().some(({ kind }) => kind === "map")) {
      const [map] = driver.running();
      const { segment } = resultOf(map!);
      const partitionSizes = encodePartitionSizes(bytes.length, (partition) => bytes[partition]! / 3);
      driver.finish(map!, { segment: { ...segment!, partitions: bytes.length, partitionSizes } });
    }
    const order: number[] = [];
    while (driver.running().length > 0) {
      const [reduce] = driver.running();
      order.push(reduce!.attempt.task);
      driver.finish(reduce!);
    }
    expect(order).toEqual([3, 1, 4, 2, 0]);
  });

  it("starts map tasks with the largest split", () => {
    const bytes = [5, 80, 10, 40, 20];
    const driver = new Driver({
      list: () => ({
        splits: splits(bytes.length).map((split, task) => ({
          ranges: split.ranges.map((range) => ({ ...range, end: range.start + bytes[task]! })),
        })),
      }),
    });
    driver.join("w1", 1);
    driver.submit(spec(bytes.length, 1));
    const order: number[] = [];
    while (driver.running()[0]?.kind === "map") {
      const [map] = driver.running();
      order.push(map!.attempt.task);
      driver.finish(map!);
    }
    expect(order.map((task) => bytes[task])).toEqual([80, 40, 20, 10, 5]);
  });
});
