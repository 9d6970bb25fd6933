import { describe, expect, it } from "vitest";
import { isLinearizable, type Operation } from "./linearizability.js";

const swap = (value: string, calledAt: number, returnedAt: number, found: string | undefined): Operation => ({
  kind: "swap",
  key: "k",
  value,
  calledAt,
  returnedAt,
  found,
});
const read = (found: string, calledAt: number, returnedAt: number): Operation => ({
  kind: "read",
  key: "k",
  value: "",
  calledAt,
  returnedAt,
  found,
});

describe("the linearizability checker", () => {
  it("passes a sequential history", () => {
    expect(
      isLinearizable([swap("a", 0, 1, ""), read("a", 2, 3), swap("b", 4, 5, "a"), read("b", 6, 7)]),
    ).toBe(true);
  });

  it("passes overlapping operations in whichever order explains the results", () => {
    expect(
      isLinearizable([swap("a", 0, 10, "b"), swap("b", 1, 9, ""), read("b", 2, 3), read("a", 11, 12)]),
    ).toBe(true);
  });

  it("refuses a read of what was overwritten before the read began", () => {
    expect(isLinearizable([swap("a", 0, 1, ""), swap("b", 2, 3, "a"), read("a", 4, 5)])).toBe(false);
  });

  it("refuses two reads that see a value come and go back", () => {
    const history = [swap("a", 0, 1, ""), swap("b", 2, 20, "a"), read("b", 3, 4), read("a", 5, 6)];
    expect(isLinearizable(history)).toBe(false);
  });

  it("refuses a lost update and a command applied twice", () => {
    expect(isLinearizable([swap("a", 0, 1, ""), swap("b", 2, 3, "")])).toBe(false);
    expect(isLinearizable([swap("a", 0, 1, ""), swap("b", 2, 3, "a"), swap("c", 4, 5, "a")])).toBe(false);
  });

  it("lets an operation that never returned take effect late, or never", () => {
    const lost = swap("x", 0, Number.POSITIVE_INFINITY, undefined);
    expect(isLinearizable([lost, swap("a", 1, 2, ""), read("x", 5, 6)])).toBe(true);
    expect(isLinearizable([lost, swap("a", 1, 2, ""), read("a", 5, 6)])).toBe(true);
    expect(isLinearizable([lost, swap("a", 1, 2, ""), read("x", 5, 6), read("a", 7, 8)])).toBe(false);
  });
});
