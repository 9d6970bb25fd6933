import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paxosRules } from "../src/index.js";
import { Sessions } from "../src/sessions.js";

const limits = { sessionsMax: 3, outcomesPerSession: 4 };

describe("client sessions", () => {
  it("apply each command once, whatever is retried, and whenever the table goes through a snapshot", () => {
    const step = fc.record({ ahead: fc.nat(3), snapshot: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let sessions = new Sessions(limits, paxosRules);
        sessions.open(1);
        const results = new Map<number, unknown>();
        let oldestOpen = 1;
        steps.forEach(({ ahead, snapshot }, i) => {
          // A client keeps at most `outcomesPerSession` commands open, and retries whichever it likes of them.
          const sequence = oldestOpen + ahead;
          let ran = false;
          const outcome = sessions.apply(i + 2, 1, sequence, () => {
            ran = true;
            return `result ${sequence}`;
          });
          expect(ran).toBe(!results.has(sequence));
          if (results.has(sequence)) expect(outcome).toEqual(results.get(sequence));
          results.set(sequence, outcome);
          while (results.has(oldestOpen)) oldestOpen += 1;
          if (!snapshot) return;
          const records = sessions.records();
          sessions = new Sessions(limits, paxosRules);
          sessions.restore(records);
          expect(sessions.records()).toEqual(records);
        });
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it("are evicted in order of last use, also after a snapshot", () => {
    const sessions = new Sessions(limits, paxosRules);
    for (const index of [1, 2, 3]) sessions.open(index);
    sessions.apply(4, 1, 1, () => "kept");
    const restored = new Sessions(limits, paxosRules);
    restored.restore([...sessions.records()].reverse());
    restored.open(5);
    expect(restored.apply(6, 2, 1, () => "lost")).toEqual({ type: "sessionExpired" });
    expect(restored.apply(7, 1, 1, () => "again")).toEqual({ type: "applied", index: 4, result: "kept" });
    expect(restored.size).toBe(3);
  });
});
