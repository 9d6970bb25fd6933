import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command, FanfoldProcess, fanfold, jobs, outputLines, tempFolder } from "./fanfold-process.js";

const wordCount = join(jobs, "word-count.ts");

function input(dir: string): string {
  const file = join(dir, "words.txt");
  writeFileSync(file, "a b a\nc a\n");
  return file;
}

describe("verbs on this machine", () => {
  it("run a job in one process, with the result of several", async () => {
    const dir = tempFolder();
    const file = input(dir);
    for (const [name, more] of [["apart", []] as const, ["inline", ["--inline"]] as const]) {
      const done = await fanfold([
        "run",
        wordCount,
        file,
        "--out",
        join(dir, name),
        "--reducers",
        "2",
        ...more,
      ]);
      expect(done.exitCode, done.stderr).toBe(0);
    }
    expect(outputLines(join(dir, "inline"))).toEqual(outputLines(join(dir, "apart")));
  });

  it("tell of an error in one process as of one in several", async () => {
    const dir = tempFolder();
    const job = join(jobs, "throws.ts");
    writeFileSync(join(dir, "in.txt"), "poison\n");
    const done = await fanfold(["run", job, join(dir, "in.txt"), "--out", join(dir, "out"), "--inline"]);
    expect(done.exitCode).toBe(1);
    expect(done.stderr).toContain("error USER_CODE_FAILED: ");
    expect(done.stderr).toContain("throws.ts:");
  });

  it("run single steps as filters", async () => {
    const mapped = await fanfold(["map", wordCount], { input: "b a\na\n" });
    expect(mapped.stdout).toBe('"b"\t1\n"a"\t1\n"a"\t1\n');
    const reduced = await fanfold(["reduce", wordCount], { input: mapped.stdout });
    expect(reduced.stdout).toBe('"a"\t2\n"b"\t1\n');
    const bad = await fanfold(["reduce", wordCount], { input: '"a"\t1\nnonsense\n' });
    expect(bad.exitCode).toBe(1);
    expect(bad.stderr).toContain("Line 2 is no key as JSON");
  });

  it("explain how a job would run, and run nothing", async () => {
    const dir = tempFolder();
    const file = input(dir);
    const explained = await fanfold(["explain", wordCount, file, "--workers", "3", "--json"]);
    const plan = JSON.parse(explained.stdout) as {
      input: { splits: number };
      partitions: number;
      stages: { kind: string; tasks: number; steps: { what: string; runs: string }[] }[];
    };
    expect(plan.input.splits).toBe(1);
    expect(plan.stages.map(({ kind, tasks }) => [kind, tasks])).toEqual([
      ["map", 1],
      ["reduce", plan.partitions],
    ]);
    expect(plan.stages[0]?.steps).toContainEqual({ what: "map", runs: "user" });
    const missing = await fanfold(["explain", wordCount, join(dir, "none.txt")]);
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining("INPUT_NOT_FOUND")]);
  });

  it("run a job again when its code changes, on a sample of its input", async () => {
    const dir = tempFolder();
    const job = join(dir, "job.ts");
    const helper = join(dir, "weight.ts");
    writeFileSync(helper, "export const weight = 1;\n");
    writeFileSync(
      job,
      `import { defineJob, sum, textLines, type Emit } from "fanfold";
       import { weight } from "./weight.js";
       export default defineJob({ name: "w", input: textLines(), reduce: sum(), reducers: 1,
         map(line: string, emit: Emit<string, number>) { emit(line, weight); } });`,
    );
    mkdirSync(join(dir, "in"));
    writeFileSync(join(dir, "in", "lines.txt"), "x\n".repeat(1_000));
    const dev = new FanfoldProcess(["dev", job, join(dir, "in"), "--sample", "100"]);
    await dev.printed(/'x'\t50\n/);
    await dev.printed(/Waiting for a change/);
    writeFileSync(helper, "export const weight = 2;\n");
    await dev.printed(/weight\.ts has changed/);
    await dev.printed(/'x'\t100\n/);
    dev.child.kill("SIGINT");
    expect((await dev.finished).exitCode).toBe(0);
  });

  it("complete words in a real bash", () => {
    const script = `source <(${process.execPath} ${command} completion bash)
      try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fanfold; echo "\${COMPREPLY[*]}"; }
      try fanfold su; try fanfold cluster d; try fanfold cluster up --co; try fanfold submit --det`;
    const printed = execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: tempFolder() });
    expect(printed).toBe("submit\ndown\n--coordinators\n--detach\n");
  });
});

/** Completions that a shell offers for a line; `undefined` where the shell is not on this machine. */
function completed(shell: string, script: string): readonly string[] | undefined {
  if (spawnSync(shell, ["--version"]).error !== undefined) {
    console.warn(`NOT TESTED: ${shell} is not installed, so its completion has not been run.`);
    return undefined;
  }
  const env = { ...process.env, HOME: tempFolder(), TERM: "dumb" };
  return execFileSync(shell, ["-c", script], { encoding: "utf8", cwd: tempFolder(), env })
    .trimEnd()
    .split("\n");
}

const said = `${process.execPath} ${command}`;
const lines = ["fanfold su", "fanfold cluster d", "fanfold cluster up --co", "fanfold token create --r"];
const offered = ["submit", "down", "--coordinators", "--role"];

describe("completion", () => {
  it("works in a real fish, and keeps verbs of the same name apart", () => {
    const asked = [...lines, "fanfold cluster status --fol", "fanfold status --fol"];
    const script = [`${said} completion fish | source`, ...asked.map((line) => `complete -C '${line}'`)];
    const words = completed("fish", script.join("\n"));
    if (words === undefined) return;
    expect(words.map((line) => line.split("\t")[0])).toEqual([...offered, "--follow"]);
    expect(words[0]).toContain("submit a job to a running cluster");
  });

  it("works in a real zsh, through its own completion system", () => {
    // A zsh at a terminal of its own, where somebody types a line and a tab; what is offered goes through compadd.
    const typed = [
      "PS1=; unsetopt prompt_sp prompt_cr; autoload -Uz compinit && compinit -u",
      `source <(${said} completion zsh)`,
      'compadd() { local -a found; builtin compadd -O found "$@"; print -r -- "OFFERED $found[*]"; builtin compadd "$@" }',
      'print REA""DY',
    ];
    const script = [
      "zmodload zsh/zpty",
      "zpty shell 'zsh -f -i'",
      ...typed.map((line) => `zpty -w shell ${JSON.stringify(line).replaceAll("$", "\\$")}`),
      "zpty -r shell seen '*READY*'",
      ...lines.flatMap((line) => [
        `zpty -wn shell '${line}'$'\\t'`,
        "zpty -r shell seen $'*OFFERED *\\n'",
        'print -r -- "$seen"',
        "zpty -wn shell $'\\x15'",
      ]),
      "zpty -d shell",
    ];
    const printed = completed("zsh", script.join("\n"));
    if (printed === undefined) return;
    const words = printed.flatMap((line) => /OFFERED ([\w-]+)/.exec(line)?.[1] ?? []);
    expect(words).toEqual(offered);
  });
});

describe("settings", () => {
  it("come from a flag, the environment, the project, the user, in this order", async () => {
    const dir = tempFolder();
    const below = join(dir, "project", "deep");
    mkdirSync(below, { recursive: true });
    mkdirSync(join(dir, "user", "fanfold"), { recursive: true });
    writeFileSync(
      join(dir, "project", "fanfold.config.ts"),
      'import { defineConfig } from "fanfold";\nexport default defineConfig({ splitSize: "3M", tempDir: "tmp", worker: { slots: 7 } });\n',
    );
    writeFileSync(join(dir, "user", "fanfold", "config.json"), '{ "splitSize": "4M", "memory": "32M" }');
    const env = { XDG_CONFIG_HOME: join(dir, "user"), FANFOLD_REDUCERS: "5", FANFOLD_MEMORY: "" };
    const view = async (
      more: NodeJS.ProcessEnv,
    ): Promise<Record<string, { value: unknown; source: string }>> =>
      JSON.parse(
        (await fanfold(["config", "view", "--json"], { cwd: below, env: { ...env, ...more } })).stdout,
      );
    const config = join(dir, "project", "fanfold.config.ts");
    const settings = await view({});
    expect(settings["splitSize"]).toEqual({ value: 3 * 1024 ** 2, source: config });
    expect(settings["tempDir"]?.value).toBe(join(dir, "project", "tmp"));
    expect(settings["worker.slots"]).toEqual({ value: 7, source: config });
    expect(settings["reducers"]).toEqual({ value: 5, source: "FANFOLD_REDUCERS" });
    expect(settings["memory"]?.source).toBe(join(dir, "user", "fanfold", "config.json"));
    expect(settings["token"]).toEqual({ value: "********", source: "FANFOLD_TOKEN" });
    expect((await view({ FANFOLD_SPLIT_SIZE: "1M" }))["splitSize"]?.value).toBe(1024 ** 2);

    const file = input(dir);
    const explained = await fanfold(["explain", wordCount, file, "--reducers", "2", "--json"], {
      cwd: below,
      env,
    });
    expect(JSON.parse(explained.stdout).partitions).toBe(2);
  });

  it("are refused where they are none, or of another kind", async () => {
    const dir = tempFolder();
    writeFileSync(join(dir, "fanfold.config.json"), '{ "splitSiez": "3M" }');
    const misspelled = await fanfold(["explain", wordCount, input(dir)], { cwd: dir });
    expect(misspelled.exitCode).toBe(2);
    expect(misspelled.stderr).toMatch(/error CONFIG_INVALID: .*"splitSiez", which is no setting/);
    writeFileSync(join(dir, "fanfold.config.json"), '{ "__proto__": { "quiet": true } }');
    expect((await fanfold(["config", "view"], { cwd: dir })).stderr).toContain('"__proto__"');
    const env = { FANFOLD_REDUCERS: "many" };
    const wrong = await fanfold(["explain", wordCount, join(dir, "words.txt")], { env });
    expect(wrong.stderr).toMatch(/error CONFIG_INVALID: FANFOLD_REDUCERS is "many"/);
  });
});

describe("a cluster that one command started", () => {
  let dir: string;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "fanfold-verbs-"));
    // Its processes outlive the test's own: they are ended by `down`, below.
    env = { XDG_STATE_HOME: join(dir, "state"), XDG_CONFIG_HOME: join(dir, "config") };
    const up = await fanfold(["cluster", "up", "--workers", "2", "--json"], { env });
    expect(up.exitCode, up.stderr).toBe(0);
    const { coordinators } = JSON.parse(up.stdout) as { coordinators: string[] };
    env["FANFOLD_COORDINATORS"] = coordinators.join(",");
  });

  afterAll(async () => {
    const down = await fanfold(["cluster", "down", "--purge"], { env });
    expect(down.stdout).toContain("Ended");
    rmSync(dir, { recursive: true, force: true });
  });

  it("is left as it is by a second one, and made whole when a process has died", async () => {
    const before = await statuses();
    const again = await fanfold(["cluster", "up", "--workers", "2"], { env });
    expect(again.stderr).toContain("It was up already.");
    process.kill(before[0]?.pid ?? 0, "SIGKILL");
    const mended = await fanfold(["cluster", "up", "--workers", "2"], { env });
    expect(mended.stderr).toContain("Started 1 processes.");
    const after = await statuses();
    expect(after.map(({ isRunning }) => isRunning)).toEqual([true, true, true, true, true]);
    expect(after.slice(1).map(({ pid }) => pid)).toEqual(before.slice(1).map(({ pid }) => pid));
  });

  it("runs a job that is waited for, explained, told of and replayed", async () => {
    const file = input(dir);
    const args = ["submit", wordCount, file, "--out", join(dir, "out"), "--reducers", "2", "--detach"];
    const id = (await fanfold(args, { env })).stdout.trim();
    const waited = await fanfold(["wait", id, "--timeout", "60s"], { env });
    expect([waited.exitCode, waited.stdout]).toEqual([0, `${id} succeeded\n`]);
    expect((await fanfold(["why", id], { env })).stdout).toContain("it has succeeded");

    const events = (await fanfold(["events", id, "--json"], { env })).stdout.trimEnd().split("\n");
    const types = events.map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual([
      "jobSubmitted",
      "jobPlanned",
      "stageDone",
      "stageDone",
      "jobCommitDecided",
      "jobSucceeded",
    ]);
    const all = (await fanfold(["events"], { env })).stdout;
    expect(all).toMatch(/leaderChanged {2}[abc] leads/);
    expect(all).toMatch(/workerJoined/);

    const parts = outputLines(join(dir, "out"));
    const replayed = await fanfold(["replay", id, "reduce.0"], { env });
    expect(replayed.exitCode, replayed.stderr).toBe(0);
    const counts = replayed.stdout
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replaceAll('"', ""));
    expect(parts).toEqual(expect.arrayContaining(counts));
    expect((await fanfold(["top"], { env })).stdout).toContain(id);
  });

  it("tells what a job waits for, and ends a wait in time", async () => {
    const file = input(dir);
    const args = ["submit", join(jobs, "waits.ts"), file, "--set", `gate=${join(dir, "gate")}`];
    const id = (await fanfold([...args, "--out", join(dir, "late"), "--detach"], { env })).stdout.trim();
    const late = await fanfold(["wait", id, "--timeout", "300ms"], { env });
    expect(late.exitCode).toBe(124);
    expect(late.stderr).toMatch(/error TIMED_OUT: .* See: fanfold why j/);
    expect((await fanfold(["pause", id], { env })).stdout).toContain("paused");
    expect((await fanfold(["why", id], { env })).stdout).toContain(`fanfold resume ${id}`);
    expect((await fanfold(["cancel", id], { env })).exitCode).toBe(0);
    const cancelled = await fanfold(["wait", id], { env });
    expect(cancelled.exitCode).toBe(5);
    const missing = await fanfold(["why", "jnone"], { env });
    expect([missing.exitCode, missing.stderr]).toEqual([4, expect.stringContaining("JOB_UNKNOWN")]);
    const nobody = { ...env, FANFOLD_COORDINATORS: "ws://127.0.0.1:9" };
    const unknown = await fanfold(["status", "jnone", "--json"], { env: nobody });
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: "NO_COORDINATOR" } });
  });

  it("retries a job that failed, as a new one", async () => {
    const file = join(dir, "poison.txt");
    writeFileSync(file, "poison\n");
    const out = join(dir, "retried");
    const failing = join(jobs, "throws.ts");
    const args = ["submit", failing, file, "--out", out, "--max-attempts", "1", "--detach"];
    const id = (await fanfold(args, { env })).stdout.trim();
    const failed = await fanfold(["wait", id], { env });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain("USER_CODE_FAILED");
    const followed = await fanfold(["status", id, "--follow", "--json"], { env });
    expect(followed.exitCode).toBe(1);
    expect(JSON.parse(followed.stdout)).toMatchObject({ id, state: "failed", outputs: [] });
    expect((await fanfold(["why", id], { env })).stdout).toMatch(/it has failed: USER_CODE_FAILED/);
    const retried = await fanfold(["retry", id, "--json"], { env });
    const again = JSON.parse(retried.stdout) as { id: string; retryOf: string };
    expect(again).toMatchObject({ retryOf: id });
    expect(again.id).not.toBe(id);
    expect((await fanfold(["wait", again.id, "--json"], { env })).exitCode).toBe(1);
    const replayed = await fanfold(["replay", id, "map.0"], { env });
    expect(replayed.exitCode).toBe(1);
    expect(replayed.stderr).toContain("throws.ts:");
  });

  async function statuses(): Promise<{ pid: number; isRunning: boolean }[]> {
    const shown = await fanfold(["cluster", "status", "--json"], { env });
    return (JSON.parse(shown.stdout) as { processes: { pid: number; isRunning: boolean }[] }).processes;
  }
});
