import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputHolders } from "../src/output-holders.js";
import { type HashRange, PendingTasks, type Taker } from "../src/pending-tasks.js";

const everything: HashRange = { from: 0, to: 0xffff_ffff };

function taker(
  workerId: string,
  ranges: readonly HashRange[] = [everything],
  others: readonly string[] = [],
): Taker {
  return {
    workerId,
    ranges,
    hasOtherThan: (avoided) => [workerId, ...others].some((id) => !avoided.has(id)),
  };
}

describe("tasks that wait", () => {
  it("are each taken once, by their own workers as long as these have any, whatever comes and goes", () => {
    const hashes = fc.array(fc.nat(0xffff), { maxLength: 60 });
    const actions = fc.array(fc.tuple(fc.constantFrom("take", "remove", "requeue"), fc.nat(59), fc.nat(3)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(hashes, actions, (drawn, moves) => {
        const pending = new PendingTasks(Uint32Array.from(drawn));
        const waiting = new Set(drawn.keys());
        const fresh = new Set(drawn.keys());
        const quarter = (worker: number): HashRange => ({ from: worker << 14, to: ((worker + 1) << 14) - 1 });
        const takers = [0, 1, 2, 3].map((worker) => taker(`w${worker}`, [quarter(worker)]));
        for (const [move, task, worker] of moves) {
          if (move === "take") {
            const hasRetries = waiting.size > fresh.size;
            const taken = pending.take(takers[worker]!);
            expect(taken === undefined).toBe(waiting.size === 0);
            if (taken === undefined) continue;
            const own = [...fresh].filter((each) => drawn[each]! >> 14 === worker);
            if (hasRetries) expect(fresh.has(taken)).toBe(false);
            else if (own.length > 0) expect(own).toContain(taken);
            expect(waiting.delete(taken)).toBe(true);
            fresh.delete(taken);
          } else if (task < drawn.length && move === "remove") {
            pending.remove(task);
            waiting.delete(task);
            fresh.delete(task);
          } else if (task < drawn.length) {
            pending.requeue(task);
            waiting.add(task);
          }
          expect(pending.size).toBe(waiting.size);
          if (task < drawn.length) expect(pending.has(task)).toBe(waiting.has(task));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("go largest first: a worker's own before others', or of all where no place is better", () => {
    const tasks = fc.array(fc.tuple(fc.nat(0xffff), fc.integer({ min: 0, max: 9 })), { maxLength: 60 });
    const draw = fc.tuple(tasks, fc.boolean(), fc.boolean(), fc.array(fc.nat(1), { maxLength: 70 }));
    fc.assert(
      fc.property(draw, ([drawn, isPlaceless, isLate, workers]) => {
        // Powers of two lie in tiers of their own.
        const sizes = drawn.map(([, exponent]) => 2 ** exponent);
        const hashes = Uint32Array.from(drawn, ([hash]) => hash);
        const pending = new PendingTasks(hashes, isLate ? { isPlaceless } : { isPlaceless, sizes });
        const waiting = new Set(drawn.keys());
        // Some are gone before the sizes are known.
        for (const task of waiting) {
          if (task % 5 !== 0) continue;
          pending.remove(task);
          waiting.delete(task);
        }
        if (isLate) pending.resize(sizes);
        const half = (worker: number): HashRange => ({ from: worker << 15, to: ((worker + 1) << 15) - 1 });
        for (const worker of workers) {
          const own = [...waiting].filter((task) => drawn[task]![0] >> 15 === worker);
          const taken = pending.take(taker(`w${worker}`, [half(worker)]));
          expect(taken === undefined).toBe(waiting.size === 0);
          if (taken === undefined) return;
          const choice = isPlaceless || own.length === 0 ? [...waiting] : own;
          const largest = Math.max(...choice.map((task) => sizes[task]!));
          expect(choice).toContain(taken);
          expect(sizes[taken]).toBe(largest);
          waiting.delete(taken);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("come back before fresh ones, and not to a worker they avoid unless there is no other", () => {
    const pending = new PendingTasks(Uint32Array.of(1, 2, 3));
    pending.remove(0);
    pending.avoid(0, "w1");
    pending.requeue(0);
    expect(pending.take(taker("w1", [everything], ["w2"]))).not.toBe(0);
    expect(pending.take(taker("w2"))).toBe(0);
    pending.avoid(0, "w2");
    pending.requeue(0);
    expect(pending.take(taker("w1", [everything], ["w2"]))).toBe(0);
  });

  it("are found past many that avoid the worker", () => {
    const pending = new PendingTasks(new Uint32Array(1_000));
    for (let task = 0; task < 999; task++) {
      pending.remove(task);
      pending.avoid(task, "w1");
      pending.requeue(task);
    }
    expect(pending.take(taker("w1", [everything], ["w2"]))).toBe(999);
    expect(pending.take(taker("w1", [everything], ["w2"]))).toBeUndefined();
    expect(pending.take(taker("w2"))).toBe(0);
  });

  it("go to a worker without a part of the ring as well", () => {
    const pending = new PendingTasks(Uint32Array.of(7, 5));
    expect([
      pending.take(taker("w", [])),
      pending.take(taker("w", [])),
      pending.take(taker("w", [])),
    ]).toEqual([1, 0, undefined]);
  });
});

describe("holders of outputs", () => {
  it("hold exactly what was last put to them", () => {
    const moves = fc.array(fc.tuple(fc.nat(19), fc.option(fc.constantFrom("a", "b", "c"))), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(moves, (drawn) => {
        const holders = new OutputHolders(20);
        const expected = new Map<number, string>();
        for (const [task, workerId] of drawn) {
          if (workerId === null) {
            holders.clear(task);
            expected.delete(task);
          } else {
            holders.set(task, workerId);
            expected.set(task, workerId);
          }
        }
        for (const worker of ["a", "b", "c"]) {
          const tasks = [...expected].filter(([, id]) => id === worker).map(([task]) => task);
          expect(holders.tasksOf(worker)).toEqual(tasks.sort((a, b) => a - b));
          expect(holders.workerIds().includes(worker)).toBe(tasks.length > 0);
        }
      }),
    );
  });
});
