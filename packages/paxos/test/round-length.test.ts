import { describe, expect, it } from "vitest";
import { RoundLength } from "../src/round-length.js";

const usualTicks = 10;

function round(): RoundLength {
  return new RoundLength(usualTicks, 3);
}

describe("a round of the election", () => {
  it("has its usual length where answers are quick", () => {
    const length = round();
    expect(length.ticks(0)).toBe(usualTicks);
    for (let now = 1; now < 100; now += 1) length.answered(1, now);
    expect(length.ticks(100)).toBe(usualTicks);
  });

  it("is long enough for an answer as slow as the slowest of late, and half of that again", () => {
    const length = round();
    length.answered(8, 100);
    length.answered(1, 101);
    expect(length.ticks(101)).toBe(3 + 12);
  });

  it("is never more than twice as long, whatever an answer took", () => {
    const length = round();
    length.answered(1_000_000, 5);
    expect(length.ticks(5)).toBe(20);
    // And what was beyond that is not remembered for longer.
    expect(length.ticks(5 + 4 * 150 * usualTicks)).toBe(usualTicks);
  });

  it("comes back to its usual length when answers are quick again", () => {
    const length = round();
    length.answered(14, 0);
    const lengths = [0, 1_000, 3_000, 6_000, 12_000].map((now) => length.ticks(now));
    expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
    expect(lengths[0]).toBe(20);
    expect(lengths.at(-1)).toBe(usualTicks);
  });
});
