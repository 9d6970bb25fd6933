/** Looks for each planted mistake, and writes down how many seeds that took. */
import { type Mutation, mutated, mutations } from "./mutations.js";
import { runSeed } from "./run-seeds.js";

export interface Find {
  readonly seed: number;
  readonly failure: string;
}

/** The first seed from `first` on at which the mistake shows, or undefined if there is none among `seedsMax`. */
export function findMutation(mutation: Mutation, first: number, seedsMax: number): Find | undefined {
  const rules = mutated(mutation);
  for (let seed = first; seed < first + seedsMax; seed++) {
    const { failure } = runSeed(seed, rules);
    const counts = !mutation.safetyOnly || !failure?.startsWith("not live");
    if (failure !== undefined && counts) return { seed, failure };
  }
  return undefined;
}

export interface Search {
  readonly mutation: Mutation;
  /** Seeds each hunt took, in order of size; Infinity for one that found nothing. */
  readonly hunts: readonly number[];
  /** A seed at which it shows. */
  readonly seed: number;
  readonly failure: string;
}

/** Hunts for a mistake several times, each time among other seeds. */
export function search(mutation: Mutation, hunts: number, seedsMax: number): Search {
  const lengths: number[] = [];
  let found: Find | undefined;
  for (let hunt = 0; hunt < hunts; hunt++) {
    const first = 1 + hunt * 1_000_000;
    const find = findMutation(mutation, first, seedsMax);
    lengths.push(find ? find.seed - first + 1 : Number.POSITIVE_INFINITY);
    found ??= find;
  }
  lengths.sort((a, b) => a - b);
  return { mutation, hunts: lengths, seed: found?.seed ?? 0, failure: found?.failure ?? "not found" };
}

/** The table for people. */
export function tableOf(searches: readonly Search[], hunts: number, seedsMax: number): string {
  const rows = searches.map(({ mutation, hunts: lengths, failure }) => {
    const median = lengths[Math.floor(lengths.length / 2)]!;
    const range = `${lengths[0]} to ${Number.isFinite(lengths.at(-1)!) ? lengths.at(-1) : `over ${seedsMax}`}`;
    const shown = Number.isFinite(median) ? `${median}` : `over ${seedsMax}`;
    return `| \`${mutation.name}\` | ${mutation.mistake} | ${shown} | ${range} | ${kindOf(failure)} |`;
  });
  return [
    "# Planted bugs",
    "",
    `Each row is a known protocol mistake, planted by replacing one of the rules in \`src/rules.ts\`. It was hunted`,
    `${hunts} times, each time among other seeds, ${seedsMax} at most. The table says how many seeds a hunt took, and by`,
    "which judgement the first one ended. A seed takes some 10 ms.",
    "",
    "| mistake | in words | median seeds | range | seen as |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "A leader that hears no quorum steps down, which hides most mistakes with leases. Those rows were hunted with that",
    "switched off, and count only what was false, not what was late: a lease must hold without.",
    "",
    "Half of the seeds are mixtures of everything; the others have a theme (`test/simulation/plan.ts`): duels of leaders that",
    "campaign without being asked, membership changes whose old and new quorums are cut apart, and leases that everybody but",
    "the leader forgets. Some mistakes showed in none of 1,500 seeds; they have tests of their own:",
    "",
    "- an acceptor that accepts in a later ballot without promising it (`test/acceptor.test.ts`)",
    "- one that takes what it knows to be decided for a vote (`test/acceptor.test.ts`); the simulator found this one in the",
    "  real code, at one seed in some thousands",
    "- a promise that leaves before it is durable (`test/replica.test.ts`)",
    "- a late vote of an earlier reign that counts (`test/replica.test.ts`)",
    "- a deposed leader that announces as decided in its ballot what it learned of a later one (`test/replica.test.ts`); the",
    "  simulator found this one in the real code, at one seed in some thousands",
    "- a promise given before the disk was lost that still counts (`test/preparation.test.ts`)",
    "",
    "To write this page anew: `PAXOS_PLANTED_BUGS=write npx vitest run test/simulation/planted-bugs.test.ts`.",
    "",
  ].join("\n");
}

function kindOf(failure: string): string {
  if (failure.startsWith("two values")) return "two values in one slot";
  if (failure.includes("linearizable")) return "history not linearizable";
  if (failure.includes("halted")) return "a replica halted";
  if (failure.includes("state")) return "states differ";
  if (failure.startsWith("not live")) return "not live after healing";
  if (failure.startsWith("exception")) return "exception";
  return "order of decisions";
}

export { mutations };
