import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { foundSeeds } from "./found-seeds.js";
import { type Find, findBug, type PlantedBug, PlantedSimulation, plantedBugs } from "./planted-bugs.js";

/** For the page: hunts of a bug, each among other seeds, and how long one may take. */
const hunts = 5;
const huntSeedsMax = 100;
/** For the test: if the course of things has changed since the seed was noted, it is looked for so far. */
const testSeedsMax = 60;

let dir: string;
let input: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-planted-"));
  input = join(dir, "in.txt");
  const words = ["alpha", "beta", "gamma", "delta", "epsilon"];
  const lines = Array.from({ length: 60 }, (_, n) => `${words[n % 5]} ${words[(n * 7) % 3]}`);
  writeFileSync(input, `${lines.join("\n")}\n`);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function withBug<T>(
  bug: PlantedBug,
  use: (find: (first: number, count: number) => Promise<Find | undefined>) => Promise<T>,
): Promise<T> {
  const planted = await PlantedSimulation.build(bug);
  const job = fileURLToPath(new URL("fixtures/words.ts", import.meta.url));
  try {
    const simulation = await planted.Simulation.prepare(job, {
      inputs: [input],
      tempDir: dir,
      ...bug.options,
    });
    try {
      return await use((first, count) => findBug(simulation, first, count));
    } finally {
      simulation.close();
    }
  } finally {
    planted.remove();
  }
}

describe.runIf(process.env["SIMULATION_PLANTED_BUGS"] === "write")("the page of planted bugs", () => {
  it("is written", async () => {
    const rows: string[] = [];
    const seeds: string[] = [];
    for (const bug of plantedBugs) {
      const { lengths, found } = await hunt(bug);
      const median = lengths[Math.floor(hunts / 2)] ?? Number.POSITIVE_INFINITY;
      const range = `${shown(lengths[0])} to ${shown(lengths.at(-1))}`;
      // Numbers, names and places differ from seed to seed.
      const seenAs = found?.failure.split(/[:;]/, 2).join(":").slice(0, 90) ?? "not found";
      rows.push(`| \`${bug.name}\` | ${bug.mistake} | ${shown(median)} | ${range} | ${seenAs} |`);
      if (found !== undefined) seeds.push(`  "${bug.name}": ${found.seed},`);
      writeFileSync(new URL("../docs/planted-bugs.md", import.meta.url), page(rows));
      writeFileSync(new URL("found-seeds.ts", import.meta.url), source(seeds));
    }
  }, 3_600_000);
});

async function hunt(bug: PlantedBug): Promise<{ lengths: readonly number[]; found: Find | undefined }> {
  return await withBug(bug, async (find) => {
    const lengths: number[] = [];
    let found: Find | undefined;
    for (let n = 0; n < hunts; n += 1) {
      const first = 1 + n * 1_000_000;
      const one = await find(first, huntSeedsMax);
      lengths.push(one === undefined ? Number.POSITIVE_INFINITY : one.seed - first + 1);
      found ??= one;
    }
    return { lengths: lengths.sort((a, b) => a - b), found };
  });
}

function shown(seeds: number | undefined): string {
  return seeds === undefined || !Number.isFinite(seeds) ? `over ${huntSeedsMax}` : String(seeds);
}

function source(seeds: readonly string[]): string {
  const head = "/** Where each planted bug was found last. */";
  return [head, "export const foundSeeds: Readonly<Record<string, number>> = {", ...seeds, "};", ""].join(
    "\n",
  );
}

function page(rows: readonly string[]): string {
  return [
    "# Planted bugs",
    "",
    "Each row is a mistake that such systems have been known for, planted in the code of production by replacing a line of",
    "it. A small word count was run through simulated clusters until one failed: five hunts, each among other seeds. The",
    "table says how many seeds that took, and as what the first of them was seen.",
    "",
    "| name | mistake | median seeds | range | seen as |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    "Some mistakes do no harm that could be seen here, since another defence stands behind the one that is taken away: a",
    "worker that obeys a leader of the past (what it reports is still ordered by the log), a report that is taken for another",
    "attempt of its task (its files are asked for by attempt, and made again), a coordinator that votes before its disk has",
    "the vote (package `paxos` and the tests of its storage look for that), a leader that orders the publication while the",
    "decision is still being logged (12 seeds; what the next leader decides is the same, and publishing can be repeated).",
    "",
    "To write this page anew: `SIMULATION_PLANTED_BUGS=write npx vitest run packages/simulation/test/planted-bugs.test.ts -t written`.",
    "",
  ].join("\n");
}

describe("the simulation finds", () => {
  for (const bug of plantedBugs.filter(({ isRare }) => isRare !== true)) {
    it(bug.mistake, async () => {
      const found = await withBug(
        bug,
        async (find) => (await find(foundSeeds[bug.name] ?? 1, 1)) ?? (await find(1, testSeedsMax)),
      );
      expect(found).toBeDefined();
    }, 120_000);
  }
});
