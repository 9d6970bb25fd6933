import { describe, expect, it } from "vitest";
import { type BusyInterval, busyShareOf, phasesOf, serialMsOf, timelineText } from "../bench/timeline.js";

const busy = (slot: number, kind: "map" | "reduce", task: number, startMs: number, endMs: number) =>
  ({ slot, kind, task, startMs, endMs }) satisfies BusyInterval;

describe("a timeline", () => {
  const run = {
    slots: 2,
    intervals: [
      busy(0, "map", 0, 100, 600),
      busy(1, "map", 1, 100, 300),
      busy(1, "map", 2, 300, 500),
      busy(0, "reduce", 0, 700, 900),
      busy(1, "reduce", 1, 700, 900),
    ],
    endMs: 1_000,
  };

  it("tells how busy the slots were in each phase, and how long one of them had nothing left to do", () => {
    expect(phasesOf(run)).toEqual([
      { name: "map", startMs: 100, endMs: 600, tasks: 3, busyShare: 0.9, idleTailMs: 100 },
      { name: "reduce", startMs: 700, endMs: 900, tasks: 2, busyShare: 1, idleTailMs: 0 },
    ]);
    expect(busyShareOf(run)).toBeCloseTo(0.65);
  });

  it("counts the time in which no slot is busy", () => {
    expect(serialMsOf(run)).toBe(300);
  });

  it("draws a strip a slot", () => {
    expect(timelineText("a job", run)).toContain(
      `slot 1  ${".".repeat(10)}${"m".repeat(20)}${"M".repeat(20)}`,
    );
  });
});
