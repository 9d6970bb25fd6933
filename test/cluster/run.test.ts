import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  parentOf,
  processesWith,
  tempFolder,
} from "./fanfold-process.js";

let dir: string;
let input: string;
let out: string;
const wordCount = join(jobs, "word-count.ts");

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  out = join(dir, "out");
  writeFileSync(input, "a b a\nc a b\n");
});

interface Manifest {
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

describe("fanfold run", () => {
  it("writes part files and a manifest that describes them byte for byte", async () => {
    const { exitCode } = await fanfold(["run", wordCount, input, "--out", out, "--reducers", "3"]);
    expect(exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(["a\t3", "b\t2", "c\t1"]);
    const manifest = JSON.parse(readFileSync(join(out, "_SUCCESS"), "utf8")) as Manifest;
    expect(manifest.files.map((file) => file.name)).toEqual([
      "part-00000.tsv",
      "part-00001.tsv",
      "part-00002.tsv",
    ]);
    for (const file of manifest.files) {
      const bytes = readFileSync(join(out, file.name));
      expect(bytes.length).toBe(file.bytes);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(file.sha256);
    }
    expect(readdirSync(dir).sort()).toEqual(["input.txt", "out"]);
  });

  it("gives the same bytes whatever the number of workers and the size of splits", async () => {
    writeFileSync(input, Array.from({ length: 5_000 }, (_, n) => `w${n % 97} é${n % 13} ${n}\n`).join(""));
    const variants = [
      ["--workers", "1"],
      ["--workers", "3", "--split-size", "1000"],
      ["--workers", "2", "--split-size", "7K", "--memory", "8M"],
    ];
    const outputs: string[] = [];
    for (const [index, variant] of variants.entries()) {
      const target = `${out}-${index}`;
      const args = ["run", wordCount, input, "--out", target, "--reducers", "4", ...variant];
      expect((await fanfold(args)).exitCode).toBe(0);
      outputs.push(outputLines(target).join("\n"));
    }
    expect(outputs[1]).toBe(outputs[0]);
    expect(outputs[2]).toBe(outputs[0]);
  });

  it("prints one JSON result for scripts, and nothing else on standard output", async () => {
    const { exitCode, stdout } = await fanfold(["run", wordCount, input, "--out", out, "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      name: "word-count",
      state: "succeeded",
      out,
      recordsIn: 2,
      recordsOut: 3,
      bytesIn: 12,
      stages: [{ kind: "map", tasks: 1 }, { kind: "reduce" }],
    });
  });

  it("counts every byte of the input once, however it is split, and times its stages", async () => {
    writeFileSync(input, Array.from({ length: 3_000 }, (_, n) => `word${n}\n`).join(""));
    for (const splitSize of ["500", "7K", "1G"]) {
      const args = [
        "run",
        wordCount,
        input,
        "--out",
        `${out}-${splitSize}`,
        "--json",
        "--split-size",
        splitSize,
      ];
      const { stdout } = await fanfold(args);
      const result = JSON.parse(stdout) as { bytesIn: number; stages: readonly { wallMs: number }[] };
      expect(result.bytesIn, splitSize).toBe(statSync(input).size);
      for (const { wallMs } of result.stages) expect(wallMs).toBeGreaterThan(0);
    }
  });

  it("writes any number of partitions to standard output without a warning", async () => {
    const args = ["run", wordCount, input, "--out", "-", "--reducers", "16", "--quiet"];
    const { stdout, stderr } = await fanfold(args);
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n").sort()).toEqual(["a\t3", "b\t2", "c\t1"]);
  });

  it("reads standard input and writes standard output", async () => {
    const args = ["run", wordCount, "-", "--out", "-", "--reducers", "1"];
    const { exitCode, stdout } = await fanfold(args, { input: "x y\nx\n", cwd: dir });
    expect(exitCode).toBe(0);
    expect(stdout).toBe("x\t2\ny\t1\n");
    expect(readdirSync(dir)).toEqual(["input.txt"]);
  });

  it("reads folders, globs and gzip files together, each once", async () => {
    mkdirSync(join(dir, "more"));
    writeFileSync(join(dir, "more", "b.txt.gz"), Buffer.concat([gzipSync("b\n"), gzipSync("a")]));
    writeFileSync(join(dir, "more", "_ignored.txt"), "zzz\n");
    const args = ["run", wordCount, join(dir, "more"), join(dir, "*.txt"), "--out", out, "--reducers", "1"];
    expect((await fanfold(args)).exitCode).toBe(0);
    expect(outputLines(out)).toEqual(["a\t4", "b\t3", "c\t1"]);
  });

  it("refuses an existing folder before any work, and with --force replaces it only at the end", async () => {
    mkdirSync(out);
    writeFileSync(join(out, "precious"), "keep me");
    const refused = await fanfold(["run", wordCount, input, "--out", out]);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain("OUTPUT_EXISTS");
    writeFileSync(input, "poison\n");
    const failed = await fanfold(["run", join(jobs, "throws.ts"), input, "--out", out, "--force"]);
    expect(failed.exitCode).toBe(1);
    expect(readFileSync(join(out, "precious"), "utf8")).toBe("keep me");
    writeFileSync(input, "fine\n");
    expect((await fanfold(["run", wordCount, input, "--out", out, "--force"])).exitCode).toBe(0);
    expect(existsSync(join(out, "precious"))).toBe(false);
    expect(outputLines(out)).toEqual(["fine\t1"]);
    expect(readdirSync(dir).sort()).toEqual(["input.txt", "out"]);
  });

  it("validates and types parameters by the job's schema", async () => {
    const job = join(jobs, "with-params.ts");
    const good = await fanfold(["run", job, input, "--out", out, "--set", "least=5", "--json"]);
    expect(good.exitCode).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ counters: { lines: 2 } });
    const bad = await fanfold(["run", job, input, "--out", `${out}2`, "--set", "least=many"]);
    expect(bad.exitCode).toBe(2);
    expect(bad.stderr).toContain("PARAMS_INVALID");
    expect(bad.stderr).toContain("least: must be a whole number");
  });

  it("cleans up when the terminal is closed", async () => {
    const running = new FanfoldProcess([
      "run",
      join(jobs, "waits.ts"),
      input,
      "--out",
      out,
      "--temp-dir",
      join(dir, "tmp"),
    ]);
    await running.printed(/waiting/);
    running.child.kill("SIGHUP");
    expect((await running.finished).exitCode).toBe(129);
    expect(readdirSync(dir).sort()).toEqual(["input.txt", "tmp"]);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
  });

  it.each([
    ["a job that waits", "waits.ts"],
    ["a job that blocks its process", "spins.ts"],
  ])("is cancelled cleanly by Ctrl-C: %s", async (_what, job) => {
    const running = new FanfoldProcess([
      "run",
      join(jobs, job),
      input,
      "--out",
      out,
      "--temp-dir",
      join(dir, "tmp"),
    ]);
    await running.printed(/waiting|spinning/);
    running.child.kill("SIGINT");
    const { exitCode, stderr } = await running.finished;
    expect(exitCode).toBe(130);
    expect(stderr).toContain("leaves no output");
    expect(readdirSync(dir).sort()).toEqual(["input.txt", "tmp"]);
    expect(readdirSync(join(dir, "tmp"))).toEqual([]);
    expect(processesWith("executor.bundle").filter((pid) => parentOf(pid) === running.child.pid)).toEqual([]);
  });

  it("stops at once at a second Ctrl-C, and still leaves nothing", async () => {
    const running = new FanfoldProcess(["run", join(jobs, "spins.ts"), input, "--out", out]);
    await running.printed(/spinning/);
    running.child.kill("SIGINT");
    await running.printed(/leaves no output/);
    running.child.kill("SIGINT");
    const { exitCode, stderr } = await running.finished;
    expect(exitCode).toBe(130);
    expect(stderr).not.toContain("    at ");
    expect(readdirSync(dir)).toEqual(["input.txt"]);
  });

  it("leaves no process behind when it is killed, even where user code never returns", async () => {
    const running = new FanfoldProcess([
      "run",
      join(jobs, "spins.ts"),
      input,
      "--out",
      out,
      "--temp-dir",
      dir,
    ]);
    await running.printed(/spinning/);
    const executors = processesWith("executor.bundle").filter((pid) => parentOf(pid) === running.child.pid);
    expect(executors.length).toBeGreaterThan(0);
    running.child.kill("SIGKILL");
    await running.finished;
    await vi.waitFor(
      () => expect(processesWith("executor.bundle").filter((pid) => executors.includes(pid))).toEqual([]),
      {
        timeout: 20_000,
      },
    );
  });

  it("ends quietly when the reader of its output goes away, and leaves no temporary files", async () => {
    const temp = join(dir, "tmp");
    mkdirSync(temp);
    writeFileSync(input, Array.from({ length: 60_000 }, (_, n) => `${n} ${"x".repeat(50)}\n`).join(""));
    const args = ["run", join(jobs, "lengths.ts"), input, "--out", "-", "--temp-dir", temp, "--quiet"];
    const running = new FanfoldProcess(args);
    running.child.stdout?.once("data", () => running.child.stdout?.destroy());
    const { exitCode, stderr } = await running.finished;
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    expect(readdirSync(temp)).toEqual([]);
  });

  it("writes a starter job that runs as it is, in a folder without node_modules", async () => {
    const init = await fanfold(["init", "my-job"], { cwd: dir });
    expect(init.exitCode).toBe(0);
    const line = /fanfold (run .*)/.exec(init.stdout)?.[1] ?? "";
    expect((await fanfold(line.split(" "), { cwd: dir })).exitCode).toBe(0);
    expect(outputLines(join(dir, "my-job", "output"))).toContain("line\t4");
    const again = await fanfold(["init", "my-job"], { cwd: dir });
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain("nothing was written");
  });
});
