/** The table of fault cases names tests that exist. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const rows = readFileSync(join(root, "docs/fault-cases.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| [SLFDWNCRMG]\d/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, id = "", , file = "", title = ""]) => ({ id, file, title }));

describe("the table of fault cases", () => {
  it("has every case of consensus, failover, disk, workers, network, publication, data, resources and snapshots", () => {
    const cases = [
      ["S", 11],
      ["L", 6],
      ["F", 6],
      ["D", 6],
      ["W", 9],
      ["N", 6],
      ["C", 7],
      ["R", 10],
      ["M", 6],
      ["G", 2],
    ] as const;
    const all = cases.flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, n) => `${letter}${n + 1}`),
    );
    const named = new Set(rows.flatMap(({ id }) => id.split(", ")));
    expect([...named].sort()).toEqual(all.sort());
  });

  it.each(rows)("names a test of $id that is there: $title", ({ file, title }) => {
    const path = join(root, file);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, "utf8")).toContain(title);
  });
});
