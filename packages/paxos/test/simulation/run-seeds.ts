/** Runs seeds, one after another, and says what they found. */
import { paxosRules, type Rules } from "../../src/index.js";
import { planOf } from "./plan.js";
import { type RunResult, World } from "./world.js";

/** One run. The same seed and rules give the same run. */
export function runSeed(seed: number, rules: Rules = paxosRules, watched = true): RunResult {
  return new World(seed, planOf(seed), rules, watched).run();
}

export interface Tally {
  runs: number;
  decided: number;
  steps: number;
  answered: number;
  readonly failures: { readonly seed: number; readonly failure: string }[];
}

/** Runs `count` seeds from `first` on. */
export function runSeeds(first: number, count: number, rules: Rules = paxosRules): Tally {
  const tally: Tally = { runs: 0, decided: 0, steps: 0, answered: 0, failures: [] };
  for (let seed = first; seed < first + count; seed++) {
    const { failure, decided, steps, answered } = runSeed(seed, rules);
    tally.runs += 1;
    tally.decided += decided;
    tally.steps += steps;
    tally.answered += answered;
    if (failure !== undefined) tally.failures.push({ seed, failure });
  }
  return tally;
}
