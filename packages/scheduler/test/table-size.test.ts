import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { Driver, spec } from "./driver.js";

interface Sizes {
  /** Of the table as a log's snapshot, while the reduces run. */
  readonly snapshotBytes: number;
  /** Of all that was logged. */
  readonly logBytes: number;
  /** Of all that was sent to workers and clients. */
  readonly effectBytes: number;
}

function bytesOf(value: unknown): number {
  return serialize(value).length;
}

/** A whole job, on two workers. */
function run(maps: number, reducers: number): Sizes {
  const driver = new Driver();
  for (const name of ["w1", "w2"]) driver.join(name, 4);
  driver.submit(spec(maps, reducers));
  driver.finishAll(() => driver.running().some(({ kind }) => kind === "reduce"));
  const snapshotBytes = bytesOf(driver.table.toSnapshot());
  driver.finishAll();
  expect(driver.job().state).toBe("succeeded");
  return { snapshotBytes, logBytes: bytesOf(driver.log), effectBytes: bytesOf(driver.effects) };
}

describe("a job of many tasks", () => {
  it("grows with the number of its tasks, not with the pairs of them", () => {
    const plain = run(400, 20);
    const moreMaps = run(4_000, 20);
    const moreReduces = run(400, 200);
    for (const size of ["snapshotBytes", "logBytes", "effectBytes"] as const) {
      const perMap = (moreMaps[size] - plain[size]) / 3_600;
      const perReduce = (moreReduces[size] - plain[size]) / 180;
      // A few hundred bytes a task; a pair of tasks would show as 400 times some bytes a reduce.
      expect(perMap, size).toBeLessThan(2_000);
      expect(perReduce, size).toBeLessThan(2_000);
    }
  });
});
