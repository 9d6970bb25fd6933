import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "fanfold";
import { afterEach, beforeEach, expect, it } from "vitest";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-example-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it("puts all output files, one after the other, in total order, in parts of about the same size", async () => {
  let state = 1;
  const lines = Array.from({ length: 20_000 }, (_, n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return `${state.toString(36).padStart(7, "0")}${state % 2 === 0 ? "aaa" : "zzz"} line ${n}`;
  });
  const input = join(dir, "lines.txt");
  writeFileSync(input, `${lines.join("\n")}\n`);
  const out = join(dir, "out");
  const options = { inputs: input, out, reducers: 4, splitBytes: 100_000 };
  const run = await runJob(new URL("../distributed-sort.ts", import.meta.url), options);
  await run.result();
  run.close();
  const parts = readdirSync(out)
    .filter((file) => file.startsWith("part-"))
    .sort();
  const sizes = parts.map((part) => readFileSync(join(out, part), "utf8").split("\n").length - 1);
  const sorted = parts
    .map((part) => readFileSync(join(out, part), "utf8"))
    .join("")
    .trimEnd()
    .split("\n");
  const key = (line: string): string => line.slice(0, 10);
  const expected = lines
    .map((line, n) => ({ line, n }))
    .sort((a, b) => (key(a.line) < key(b.line) ? -1 : key(a.line) > key(b.line) ? 1 : a.n - b.n))
    .map(({ line }) => line);
  expect(sorted).toEqual(expected);
  expect(parts).toHaveLength(4);
  expect(Math.max(...sizes)).toBeLessThan(1.3 * (lines.length / 4));
});
