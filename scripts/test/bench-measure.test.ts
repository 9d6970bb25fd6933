import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answerDigest } from "../bench/answer.js";
import type { Contender } from "../bench/contender.js";
import { runContest } from "../bench/contest.js";
import { ProcessTreeMeter } from "../bench/process-tree-meter.js";
import { runCommand } from "../bench/run-command.js";
import { spreadOf } from "../bench/statistics.js";
import { contestText } from "../bench/table.js";

const megabyte = 1e6;
/** Touches so many bytes, then keeps a core busy for so long. */
const busy = (bytes: number, milliseconds: number): string =>
  `const b=Buffer.alloc(${bytes},1);const u=()=>{const{user,system}=process.cpuUsage();return(user+system)/1000};` +
  `while(u()<${milliseconds});process.exitCode=b[0]-1;`;
const nested = (code: string): string =>
  `require("child_process").spawnSync(process.execPath,["-e",${JSON.stringify(code)}])`;

describe.runIf(ProcessTreeMeter.isPossible())("the meter", () => {
  it("counts the CPU time and memory of a process", async () => {
    const run = await runCommand([process.execPath, "-e", busy(200 * megabyte, 600)], tmpdir());
    expect(run.exitCode).toBe(0);
    expect(run.use?.cpuSeconds).toBeGreaterThanOrEqual(0.58);
    expect(run.use?.cpuSeconds).toBeLessThan(3);
    expect(run.use?.memoryBytesPeak).toBeGreaterThan(200 * megabyte);
    expect(run.use?.memoryBytesPeak).toBeLessThan(500 * megabyte);
  });

  it("counts those of its children and their children", async () => {
    const code = nested(nested(busy(200 * megabyte, 600)));
    const run = await runCommand([process.execPath, "-e", code], tmpdir());
    expect(run.use?.processes).toBe(3);
    expect(run.use?.cpuSeconds).toBeGreaterThanOrEqual(0.58);
    expect(run.use?.memoryBytesPeak).toBeGreaterThan(200 * megabyte);
  });

  it("does not count what ran before", async () => {
    await runCommand([process.execPath, "-e", busy(1, 800)], tmpdir());
    const run = await runCommand(["sh", "-c", "exit 3"], tmpdir());
    expect(run.exitCode).toBe(3);
    expect(run.use?.cpuSeconds).toBeLessThan(0.5);
  });

  it("refuses a command that is not there", async () => {
    await expect(runCommand(["no-such-command-anywhere"], tmpdir())).rejects.toThrow("ENOENT");
  });
});

describe("a contest", () => {
  let dir = "";
  let input = { path: "", bytes: 12, records: 3, isNew: true };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "fanfold-bench-"));
    input = { ...input, path: join(dir, "input") };
    writeFileSync(input.path, "a\t1\nb\t2\nc\t3\n");
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const contender = (name: string, script: string, needs: readonly string[] = []): Contender => ({
    name,
    needs,
    layout: "pairs",
    command: (from, to) => ["sh", "-c", script, "sh", from, to],
  });
  const contest = (contenders: readonly Contender[]) =>
    runContest({
      title: "test",
      input,
      contenders,
      repeats: 2,
      dir: join(dir, "work"),
      onRun: () => undefined,
    });

  it("finds answers right that differ in order alone, and names the one that differs in content", async () => {
    const result = await contest([
      contender("copy", 'cat "$1" > "$2"'),
      contender("reverse", 'tac "$1" > "$2"'),
      contender("liar", 'sed s/2/7/ "$1" > "$2"'),
    ]);
    expect(result.standings.map(({ name, isAnswerRight }) => [name, isAnswerRight])).toEqual([
      ["copy", true],
      ["reverse", true],
      ["liar", false],
    ]);
    expect(contestText(result)).toMatch(/liar .* WRONG/);
  });

  it("calls nobody right when two disagree", async () => {
    const result = await contest([
      contender("copy", 'cat "$1" > "$2"'),
      contender("liar", 'sed s/2/7/ "$1" > "$2"'),
    ]);
    expect(result.standings.map((standing) => standing.isAnswerRight)).toEqual([false, false]);
  });

  it("leaves out who lacks a tool or fails, and says so", async () => {
    const result = await contest([
      contender("copy", 'cat "$1" > "$2"'),
      contender("absent", "true", ["no-such-command-anywhere"]),
      contender("broken", "echo went wrong >&2; exit 5"),
    ]);
    expect(result.standings.map(({ name }) => name)).toEqual(["copy"]);
    expect(result.leftOut).toEqual([
      { name: "broken", why: "exit code 5: went wrong", hasFailed: true },
      { name: "absent", why: "not installed: no-such-command-anywhere", hasFailed: false },
    ]);
  });

  it("reads `uniq -c` and a folder of parts as the same pairs", () => {
    const counted = join(dir, "counted");
    writeFileSync(counted, "      3 c\n      1 a\n      2 b\n");
    expect(answerDigest(counted, "countsFirst")).toBe(answerDigest(input.path, "pairs"));
    writeFileSync(join(dir, "part-00000.tsv"), "c\t3\n");
    writeFileSync(join(dir, "part-00001.tsv"), "b\t2\na\t1\n");
    expect(answerDigest(dir, "pairs")).toBe(answerDigest(input.path, "pairs"));
    expect(answerDigest(dir, "ordered")).not.toBe(answerDigest(input.path, "ordered"));
  });
});

describe("a spread", () => {
  it("has the middle value, or the mean of the two middle ones", () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  });
});
