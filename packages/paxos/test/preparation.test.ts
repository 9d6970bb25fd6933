import { describe, expect, it } from "vitest";
import type { Promised, Slot } from "../src/index.js";
import { Preparation } from "../src/preparation.js";
import { paxosRules } from "../src/rules.js";

const ballot = { round: 9, replica: "a" };
const abc = ["a", "b", "c"];
const slot = (round: number, session: number): Slot => ({
  ballot: { round, replica: "x" },
  entry: { type: "command", session, sequence: 1, command: undefined },
});
const promise = (parts: Partial<Promised> = {}): Promised => ({
  type: "promise",
  ballot,
  decidedIndex: 0,
  accepted: [],
  incarnation: 1,
  remembered: [],
  ...parts,
});

describe("phase 1", () => {
  it("is complete with promises of a quorum of the members, each counted once, for this ballot only", () => {
    const preparation = new Preparation(ballot, paxosRules);
    preparation.add("a", promise());
    preparation.add("a", promise());
    preparation.add("b", promise({ ballot: { round: 8, replica: "a" } }));
    preparation.add("z", promise());
    expect(preparation.isComplete(abc)).toBe(false);
    preparation.add("c", promise());
    expect(preparation.isComplete(abc)).toBe(true);
    expect(preparation.isComplete(["b", "c", "d"])).toBe(false);
  });

  it("adopts the vote of the latest ballot in each slot, fills gaps, and knows where to begin", () => {
    const preparation = new Preparation(ballot, paxosRules);
    preparation.add(
      "a",
      promise({
        decidedIndex: 4,
        accepted: [
          [5, slot(2, 20)],
          [7, slot(3, 30)],
        ],
      }),
    );
    preparation.add("b", promise({ decidedIndex: 2, accepted: [[5, slot(1, 10)]] }));
    expect(preparation.decidedIndex()).toBe(4);
    expect(preparation.lastReported()).toBe(7);
    expect(preparation.entryAt(5)).toMatchObject({ session: 20 });
    expect(preparation.entryAt(6)).toEqual({ type: "noop" });
    expect(preparation.entryAt(7)).toMatchObject({ session: 30 });
  });

  it("a promise is void once its sender is known to have come back without its memory", () => {
    const preparation = new Preparation(ballot, paxosRules);
    preparation.add("a", promise());
    preparation.add("b", promise({ accepted: [[1, slot(1, 10)]] }));
    expect(preparation.isComplete(abc)).toBe(true);
    preparation.add("c", promise({ remembered: [["b", 2]] }));
    expect(preparation.isComplete(["a", "b"])).toBe(false);
    expect(preparation.has("b")).toBe(false);
    expect(preparation.entryAt(1)).toEqual({ type: "noop" });
    preparation.add("b", promise({ incarnation: 2 }));
    expect(preparation.isComplete(["a", "b"])).toBe(true);
  });
});
