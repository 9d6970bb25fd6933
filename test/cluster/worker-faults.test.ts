/** Workers and tasks that hang, crash, lag, lie and leave: what becomes of their jobs. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorClient, type JobSummary } from "fanfold";
import { beforeEach, describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  parentOf,
  processesWith,
  startCoordinator,
  startWorker as startScrubbedWorker,
  tempFolder,
  token,
} from "./fanfold-process.js";

let dir: string;
let input: string;
let out: string;
let url: string;
let coordinator: FanfoldProcess;

beforeEach(async () => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  out = join(dir, "out");
  const started = await startCoordinator(join(dir, "c"));
  url = started.url;
  coordinator = started.process;
});

/** Jobs' code sees by these what is wrong with its worker, or where its gate is. */
const passed = ["GATE", "LIMP_MS", "BROKEN"].flatMap((name) => ["--pass-env", name]);

function startWorker(...[name, at, dataDir, more = []]: Parameters<typeof startScrubbedWorker>) {
  return startScrubbedWorker(name, at, dataDir, [...passed, ...more]);
}

function cluster(): readonly string[] {
  return ["--coordinators", url];
}

function submitting(job: string, to: string, more: readonly string[] = []): FanfoldProcess {
  const args = ["submit", join(jobs, job), input, "--out", to, "--json", ...more, ...cluster()];
  return new FanfoldProcess(args);
}

interface WorkerView {
  readonly workerId: string;
  readonly name: string;
  readonly state: string;
  readonly running: number;
  readonly phi: number;
}

async function workers(): Promise<readonly WorkerView[]> {
  const { stdout } = await fanfold(["cluster", "--json", ...cluster()]);
  return (JSON.parse(stdout) as { readonly workers: readonly WorkerView[] }).workers;
}

async function failureOf(submitted: FanfoldProcess): Promise<Readonly<Record<string, unknown>>> {
  const { stdout, exitCode } = await submitted.finished;
  expect(exitCode).toBe(1);
  return (JSON.parse(stdout) as { readonly error: Readonly<Record<string, unknown>> }).error;
}

/** The job of that name, as `status` tells it. */
async function jobNamed(name: string): Promise<JobSummary> {
  const listed = await fanfold(["jobs", "--json", ...cluster()]);
  const { id } = (JSON.parse(listed.stdout) as readonly JobSummary[]).find((job) => job.name === name) ?? {};
  return JSON.parse((await fanfold(["status", id ?? "", "--json", ...cluster()])).stdout) as JobSummary;
}

describe("a task that hangs", () => {
  it("is ended while its worker stays, and the job's error names the record", async () => {
    writeFileSync(input, "one\nhang\ntwo\n");
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    const submitted = submitting("poison.ts", out, ["--stall-timeout", "1s", "--max-attempts", "2"]);
    await submitted.printed(/a record/);
    expect(await workers()).toMatchObject([{ name: "w1", state: "active", running: 1, phi: 0 }]);
    expect(await failureOf(submitted)).toMatchObject({
      code: "TASK_STALLED",
      details: { path: input, offset: 4, tries: 2 },
    });
    expect(await workers()).toMatchObject([{ name: "w1", state: "active", running: 0 }]);
  });
});

describe("a record that takes its process down", () => {
  it("ends its job at the fourth time, named, and is charged to no neighbour", async () => {
    writeFileSync(input, "one\ndie\ntwo\n");
    const slow = join(dir, "slow.txt");
    writeFileSync(slow, Array.from({ length: 100 }, (_, n) => `slow ${n}\n`).join(""));
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "2"]);
    const neighbour = new FanfoldProcess([
      ...["submit", join(jobs, "poison.ts"), slow, "--out", join(dir, "slow"), "--json", "--reducers", "1"],
      ...cluster(),
    ]);
    await neighbour.printed(/a record/);
    const error = await failureOf(submitting("poison.ts", out));
    expect(error).toMatchObject({
      code: "EXECUTOR_EXITED",
      details: { path: input, offset: 4, tries: 4, cause: "dataOrCode" },
    });
    const { exitCode, stdout } = await neighbour.finished;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ stages: [{ failedAttempts: 0, lostAttempts: 0 }, {}] });
  });
});

describe("a slow worker", () => {
  it("gets its task backed up elsewhere: the job does not wait for it, and each record counts once", async () => {
    writeFileSync(input, Array.from({ length: 40 }, (_, n) => `w${n % 4} ${n}\n`).join(""));
    process.env["LIMP_MS"] = "60000";
    const limping = await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    delete process.env["LIMP_MS"];
    for (const name of ["w2", "w3"]) await startWorker(name, url, join(dir, name), ["--slots", "1"]);
    const { exitCode } = await submitting("limping.ts", out, ["--split-size", "32"]).finished;
    expect(exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(["w0\t10", "w1\t10", "w2\t10", "w3\t10"]);
    expect((await jobNamed("limping")).stages[0]).toMatchObject({ backups: 0, backupsWon: 1 });
    // The loser is stopped: its executor is free for the next job.
    expect((await workers()).map(({ running }) => running)).toEqual([0, 0, 0]);
    limping.child.kill("SIGTERM");
    expect((await limping.finished).exitCode).toBe(0);
  });
});

describe("a worker on which everything fails", () => {
  it("is quarantined, which says why and for how long wherever people look, and the job does without it", async () => {
    writeFileSync(input, Array.from({ length: 80 }, (_, n) => `w${n % 4} ${n}\n`).join(""));
    process.env["BROKEN"] = "1";
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    delete process.env["BROKEN"];
    for (const name of ["w2", "w3"]) await startWorker(name, url, join(dir, name), ["--slots", "1"]);
    const submitted = submitting("limping.ts", out, ["--split-size", "16"]);
    await coordinator.printed(/worker quarantined: 3 tasks failed there and nowhere else/);
    const states = (await workers()).map(({ name, state }) => [name, state]);
    expect(states.sort()).toEqual([
      ["w1", "quarantined"],
      ["w2", "active"],
      ["w3", "active"],
    ]);
    await quarantineIsShown();
    expect((await submitted.finished).exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(["w0\t20", "w1\t20", "w2\t20", "w3\t20"]);
  });
});

/** By the command, over HTTP and in the events; the job waits meanwhile. */
async function quarantineIsShown(): Promise<void> {
  const client = await CoordinatorClient.connect({ coordinators: [url], token });
  const listed = await client.request({ type: "listJobs" });
  const jobId = listed.type === "jobs" ? (listed.jobs[0]?.id ?? "") : "";
  await client.request({ type: "pause", jobId });
  const line =
    /w1-\w+ is quarantined: 3 tasks failed there and nowhere else; it is tried again in \d+ s \(20/;
  expect((await fanfold(["status", jobId, ...cluster()])).stdout).toMatch(line);
  expect((await fanfold(["cluster", ...cluster()])).stdout).toMatch(line);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url.replace("ws", "http")}/v1/workers`, { headers });
  const shown = ((await answer.json()) as { readonly workers: readonly WorkerView[] }).workers;
  expect(shown.find(({ name }) => name === "w1")).toMatchObject({
    state: "quarantined",
    quarantine: { why: "failures", text: "3 tasks failed there and nowhere else", failedTasks: 3, times: 1 },
  });
  const told = await client.request({ type: "listEvents", afterIndex: 0, follow: false });
  const events = told.type === "events" ? told.events : [];
  expect(events.find(({ type }) => type === "workerQuarantined")?.text).toMatch(
    /^worker w1-\w+ gets no tasks until 20.*Z: 3 tasks failed there and nowhere else$/,
  );
  await client.request({ type: "resume", jobId });
  client.close();
}

describe("a worker that is told to drain", () => {
  it("serves its map outputs to the end, and leaves: nothing is run twice", async () => {
    writeFileSync(input, Array.from({ length: 200 }, (_, n) => `key${n % 20} ${n}\n`).join(""));
    const network = ["--slots", "1", "--network-shuffle"];
    const leaving = await startWorker("w1", url, join(dir, "w1"), network);
    await startWorker("w2", url, join(dir, "w2"), network);
    const submitted = submitting("limping.ts", out, ["--split-size", "200", "--reducers", "4"]);
    const executor = processesWith("executor.bundle").find((pid) => parentOf(pid) === leaving.child.pid);
    await submitted.printed(new RegExp(`a record in process ${executor}\\b`));
    const drained = await fanfold(["worker", "--drain", "w1", ...cluster()]);
    expect(drained.stdout).toMatch(/^w1-[0-9a-f]+ is draining\n$/);
    const { exitCode, stdout } = await submitted.finished;
    expect(exitCode).toBe(0);
    expect((await leaving.finished).exitCode).toBe(0);
    // Its next life has another name: nobody would ever ask for them.
    expect(readdirSync(join(dir, "w1", "jobs"))).toEqual([]);
    const { stages } = JSON.parse(stdout) as {
      readonly stages: readonly { readonly failedAttempts: number; readonly lostAttempts: number }[];
    };
    expect(stages.map(({ failedAttempts, lostAttempts }) => failedAttempts + lostAttempts)).toEqual([0, 0]);
    expect((await fanfold(["worker", "--drain", "nobody", ...cluster()])).stderr).toContain("WORKER_UNKNOWN");
  });
});

describe("a map that gives other data each time", () => {
  it("fails its job when the first data are lost after a reduce task has used them", async () => {
    writeFileSync(input, "first\nsecond\n");
    const gate = join(dir, "gate");
    process.env["GATE"] = gate;
    const network = ["--slots", "1", "--network-shuffle"];
    const holder = await startWorker("w1", url, join(dir, "w1"), network);
    const submitted = submitting("fickle.ts", out);
    // The holder of the map's output waits in one partition; the other is done.
    await submitted.printed(/reducing the second key/);
    await startWorker("w2", url, join(dir, "w2"), network);
    delete process.env["GATE"];
    holder.child.kill("SIGKILL");
    writeFileSync(gate, "");
    const error = await failureOf(submitted);
    expect(error).toMatchObject({ code: "JOB_FAILED", details: { reason: "notDeterministic" } });
    expect(String(error["message"])).toContain("is not deterministic");
    expect(() => readFileSync(join(out, "part-00000.tsv"))).toThrow();
  });
});

describe("a map output that is damaged on the disk", () => {
  it("is made again, even if user code catches the error, and the job's output is right", async () => {
    // Values that do not compress: many blocks, so that some of them are read while user code runs.
    const line = (n: number): string => createHash("sha256").update(String(n)).digest("base64");
    writeFileSync(input, Array.from({ length: 20_000 }, (_, n) => `${line(n)}\n`).join(""));
    const gate = join(dir, "gate");
    process.env["GATE"] = gate;
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    delete process.env["GATE"];
    const submitted = submitting("swallows.ts", out, ["--reducers", "1", "--split-size", "2M"]);
    await submitted.printed(/about to reduce/);
    const folder = join(dir, "w1", "jobs");
    const [segment = ""] = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("segment"))
      .map((name) => join(folder, name));
    const bytes = readFileSync(segment);
    const at = Math.floor(bytes.length * 0.7);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(segment, bytes);
    writeFileSync(gate, "");
    const { exitCode, stdout } = await submitted.finished;
    expect(exitCode).toBe(0);
    expect(outputLines(out)).toEqual(["all\t20000"]);
    const { stages } = JSON.parse(stdout) as { readonly stages: readonly Readonly<Record<string, number>>[] };
    // Three reports against it, and it was made again.
    expect(stages.map(({ failedAttempts, remadeOutputs }) => [failedAttempts, remadeOutputs])).toEqual([
      [0, 1],
      [3, 0],
    ]);
  });
});

describe("a job whose workers all die in its reduce stage", () => {
  it("is done by those that come after them", async () => {
    writeFileSync(input, "one\ntwo\nthree\n");
    const gate = join(dir, "gate");
    process.env["GATE"] = gate;
    const network = ["--slots", "1", "--network-shuffle"];
    const old = await Promise.all(
      ["w1", "w2"].map((name) => startWorker(name, url, join(dir, name), network)),
    );
    const submitted = submitting("swallows.ts", out, ["--reducers", "2", "--split-size", "4"]);
    await submitted.printed(/about to reduce/);
    for (const worker of old) worker.child.kill("SIGKILL");
    writeFileSync(gate, "");
    await startWorker("w3", url, join(dir, "w3"), network);
    delete process.env["GATE"];
    expect((await submitted.finished).exitCode).toBe(0);
    expect(outputLines(out)).toEqual(["all\t3"]);
  });
});

describe("a worker that is frozen for longer than its lease, and comes back", () => {
  it("finds its work done by others, and changes nothing", async () => {
    writeFileSync(input, Array.from({ length: 60 }, (_, n) => `w${n % 3} ${n}\n`).join(""));
    const zombie = await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    const submitted = submitting("limping.ts", out, ["--split-size", "100"]);
    const executor = processesWith("executor.bundle").find((pid) => parentOf(pid) === zombie.child.pid);
    await submitted.printed(new RegExp(`a record in process ${executor}\\b`));
    for (const pid of [zombie.child.pid, executor]) process.kill(pid ?? 0, "SIGSTOP");
    await startWorker("w2", url, join(dir, "w2"), ["--slots", "1"]);
    await coordinator.printed(/worker given up/);
    expect((await submitted.finished).exitCode).toBe(0);
    const before = outputLines(out).sort();
    expect(before).toEqual(["w0\t20", "w1\t20", "w2\t20"]);
    for (const pid of [zombie.child.pid, executor]) process.kill(pid ?? 0, "SIGCONT");
    await zombie.printed(/lost the coordinator/);
    zombie.child.kill("SIGTERM");
    expect((await zombie.finished).exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(before);
    expect((await jobNamed("limping")).state).toBe("succeeded");
  });
});
