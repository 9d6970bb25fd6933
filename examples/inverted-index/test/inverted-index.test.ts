import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "fanfold";
import { afterEach, beforeEach, expect, it } from "vitest";
import type job from "../inverted-index.js";
import type { Posting } from "../inverted-index.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-example-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it("lists for each word the files it is in, most often first", async () => {
  const texts: Readonly<Record<string, string>> = {
    "a.txt": "red green\nred blue\n",
    "b.txt": "green green\nblue red\n",
    "c.txt": "blue\n",
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(dir, name), text);
  const run = await runJob<typeof job>(new URL("../inverted-index.ts", import.meta.url), { inputs: dir });
  const index: Record<string, readonly Posting[]> = {};
  for await (const [word, postings] of run.output()) index[word] = postings;
  run.close();
  expect(index).toEqual({
    red: [
      { file: "a.txt", count: 2 },
      { file: "b.txt", count: 1 },
    ],
    green: [
      { file: "b.txt", count: 2 },
      { file: "a.txt", count: 1 },
    ],
    blue: [
      { file: "a.txt", count: 1 },
      { file: "b.txt", count: 1 },
      { file: "c.txt", count: 1 },
    ],
  });
});
