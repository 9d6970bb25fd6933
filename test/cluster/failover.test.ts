/** A job outlives any minority of coordinators, and all of them as long as their disks are there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { FanfoldProcess, fanfold, jobs, outputLines, startWorker, tempFolder } from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

let dir: string;
let input: string;
let out: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  out = join(dir, "out");
  writeFileSync(input, Array.from({ length: 2_000 }, (_, n) => `w${n % 50} x${n % 7}\n`).join(""));
});

function submitSlowly(replicas: Replicas): FanfoldProcess {
  return new FanfoldProcess([
    ...["submit", join(jobs, "slow-count.ts"), input, "--out", out, "--split-size", "1K", "--reducers", "2"],
    ...["--coordinators", replicas.urls],
  ]);
}

const expected = ["w\t2000", "x\t2000"];

async function expectSuccess(submitted: FanfoldProcess): Promise<void> {
  const { exitCode, stderr } = await submitted.finished;
  expect(stderr).toContain("succeeded");
  expect(exitCode).toBe(0);
  expect(outputLines(out).sort()).toEqual(expected);
}

describe("three coordinators", () => {
  it("go on with a job when the leader is killed in the middle of it, and keep what was finished", async () => {
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
    const submitted = submitSlowly(replicas);
    await submitted.printed(/a hundred records in process/);
    const leader = await replicas.leader();
    await replicas.kill(leader);
    await expectSuccess(submitted);
    const view = await replicas.view();
    expect(view.leader).not.toBe(leader.id);
    expect(view.toleratedFailures).toBe(0);
  });

  it("go on where they were when all of them are killed and started again", async () => {
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
    const submitted = submitSlowly(replicas);
    await submitted.printed(/a hundred records in process/);
    for (const replica of replicas.all) await replicas.kill(replica);
    for (const replica of replicas.all) await replica.start();
    await expectSuccess(submitted);
  });

  it("lose nothing by a rolling restart, one replica at a time, during a job", async () => {
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "1"]);
    const submitted = submitSlowly(replicas);
    await submitted.printed(/a hundred records in process/);
    for (const replica of replicas.all) {
      replica.process.child.kill("SIGTERM");
      expect((await replica.process.finished).exitCode).toBe(0);
      await replica.start();
      // The next may only go when this one votes again.
      while ((await replicas.view()).toleratedFailures < 1) await replicas.leader();
    }
    await expectSuccess(submitted);
  });

  it("are found by the address of any; without a quorum refuse clearly and in time, naming who is missing, and go on when one is back", async () => {
    const replicas = await Replicas.start(dir);
    await replicas.leader();
    const [first, second, third] = replicas.all;
    if (first === undefined || second === undefined || third === undefined) throw new Error("three replicas");
    for (const { url } of replicas.all) {
      const found = await fanfold(["jobs", "--json", "--coordinators", url]);
      expect([found.exitCode, found.stdout]).toEqual([0, "[]\n"]);
    }
    await replicas.kill(first);
    await replicas.kill(second);
    // Until then, the last of them may still lead, and answer under its lease.
    while ((await replicas.view()).leader !== null);
    const refused = await fanfold(["jobs", "--json", "--coordinators", replicas.urls]);
    expect(refused.exitCode).toBe(3);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: "NO_LEADER", details: { missing: "a, b" } },
    });
    expect(refused.stderr).toContain("NO_LEADER");
    expect(refused.stderr).toContain(
      `a (${first.url}), b (${second.url}) cannot be reached, and 2 of 3 are needed`,
    );
    expect((await replicas.view()).toleratedFailures).toBe(-1);
    await first.start();
    expect((await fanfold(["jobs", "--coordinators", replicas.urls])).exitCode).toBe(0);
  });

  it("are not waited for by a client whose leader is frozen", async () => {
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "2"]);
    const submitted = submitSlowly(replicas);
    await submitted.printed(/a hundred records in process/);
    const frozen = await replicas.leader();
    frozen.process.child.kill("SIGSTOP");
    await expectSuccess(submitted);
    frozen.process.child.kill("SIGCONT");
  });

  it("keep a data folder to one process", async () => {
    const replicas = await Replicas.start(dir);
    const [first] = replicas.all;
    const again = await fanfold([
      "coordinator",
      "--id",
      "a",
      "--data-dir",
      join(dir, "a"),
      "--listen",
      "127.0.0.1:0",
    ]);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain(`${join(dir, "a")} is in use by another process`);
    await replicas.leader();
    expect(first?.process.child.exitCode).toBeNull();
    await startWorker("w1", replicas.urls, join(dir, "w1"));
    const twin = await fanfold([
      "worker",
      "--name",
      "w2",
      "--coordinators",
      replicas.urls,
      "--data-dir",
      join(dir, "w1"),
    ]);
    expect(twin.exitCode).toBe(2);
  });

  it("refuse to start with a list of peers that does not fit", async () => {
    const start = (args: readonly string[]): ReturnType<typeof fanfold> =>
      fanfold(["coordinator", "--data-dir", join(dir, "x"), ...args]);
    const misspelled = await start([
      "--id",
      "d",
      "--listen",
      "127.0.0.1:7101",
      "--peers",
      "a=127.0.0.1:7101",
    ]);
    expect(misspelled.exitCode).toBe(2);
    expect(misspelled.stderr).toContain("--id d is not among the peers a");
    const twice = await start(["--id", "a", "--peers", "a=127.0.0.1:7101,a=127.0.0.1:7102"]);
    expect(twice.exitCode).toBe(2);
    expect(twice.stderr).toContain("a is named twice");
    const elsewhere = await start(["--id", "a", "--listen", "127.0.0.1:1", "--peers", "a=127.0.0.1:7101"]);
    expect(elsewhere.stderr).toContain("it is to listen on port 1");
  });
});
