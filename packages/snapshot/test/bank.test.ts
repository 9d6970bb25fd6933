import { expect, it } from "vitest";
import { Bank, type BankOptions, type BankOutcome, type Plant } from "./bank.js";

const calm = { nodes: 5, steps: 300, starts: 8, opens: 0, closes: 0, deaths: 0, births: 0 };
const lively = { nodes: 6, steps: 300, starts: 15, opens: 40, closes: 40, deaths: 0, births: 10 };
const deadly = { ...lively, deaths: 4 };

function runs(options: Omit<BankOptions, "seed">, seeds: number): BankOutcome[] {
  return Array.from({ length: seeds }, (_, seed) => new Bank({ ...options, seed }).run());
}

function sum(outcomes: readonly BankOutcome[], of: (outcome: BankOutcome) => number): number {
  return outcomes.reduce((total, outcome) => total + of(outcome), 0);
}

it("every snapshot of a network at rest in its shape completes, with all the money in it", () => {
  const outcomes = runs(calm, 100);
  expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(sum(outcomes, ({ aborted }) => aborted)).toBe(0);
  expect(sum(outcomes, ({ completed }) => completed.length)).toBe(sum(outcomes, ({ started }) => started));
  // Else the test shows nothing.
  expect(sum(outcomes, ({ inFlight }) => inFlight)).toBeGreaterThan(500);
});

it("channels and nodes that come and go in order cost no snapshot and no money, even when many overlap", () => {
  const outcomes = runs({ ...lively, limits: { activeMax: 100 } }, 100);
  expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(outcomes.flatMap(({ hanging }) => hanging)).toEqual([]);
  expect(sum(outcomes, ({ aborted }) => aborted)).toBe(0);
  expect(sum(outcomes, ({ completed }) => completed.length)).toBe(sum(outcomes, ({ started }) => started));
});

it("deaths abort what they touch, and whatever completes is whole", () => {
  const outcomes = runs(deadly, 200);
  expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(sum(outcomes, ({ aborted }) => aborted)).toBeGreaterThan(50);
  expect(sum(outcomes, ({ completed }) => completed.length)).toBeGreaterThan(100);
  expect(outcomes.flatMap(({ hanging }) => hanging)).toEqual([]);
});

it("beyond the limits snapshots are aborted, and those that are not are whole", () => {
  const busy = { ...lively, starts: 60 };
  for (const limits of [{ activeMax: 2 }, { messagesMax: 1 }]) {
    const outcomes = runs({ ...busy, limits }, 30);
    expect(outcomes.flatMap(({ wrong, hanging }) => [...wrong, ...hanging])).toEqual([]);
    expect(sum(outcomes, ({ aborted }) => aborted)).toBeGreaterThan(5);
    expect(sum(outcomes, ({ completed }) => completed.length)).toBeGreaterThan(5);
  }
});

const plants: readonly [Plant, Omit<BankOptions, "seed">][] = [
  ["markerAfterMessage", calm],
  ["notRecording", calm],
  ["recordingPastTheMarker", calm],
  ["stateByReference", calm],
  ["noGreeting", lively],
  ["breakTakenForOrder", { ...deadly, starts: 40, deaths: 15 }],
];

it.each(plants)("finds the planted mistake %s within a hundred seeds", (plant, options) => {
  const isFound = (seed: number): boolean => {
    const { wrong, aborted } = new Bank({ ...options, limits: { activeMax: 100 }, plant, seed }).run();
    // Parts that do not fit together are as good a sign, where nothing broke.
    return wrong.length > 0 || (options.deaths === 0 && aborted > 0);
  };
  let seed = 0;
  while (seed < 100 && !isFound(seed)) seed += 1;
  expect(seed).toBeLessThan(100);
});
