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
    const { failure } = runSeed(seed, rules, mutation.watched === true);
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
  const rowsOf = (watched: boolean): string[] =>
    searches
      .filter(({ mutation }) => (mutation.watched === true) === watched)
      .map((one) => rowOf(one, seedsMax));
  const head = ["| mistake | in words | median seeds | range | seen as |", "|---|---|---|---|---|"];
  return [
    "# Planted bugs",
    "",
    "Each row is a known protocol mistake, planted by replacing one or two of the rules in `src/rules.ts`. It was hunted",
    `${hunts} times, each time among other seeds, ${seedsMax} at most. The tables say how many seeds a hunt took, and by`,
    "which judgement the first one ended. A seed takes some 10 ms.",
    "",
    "## Seen in what the cluster decides and answers",
    "",
    ...head,
    ...rowsOf(false),
    "",
    "A leader that hears no quorum steps down, which hides most mistakes with leases. Those rows were hunted with that",
    "switched off, and count only what was false, not what was late: a lease must hold without.",
    "",
    "## Seen by invariants",
    "",
    "These mistakes need so many coincidences before two values are decided that histories alone showed them in none of",
    "1,500 seeds (or, for some, only cost time). The simulator also watches what must hold at every moment",
    "(`test/simulation/invariants.ts`): no promise is taken back, told before it is durable, or missing under a vote;",
    "nothing is acknowledged that was not received; nothing is decided without a quorum of votes, or led without a quorum of",
    "promises that count; no leader announces a proposal that lost; no replica distrusts a disk that lost nothing, or votes with one that its peers know to have gone back.",
    "",
    ...head,
    ...rowsOf(true),
    "",
    "Half of the seeds are mixtures of everything; the others have a theme (`test/simulation/plan.ts`): duels of leaders that",
    "campaign without being asked, membership changes whose old and new quorums are cut apart, leases that everybody but",
    "the leader forgets, disks that go back in time, and disks that are lost in the midst of somebody's phase 1.",
    "",
    "To write this page anew: `PAXOS_PLANTED_BUGS=write npx vitest run test/simulation/planted-bugs.test.ts`.",
    "",
  ].join("\n");
}

function rowOf({ mutation, hunts: lengths, failure }: Search, seedsMax: number): string {
  const median = lengths[Math.floor(lengths.length / 2)]!;
  const range = `${lengths[0]} to ${Number.isFinite(lengths.at(-1)!) ? lengths.at(-1) : `over ${seedsMax}`}`;
  const shown = Number.isFinite(median) ? `${median}` : `over ${seedsMax}`;
  return `| \`${mutation.name}\` | ${mutation.mistake} | ${shown} | ${range} | ${kindOf(failure)} |`;
}

function kindOf(failure: string): string {
  if (failure.startsWith("invariant")) return invariantOf(failure);
  if (failure.startsWith("two values")) return "two values in one slot";
  if (failure.includes("linearizable")) return "history not linearizable";
  if (failure.includes("halted")) return "a replica halted";
  if (failure.includes("state")) return "states differ";
  if (failure.startsWith("not live")) return "not live after healing";
  if (failure.startsWith("exception")) return "exception";
  return "order of decisions";
}

/** Without the names and numbers of the run. */
function invariantOf(failure: string): string {
  return failure.replace(/^invariant: \w+ /, "a replica ").replaceAll(/\d+/g, "…");
}

export { mutations };
