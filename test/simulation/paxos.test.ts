/** The model is in packages/paxos/test/simulation; `pnpm sim --seeds N` runs any number of seeds of it. */
import { describe, expect, it } from "vitest";
import { runSeed, runSeeds } from "../../packages/paxos/test/simulation/run-seeds.js";

/** `PAXOS_SEED=123` replays one seed; `PAXOS_SEEDS=100000` runs more of them. */
const first = Number(process.env["PAXOS_SEED"] ?? 1);
const count = Number(process.env["PAXOS_SEEDS"] ?? (process.env["PAXOS_SEED"] ? 1 : 2000));
const batch = 250;

describe("clusters of 3 and 5 on virtual time, under every mixture of faults", () => {
  for (let from = first; from < first + count; from += batch) {
    const size = Math.min(batch, first + count - from);
    it(`seeds ${from} to ${from + size - 1}: one log, linearizable histories, equal states, and progress once healed`, () => {
      const { failures, decided, answered } = runSeeds(from, size);
      expect(failures).toEqual([]);
      // A simulation in which nothing happens proves nothing.
      if (size === batch) expect(Math.min(decided, answered) / size).toBeGreaterThan(20);
    }, 120_000);
  }

  it("a seed replays bit for bit", () => {
    for (const seed of [3, 14, 15, 92]) expect(runSeed(seed)).toEqual(runSeed(seed));
    expect(runSeed(3).fingerprint).not.toBe(runSeed(4).fingerprint);
  });
});
