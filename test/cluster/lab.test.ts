/** The jobs of the MapReduce lab of MIT 6.5840, with the checks of its test script. */
import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, outputLines, tempFolder } from "./fanfold-process.js";

let dir: string;
let inputs: string[];
const texts: Readonly<Record<string, string>> = {
  "being_ernest.txt": "the importance of being earnest\nthe play\n",
  "dorian_gray.txt": "the picture of dorian gray\n",
  "frankenstein.txt": "the modern prometheus\n",
  "grimm.txt": "once upon a time the wolf\n",
  "huckleberry_finn.txt": "the river and the raft\n",
  "metamorphosis.txt": "one morning the insect\n",
  "sherlock_holmes.txt": "the game is afoot\n",
  "tom_sawyer.txt": "the fence\n",
};

beforeEach(() => {
  dir = tempFolder();
  inputs = Object.entries(texts).map(([name, text]) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  });
});

async function runLabJob(name: string, more: readonly string[] = []): Promise<string[]> {
  const out = join(dir, "out");
  const args = ["run", join(jobs, `${name}.ts`), ...inputs, "--out", out, "--workers", "2", ...more];
  const { exitCode, stderr } = await fanfold(args);
  expect(stderr, "the command says how it went").toContain("succeeded");
  expect(exitCode).toBe(0);
  return outputLines(out).sort();
}

function wordsOf(text: string): string[] {
  return text.match(/\p{L}+/gu) ?? [];
}

describe("the lab's jobs", () => {
  it("count words as one process does", async () => {
    const counts = new Map<string, number>();
    for (const word of Object.values(texts).flatMap(wordsOf)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const expected = [...counts].map(([word, count]) => `${word}\t${count}`).sort();
    expect(await runLabJob("word-count")).toEqual(expected);
  });

  it("index words as one process does", async () => {
    const files = new Map<string, string[]>();
    for (const [name, text] of Object.entries(texts)) {
      for (const word of new Set(wordsOf(text))) files.set(word, [...(files.get(word) ?? []), name]);
    }
    const expected = [...files].map(([word, names]) => [word, ...names].join("\t")).sort();
    expect(await runLabJob("indexer")).toEqual(expected);
  });

  it("run map tasks in different processes at the same time", async () => {
    const lines = await runLabJob("map-parallelism", ["--set", `dir=${join(dir, "present")}`]);
    expect(lines.filter((line) => line.startsWith("pid-"))).toHaveLength(2);
    expect(lines).toContain("together\t2");
  });

  it("run reduce tasks in different processes at the same time", async () => {
    const lines = await runLabJob("reduce-parallelism", ["--set", `dir=${join(dir, "present")}`]);
    expect(lines).toHaveLength(10);
    expect(lines.some((line) => line.endsWith("\t2"))).toBe(true);
  });

  it("run each map task exactly once where nothing fails", async () => {
    const marks = join(dir, "marks");
    expect(await runLabJob("job-count", ["--set", `dir=${marks}`])).toEqual([`a\t${inputs.length}`]);
    expect(readdirSync(marks)).toHaveLength(inputs.length);
  });

  it("have all output when the command ends, also of the slowest task", async () => {
    const lines = await runLabJob("early-exit");
    expect(lines).toEqual(inputs.map((input) => `${input}\t1`).sort());
  });

  it("survive executors that exit in the middle of tasks", async () => {
    const names = inputs.map((input) => basename(input));
    const expected = [
      `a\t${[...names].sort().join(" ")}`,
      `b\t${names
        .map((name) => String(name.length))
        .sort()
        .join(" ")}`,
      `c\t${Object.values(texts)
        .map((text) => String(text.length))
        .sort()
        .join(" ")}`,
      `d\t${names.map(() => "xyzzy").join(" ")}`,
    ];
    expect(await runLabJob("crash")).toEqual(expected);
  });
});
