import { describe, expect, it } from "vitest";
import { WorkerPool } from "../src/worker-pool.js";
import { Driver, spec } from "./driver.js";

const tasks = 1_200;

/** Which worker runs each map task, when all are equally fast: they end a task each, in turn. */
function placement(workerIds: readonly string[], slots: number): Map<number, string> {
  const driver = new Driver();
  for (const id of workerIds) driver.join(id, slots);
  driver.submit(spec(tasks, 1));
  const placed = new Map<number, string>();
  for (let isBusy = true; isBusy && placed.size < tasks; ) {
    isBusy = false;
    for (const id of workerIds) {
      const next = driver.running(id).find(({ kind }) => kind === "map");
      if (next === undefined) continue;
      placed.set(next.attempt.task, id);
      driver.finish(next);
      isBusy = true;
    }
  }
  return placed;
}

/** What slots that are free take from their neighbours on the ring: the bound on load, as a share of all tasks. */
const slack = 0.15;

function names(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `worker-${from + n}`);
}

describe("workers that join and leave", () => {
  it.each([5, 10, 20])("move only the ring's fair share of the work, of %i workers", (n) => {
    const slots = 4;
    for (let seed = 0; seed < 3; seed += 1) {
      const workers = names(100 * seed, n);
      const [before, after] = [placement(workers, slots), placement(workers.slice(1), slots)];
      const moved = [...before].filter(([task, id]) => after.get(task) !== id).length / tasks;
      expect(placement(workers, slots)).toEqual(before);
      expect(moved).toBeGreaterThan(0.5 / n);
      expect(moved).toBeLessThanOrEqual(1 / n + slack);
    }
  });

  it("move nothing between the others on the ring itself", () => {
    const pool = new WorkerPool();
    for (const id of names(0, 12))
      pool.join({ workerId: id, name: id, slots: 2, hostId: id, shuffleUrl: "" });
    const { ring } = pool;
    const without = ring.withoutMember("worker-3");
    let moved = 0;
    for (let hash = 0; hash < 2 ** 32; hash += 100_003) {
      const owner = ring.ownerOf(hash);
      if (owner === "worker-3") moved += 100_003;
      else expect(without.ownerOf(hash)).toBe(owner);
    }
    // 64 points a worker: a standard deviation of an eighth of the fair share.
    expect(moved / 2 ** 32).toBeLessThan((1 / 12) * 1.5);
  });
});
