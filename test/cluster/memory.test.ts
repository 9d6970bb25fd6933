/** Memory is bounded by `--memory`, whatever the size of the data or of one key. */
import { execFile } from "node:child_process";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { command, fanfold, jobs, outputLines, tempFolder } from "./fanfold-process.js";

interface Result {
  readonly counters: Readonly<Record<string, number>>;
  readonly stages: readonly { readonly kind: string; readonly metrics: Readonly<Record<string, number>> }[];
}

describe("a job with little memory", () => {
  it("spills data of ten times its memory, and the answer is the same as with plenty", async () => {
    const dir = tempFolder();
    const input = join(dir, "input.txt");
    const lines = writeSortInput(input, 800_000);
    const out = join(dir, "out");
    const base = ["run", join(jobs, "sort-lines.ts"), input, "--reducers", "1", "--workers", "1", "--json"];
    // 80 MB in one map task and one reduce task of 8 MiB each.
    const args = [...base, "--split-size", "1G", "--memory", "8M", "--out", out];
    const { exitCode, stdout, stderr } = await fanfold(args);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout) as Result;
    expect(result.stages[0]?.metrics["spills"]).toBeGreaterThan(8);
    expect(outputLines(out)).toEqual(lines.sort());
  }, 120_000);

  it("streams ten million values of one key through reduce without holding them", async () => {
    const dir = tempFolder();
    const input = join(dir, "input.txt");
    writeFileSync(input, "12345\n".repeat(10));
    const out = join(dir, "out");
    const args = ["run", join(jobs, "hot-key.ts"), input, "--out", out, "--memory", "16M", "--json"];
    const { exitCode, stdout } = await fanfold([...args, "--set", "times=1000000", "--reducers", "1"]);
    expect(exitCode).toBe(0);
    const total = 10 * ((1_000_000 * 999_999) / 2 + 5_000_000);
    expect(outputLines(out)).toEqual([`hot\t10000000\t${total}`]);
    // Ten million numbers in an array would be 80 MB and more on top of what an idle Node takes.
    expect((JSON.parse(stdout) as Result).counters["rss of reduce"]).toBeLessThan(200 * 1024 * 1024);
  }, 120_000);
});

describe("a job with few file descriptors", () => {
  it("merges more map outputs than it may open files, and neither fails nor hangs", async () => {
    const dir = tempFolder();
    const input = join(dir, "input.txt");
    writeFileSync(input, Array.from({ length: 12_000 }, (_, n) => `w${letters(n % 500)}\n`).join(""));
    const out = join(dir, "out");
    const args = ["run", join(jobs, "word-count.ts"), input, "--out", out, "--workers", "2", "--json"];
    const limited = ["ulimit -n 256", `exec "$0" "$@"`].join(" && ");
    const more = ["--reducers", "8", "--split-size", "128"];
    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      limited,
      process.execPath,
      command,
      ...args,
      ...more,
    ]);
    const result = JSON.parse(stdout) as { readonly stages: readonly { readonly tasks: number }[] };
    expect(result.stages[0]?.tasks).toBeGreaterThan(256);
    const lines = outputLines(out);
    expect(lines).toHaveLength(500);
    expect(new Set(lines.map((line) => line.split("\t")[1]))).toEqual(new Set(["24"]));
  });
});

function letters(n: number): string {
  return n.toString(26).replaceAll(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "");
}

/** Lines of 100 characters in no order, told from each other by their first ten. */
function writeSortInput(path: string, count: number): string[] {
  const lines: string[] = [];
  let state = 12345;
  for (let n = 0; n < count; n += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    lines.push(
      `${state.toString(36).padStart(7, "0")}${(n % 1_000).toString().padStart(3, "0")} ${"x".repeat(88)}`,
    );
  }
  const file = openSync(path, "w");
  for (let from = 0; from < count; from += 10_000)
    writeSync(file, `${lines.slice(from, from + 10_000).join("\n")}\n`);
  closeSync(file);
  return lines;
}
