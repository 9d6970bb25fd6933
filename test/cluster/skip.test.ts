/** A job with bad records in its input, run through the real command. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, outputLines, tempFolder } from "./fanfold-process.js";

let dir: string;
let input: string;
let out: string;

/** Two lines are no JSON, one makes `map` throw, one key makes `reduce` throw. */
beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.jsonl");
  out = join(dir, "out");
  const lines = Array.from({ length: 400 }, (_, n) => JSON.stringify({ kind: `k${n % 4}`, n: 1 }));
  lines[10] = '{"kind":';
  lines[200] = '{"n":1}';
  lines[300] = "}{";
  lines[350] = '{"kind":"cursed","n":1}';
  writeFileSync(input, `${lines.join("\n")}\n`);
});

function run(...more: string[]): ReturnType<typeof fanfold> {
  const args = ["run", join(jobs, "touchy.ts"), input, "--out", out, "--reducers", "2", "--split-size", "2K"];
  return fanfold([...args, ...more]);
}

interface Saved {
  readonly stage: string;
  readonly offset?: number;
  readonly code: string;
  readonly key?: string;
  readonly at?: string;
}

function saved(): Saved[] {
  const folder = join(out, "_skipped");
  const files = readdirSync(folder).sort();
  const lines = files.flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n").slice(0, -1));
  return lines.map((line) => JSON.parse(line) as Saved);
}

describe("a job with bad records", () => {
  it("skips as many as it may, counts them, and publishes where they were and what was wrong", async () => {
    const { exitCode, stdout } = await run("--skip-bad-records", "4", "--json");
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout) as { skippedRecords: number; recordsOut: number; counters: object };
    expect(result).toMatchObject({ skippedRecords: 4, recordsOut: 4, counters: { events: 397 } });
    expect(outputLines(out).sort()).toEqual(["k0\t98", "k1\t100", "k2\t98", "k3\t100"].sort());
    const text = readFileSync(input, "utf8");
    const records = saved();
    expect(records.map(({ code }) => code).sort()).toEqual([
      "RECORD_MALFORMED",
      "RECORD_MALFORMED",
      "USER_CODE_FAILED",
      "USER_CODE_FAILED",
    ]);
    const thrown = records.find(({ stage, code }) => stage === "map" && code === "USER_CODE_FAILED");
    expect(text.slice(thrown?.offset).split("\n")[0]).toBe('{"n":1}');
    expect(thrown?.at).toMatch(/touchy\.ts:9/);
    expect(records.find(({ stage }) => stage === "reduce")).toMatchObject({ key: "cursed" });
    const manifest = JSON.parse(readFileSync(join(out, "_SUCCESS"), "utf8")) as { files: { name: string }[] };
    expect(manifest.files.filter(({ name }) => name.startsWith("_skipped/part-"))).not.toEqual([]);
    // What was skipped is no input of the next job.
    const again = await fanfold([
      "run",
      join(jobs, "word-count.ts"),
      out,
      "--out",
      join(dir, "again"),
      "--json",
    ]);
    expect(JSON.parse(again.stdout)).toMatchObject({ recordsIn: 4 });
  });

  it("fails when there is one more, naming their number and the first, and publishes nothing", async () => {
    const { exitCode, stderr } = await run("--skip-bad-records", "3");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("SKIP_LIMIT_EXCEEDED");
    expect(stderr).toMatch(/4 bad records, and the job may skip 3/);
    expect(stderr).toContain("input.jsonl byte");
    expect(existsSync(out)).toBe(false);
  });

  it("says on standard error that it has skipped some, and where they are", async () => {
    const { stderr } = await run("--skip-bad-records", "9");
    expect(stderr).toContain(`skipped 4 bad records: see ${out}/_skipped`);
  });
});
