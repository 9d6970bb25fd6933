import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { fanfold, jobs, tempFolder } from "./fanfold-process.js";

const fixtures: string = fileURLToPath(new URL("../../packages/simulation/test/fixtures/", import.meta.url));
const words: string = join(fixtures, "words.ts");

let dir: string;
let input: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "in.txt");
  writeFileSync(input, "a b\nb c\na\n".repeat(20));
});

describe("fanfold sim", () => {
  it("runs a job through seeds, the same way each time, and tells what became of it", async () => {
    const args = [
      "sim",
      words,
      input,
      "--seed",
      "42",
      "--seeds",
      "6",
      "--kill-workers",
      "--drop",
      "5%",
      "--json",
    ];
    const [first, again] = [await fanfold(args), await fanfold([...args, "--threads", "1"])];
    expect(first.exitCode).toBe(0);
    const [one, other] = [first, again].map(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);
    expect(one).toMatchObject({ first: 42, seeds: 6, ended: { succeeded: 6 }, failures: [] });
    expect(other?.["traceHash"]).toBe(one?.["traceHash"]);
  });

  it("stops at the seed that a wrong job fails at, writes its events, and ends with 1", async () => {
    const trace = join(dir, "trace.txt");
    const args = ["sim", join(fixtures, "first-attempt.ts"), input, "--trace", trace, "--threads", "1"];
    const { exitCode, stdout } = await fanfold(args);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^seed \d+ FAILED: .+\n {2}trace [0-9a-f]{64}\n/);
    expect(stdout).toMatch(/was run again, and went the same way, bit for bit\n$/);
    expect(readFileSync(trace, "utf8").split("\n").length).toBeGreaterThan(100);
  });

  it("refuses a job that is another each time before any seed, and sizes that no cluster has", async () => {
    const dice = await fanfold(["sim", join(fixtures, "dice.ts"), input]);
    expect(dice.exitCode).toBe(1);
    expect(dice.stderr).toContain("gives another answer each time, even when nothing fails");
    expect(dice.stderr).toContain("Its code uses Math.random.");
    const four = await fanfold(["sim", words, input, "--coordinators", "4"]);
    expect(four.exitCode).toBe(2);
    expect(four.stderr).toContain("1, 3 or 5 coordinators");
    const both = await fanfold(["sim", words, input, "--no-faults", "--kill-workers"]);
    expect(both.exitCode).toBe(2);
    expect(both.stderr).toContain("--no-faults lets nothing fail");
  });

  it("says so when the job's code ends the process", async () => {
    writeFileSync(input, "one\ndie\n");
    const { exitCode, stderr } = await fanfold(["sim", join(jobs, "poison.ts"), input, "--quiet"]);
    expect(stderr).toMatch(/^error EXECUTOR_EXITED: the job's code has ended the process with exit code 7,/);
    expect(exitCode).toBe(1);
  });
});
