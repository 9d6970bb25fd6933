/** A coordinator and worker daemons started by hand, as on a fleet. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  parentOf,
  processesWith,
  startCoordinator,
  startWorker,
  tempFolder,
} from "./fanfold-process.js";

let dir: string;
let input: string;
let out: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  out = join(dir, "out");
  writeFileSync(input, Array.from({ length: 2_000 }, (_, n) => `w${n % 50} x${n % 7}\n`).join(""));
});

function expectedCounts(): string[] {
  const counts = new Map<string, number>();
  for (let n = 0; n < 2_000; n += 1) {
    for (const word of ["w", "x"]) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${word}\t${count}`);
}

describe("a cluster of daemons", () => {
  it("runs a submitted job on several workers, and tells its state and result", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    await startWorker("w2", url, join(dir, "w2"), ["--slots", "1"]);
    const cluster = ["--coordinators", url];
    const args = ["submit", join(jobs, "word-count.ts"), input, "--out", out, "--split-size", "2K", "--json"];
    const { exitCode, stdout } = await fanfold([...args, ...cluster]);
    expect(exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(expectedCounts());
    const { id } = JSON.parse(stdout) as { readonly id: string };
    const status = await fanfold(["status", id, "--json", ...cluster]);
    expect(JSON.parse(status.stdout)).toMatchObject({ id, state: "succeeded", name: "word-count" });
    const listed = await fanfold(["jobs", "--json", ...cluster]);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id, state: "succeeded" }]);
    expect((await fanfold(["status", "j-none", ...cluster])).exitCode).toBe(4);
  });

  it("shuffles over the network between workers that cannot read each other's files", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    for (const name of ["w1", "w2"]) {
      await startWorker(name, url, join(dir, name), ["--slots", "1", "--network-shuffle"]);
    }
    const args = [
      "submit",
      join(jobs, "word-count.ts"),
      input,
      "--out",
      out,
      "--split-size",
      "2K",
      "--quiet",
    ];
    const { exitCode } = await fanfold([...args, "--coordinators", url]);
    expect(exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(expectedCounts());
  });

  it("gives one job for one key, however often it is submitted", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    const args = ["submit", join(jobs, "word-count.ts"), input, "--out", out, "--detach", "--key", "nightly"];
    const first = await fanfold([...args, "--coordinators", url]);
    const second = await fanfold([...args, "--coordinators", url]);
    expect(first.exitCode).toBe(0);
    expect(second.stdout).toBe(first.stdout);
  });

  it("re-runs elsewhere what a killed worker ran and held", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    const doomed = await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    await startWorker("w2", url, join(dir, "w2"), ["--slots", "1"]);
    const submitted = new FanfoldProcess([
      ...["submit", join(jobs, "slow-count.ts"), input, "--out", out, "--split-size", "1K"],
      ...["--coordinators", url],
    ]);
    // The one executor of each worker has finished several maps by now, and is in the middle of another.
    const executor = processesWith("executor.bundle").find((pid) => parentOf(pid) === doomed.child.pid);
    await submitted.printed(new RegExp(`a hundred records in process ${executor}\\b`));
    doomed.child.kill("SIGKILL");
    const { exitCode, stderr } = await submitted.finished;
    expect(stderr).toContain("succeeded");
    expect(exitCode).toBe(0);
    expect(outputLines(out).sort()).toEqual(expectedCounts());
  });

  it("keeps its jobs when the coordinator is killed and started again", async () => {
    const first = await startCoordinator(join(dir, "c"));
    const port = Number(new URL(first.url).port);
    const cluster = ["--coordinators", first.url];
    const args = ["submit", join(jobs, "word-count.ts"), input, "--out", out, "--detach", "--json"];
    const submitted = await fanfold([...args, ...cluster]);
    const { id } = JSON.parse(submitted.stdout) as { readonly id: string };
    first.process.child.kill("SIGKILL");
    await first.process.finished;
    await startCoordinator(join(dir, "c"), port);
    await startWorker("w1", first.url, join(dir, "w1"));
    const followed = await fanfold(["status", id, "--follow", "--json", ...cluster]);
    expect(followed.exitCode).toBe(0);
    expect(JSON.parse(followed.stdout)).toMatchObject({ id, state: "succeeded" });
    expect(outputLines(out).sort()).toEqual(expectedCounts());
  });

  it("pauses, resumes and cancels a job, and shows what its code logged", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    const cluster = ["--coordinators", url];
    const args = ["submit", join(jobs, "waits.ts"), input, "--out", out, "--detach", "--json", ...cluster];
    const { id } = JSON.parse((await fanfold(args)).stdout) as { readonly id: string };
    const following = new FanfoldProcess(["logs", id, "--follow", ...cluster]);
    await following.printed(/\[0\.0#1 info\] waiting \{"line":"w0 x0"\}/);
    const states: string[] = [];
    for (const verb of ["pause", "resume", "cancel"]) {
      const { stdout } = await fanfold([verb, id, "--json", ...cluster]);
      states.push((JSON.parse(stdout) as { readonly state: string }).state);
    }
    expect(states).toEqual(["paused", "running", "cancelled"]);
    expect((await following.finished).exitCode).toBe(0);
    const logs = await fanfold(["logs", id, "--json", ...cluster]);
    expect(JSON.parse(logs.stdout.split("\n")[0] ?? "")).toMatchObject({ level: "info", message: "waiting" });
    const waited = await fanfold(["status", id, "--follow", ...cluster]);
    expect(waited.exitCode).toBe(5);
    expect(readdirSync(dir).filter((name) => name.includes("out"))).toEqual([]);
  });

  it("drains a worker on SIGTERM: what it runs is finished, and it ends", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    const leaving = await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    leaving.child.kill("SIGTERM");
    expect((await leaving.finished).exitCode).toBe(0);
  });

  it("refuses strangers, and says so when nobody is there", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    const stranger = await fanfold(["jobs", "--coordinators", url], {
      env: { FANFOLD_TOKEN: "some-other-token-entirely" },
    });
    expect(stranger.exitCode).toBe(3);
    expect(stranger.stderr).toContain("UNAUTHORIZED");
    const nobody = await fanfold(["jobs", "--coordinators", "ws://127.0.0.1:1"]);
    expect(nobody.exitCode).toBe(3);
    expect(nobody.stderr).toContain("NO_COORDINATOR");
    const open = await fanfold(["coordinator", "--listen", "0.0.0.0:0", "--data-dir", join(dir, "open")]);
    expect(open.exitCode).toBe(2);
    expect(readdirSync(dir)).not.toContain("open");
  });
});
