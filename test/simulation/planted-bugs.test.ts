import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { foundSeeds } from "../../packages/paxos/test/simulation/found-seeds.js";
import {
  findMutation,
  mutations,
  type Search,
  search,
  tableOf,
} from "../../packages/paxos/test/simulation/planted-bugs.js";

const hunts = 5;
const seedsMax = 3000;

describe.runIf(process.env["PAXOS_PLANTED_BUGS"] === "write")("the page of planted bugs", () => {
  it("is written", () => {
    const searches: Search[] = [];
    for (const mutation of mutations) {
      searches.push(search(mutation, hunts, seedsMax));
      const seeds = searches.map(({ mutation: { name }, seed }) => `  "${name}": ${seed},`);
      const source = [
        "/** Where each planted mistake was found last. */",
        "export const foundSeeds: Readonly<Record<string, number>> = {",
        ...seeds,
        "};",
        "",
      ];
      writeFileSync(
        new URL("../../packages/paxos/test/simulation/found-seeds.ts", import.meta.url),
        source.join("\n"),
      );
      const page = tableOf(searches, hunts, seedsMax);
      writeFileSync(new URL("../../packages/paxos/docs/planted-bugs.md", import.meta.url), page);
    }
    expect(searches.filter(({ seed }) => seed === 0)).toEqual([]);
  }, 3_600_000);
});

describe("the simulator finds", () => {
  for (const mutation of mutations) {
    it(mutation.mistake, () => {
      // Where it was found last; if the protocol's course has changed since, somewhere among the first seeds.
      const find =
        findMutation(mutation, foundSeeds[mutation.name] ?? 1, 1) ?? findMutation(mutation, 1, seedsMax);
      expect(find).toBeDefined();
    }, 120_000);
  }
});
