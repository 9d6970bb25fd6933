import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PhiAccrual } from "../src/index.js";

const options = { firstIntervalMs: 500, floorMs: 800, ceilingMs: 10_000 };

/** A node heard of at 0 and then after each interval; also the time of its last heartbeat. */
function heardAt(intervals: readonly number[], more = {}): { detector: PhiAccrual; lastMs: number } {
  let lastMs = 0;
  let detector = PhiAccrual.start({ ...options, ...more }, 0);
  for (const interval of intervals) {
    lastMs += interval;
    detector = detector.heard(lastMs);
  }
  return { detector, lastMs };
}

describe("phi accrual", () => {
  it("suspects a node the more, the longer it is silent", () => {
    const silences = fc.tuple(fc.integer({ min: 0, max: 12_000 }), fc.integer({ min: 0, max: 12_000 }));
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 150 }),
        silences,
        (intervals, pair) => {
          const { detector, lastMs } = heardAt(intervals);
          const [shorter, longer] = pair.sort((a, b) => a - b);
          expect(detector.phi(lastMs + shorter!)).toBeLessThanOrEqual(detector.phi(lastMs + longer!));
        },
      ),
    );
  });

  it("never suspects below the floor and always does from the ceiling on", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 120 }), (intervals) => {
        const { detector, lastMs } = heardAt(intervals);
        expect(detector.phi(lastMs + 800)).toBe(0);
        expect(detector.phi(lastMs + 10_000)).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it("is 0.3 at the mean, since half of all heartbeats are later than that", () => {
    const { detector, lastMs } = heardAt(Array(20).fill(1_000), { firstIntervalMs: 1_000, floorMs: 0 });
    expect(detector.phi(lastMs + 1_000)).toBeCloseTo(Math.log10(2), 6);
  });

  it("grows as the tail of the normal distribution: 1.64 deviations are one in twenty, 3.09 one in a thousand", () => {
    const steady = { firstIntervalMs: 1_000, floorMs: 0, deviationMinMs: 100 };
    const { detector, lastMs } = heardAt(Array(20).fill(1_000), steady);
    expect(10 ** -detector.phi(lastMs + 1_164.5)).toBeCloseTo(0.05, 3);
    expect(10 ** -detector.phi(lastMs + 1_309)).toBeCloseTo(0.001, 3);
  });

  it("is patient with a node that has always been irregular, and strict with a regular one", () => {
    const regular = heardAt(Array(50).fill(500));
    const irregular = heardAt(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 100 : 1_500)));
    expect(regular.detector.isSuspect(regular.lastMs + 1_500, 8)).toBe(true);
    expect(irregular.detector.isSuspect(irregular.lastMs + 1_500, 8)).toBe(false);
  });

  it("forgives at the next heartbeat, and forgets intervals that are long past", () => {
    const { detector, lastMs } = heardAt([...Array(10).fill(500), 9_000, ...Array(20).fill(500)], {
      window: 10,
    });
    expect(detector.phi(lastMs)).toBe(0);
    expect(detector.isSuspect(lastMs + 1_600, 8)).toBe(true);
  });

  it("is a value: hearing of a node leaves the detector before as it was", () => {
    const before = PhiAccrual.start(options, 0);
    const after = before.heard(5_000);
    expect(before.silenceMs(5_000)).toBe(5_000);
    expect(after.silenceMs(5_000)).toBe(0);
    // A clock that goes back does not make a node seem dead, or alive in the future.
    expect(after.heard(4_000).silenceMs(5_000)).toBe(0);
  });
});
