import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { histogramOf, quantilesOf, skewVerdict } from "../src/index.js";

function task(number: number, durationMs: number, bytesIn: number, workerId = "w1") {
  return { task: number, workerId, durationMs, bytesIn, recordsIn: 1 };
}

function verdictOf(kind: "map" | "reduce", tasks: ReturnType<typeof task>[]) {
  const durations = quantilesOf(Float64Array.from(tasks, ({ durationMs }) => durationMs));
  const sizes = quantilesOf(Float64Array.from(tasks, ({ bytesIn }) => bytesIn));
  return skewVerdict(kind, tasks, durations, sizes);
}

describe("quantiles and histograms", () => {
  it("are values that occur, in order, and every value is in one bar", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, (list) => {
        const { min, p25, p50, p75, p95, max, count } = quantilesOf(Float64Array.from(list));
        const shown = [min, p25, p50, p75, p95, max];
        expect(shown).toEqual([...shown].sort((a, b) => a - b));
        for (const value of shown) expect(list).toContain(value);
        const { counts, edges } = histogramOf(Float64Array.from(list));
        expect(counts.reduce((sum, bar) => sum + bar, 0)).toBe(count);
        expect(edges).toHaveLength(counts.length + 1);
      }),
      { seed: 7 },
    );
  });
});

describe("the verdict on skew", () => {
  const even = [1, 2, 3, 4, 5].map((number) => task(number, 1_000, 100));

  it("does not judge a few tasks", () => {
    expect(verdictOf("map", even.slice(0, 2)).kind).toBe("tooFew");
  });

  it("calls even what is even, and differences too short to matter", () => {
    expect(verdictOf("map", even).kind).toBe("even");
    expect(
      verdictOf("map", [...even.map((each) => ({ ...each, durationMs: 10 })), task(9, 90, 100)]).kind,
    ).toBe("even");
  });

  it("blames the data when the slow partition is a large one", () => {
    const verdict = verdictOf("reduce", [...even, task(3, 9_000, 1_500)]);
    expect(verdict.kind).toBe("dataSkew");
    expect(verdict.text).toContain("Partition 3 took 9.0 s, 9.0 × the median");
    expect(verdict.text).toContain("75 % of the stage's");
  });

  it("blames the machine when all its tasks are slow, and the task when only it is", () => {
    const slow = [task(7, 5_000, 100, "w2"), task(8, 5_100, 100, "w2")];
    expect(verdictOf("map", [...even, ...slow])).toMatchObject({ kind: "slowWorker" });
    const lone = [task(7, 5_000, 100, "w2"), task(8, 1_000, 100, "w2")];
    expect(verdictOf("map", [...even, ...lone])).toMatchObject({ kind: "slowTask" });
  });
});
