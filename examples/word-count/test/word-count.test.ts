import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "fanfold";
import { checkLaws } from "fanfold/laws";
import { afterEach, beforeEach, expect, it } from "vitest";
import job from "../word-count.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-example-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it("counts every word of every file, whatever the alphabet", async () => {
  const texts = ["The cat — the Cat.\nκόσμε κόσμε", "naïve the\r\n\r\nthe end", ""];
  const inputs = texts.map((text, n) => {
    const path = join(dir, `${n}.txt`);
    writeFileSync(path, text);
    return path;
  });
  const expected = new Map<string, number>();
  for (const word of texts.flatMap((text) => text.split(/[^\p{L}]+/u))) {
    if (word !== "") expected.set(word, (expected.get(word) ?? 0) + 1);
  }
  const run = await runJob<typeof job>(new URL("../word-count.ts", import.meta.url), {
    inputs,
    splitBytes: 7,
  });
  const counted = new Map<string, number>();
  for await (const [word, count] of run.output()) counted.set(word, count);
  run.close();
  expect(counted).toEqual(expected);
});

it("keeps the laws of a job that a cluster may cut, repeat and combine", () =>
  checkLaws(job, { records: ["The cat, the cat", "κόσμε the end", "", "naïve cat"] }));
