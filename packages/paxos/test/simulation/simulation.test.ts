import { expect, it } from "vitest";
import { runSeeds } from "./run-seeds.js";

it("any mixture of faults leaves one log, a linearizable history, and a healed quorum that finishes", () => {
  const { failures } = runSeeds(
    Number(process.env["PAXOS_SEED"] ?? 1),
    Number(process.env["PAXOS_SEEDS"] ?? 50),
  );
  expect(failures).toEqual([]);
}, 600_000);
