/** What operators get wrong: an address, a folder, an id. Each is noticed, named, and harms nothing. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  startCoordinator,
  startWorker,
  tempFolder,
} from "./fanfold-process.js";
import { type Replica, Replicas } from "./replicas.js";

let dir: string;
let input: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  writeFileSync(input, Array.from({ length: 500 }, (_, n) => `w${n % 50} x${n % 7}\n`).join(""));
});

function three(replicas: Replicas): readonly [Replica, Replica, Replica] {
  const [a, b, c] = replicas.all;
  if (a === undefined || b === undefined || c === undefined) throw new Error("three replicas");
  return [a, b, c];
}

describe("a misspelled address of a peer", () => {
  it("is named by both sides, and the replica that has it does not count", async () => {
    const replicas = await Replicas.start(dir);
    const [a, b, c] = three(replicas);
    while ((await replicas.view()).toleratedFailures < 1);
    await replicas.kill(c);
    const port = new URL(c.url).port;
    const peers = `a=${a.url.slice(5)},b=127.0.0.1:1,c=127.0.0.1:${port}`;
    const wrong = new FanfoldProcess([
      ...["coordinator", "--id", "c", "--listen", `127.0.0.1:${port}`, "--peers", peers],
      ...["--data-dir", join(dir, "c")],
    ]);
    await wrong.printed(
      /peer a at .* refuses: the lists of peers differ: b is ws:\/\/127.0.0.1:\d+ at a, and ws:\/\/127.0.0.1:1 at c/,
    );
    await a.process.printed(
      /refused a peer: the lists of peers differ: b is .* at a, and ws:\/\/127.0.0.1:1 at c/,
    );
    await wrong.printed(/peer b at ws:\/\/127.0.0.1:1 cannot be dialled: .*ECONNREFUSED/);
    const view = await replicas.view();
    expect(view.toleratedFailures).toBe(0);
    expect(view.replicas.find(({ id }) => id === "c")).toMatchObject({ reachable: false });
    expect(["a", "b"]).toContain(view.leader);
    expect(b.process.child.exitCode).toBeNull();
  });
});

describe("the data folder", () => {
  it("of another replica is refused, and is as it was", async () => {
    const replicas = await Replicas.start(dir);
    const [a, b, c] = three(replicas);
    await replicas.leader();
    for (const replica of [a, b]) await replicas.kill(replica);
    renameSync(join(dir, "a"), join(dir, "swap"));
    renameSync(join(dir, "b"), join(dir, "a"));
    renameSync(join(dir, "swap"), join(dir, "b"));
    const refused = await restarted(a);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain("FOLDER_MISMATCH");
    expect(refused.stderr).toContain("is the log of replica b, not of a");
    renameSync(join(dir, "a"), join(dir, "swap"));
    renameSync(join(dir, "b"), join(dir, "a"));
    renameSync(join(dir, "swap"), join(dir, "b"));
    for (const replica of [a, b]) await replica.start();
    while ((await replicas.view()).toleratedFailures < 1);
    expect(c.process.child.exitCode).toBeNull();
  });

  it("of another cluster's replica of the same name ends that replica, and the cluster goes on", async () => {
    const others = await Replicas.start(join(dir, "others"));
    while ((await others.view()).replicas.some(({ decidedIndex }) => (decidedIndex ?? 0) < 1));
    for (const replica of others.all) await others.kill(replica);
    const replicas = await Replicas.start(dir);
    const [a] = three(replicas);
    while ((await replicas.view()).replicas.some(({ decidedIndex }) => (decidedIndex ?? 0) < 1));
    await replicas.kill(a);
    renameSync(join(dir, "a"), join(dir, "own"));
    renameSync(join(dir, "others", "a"), join(dir, "a"));
    const refused = await restarted(a);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(
      /The data folder of replica a is of cluster c\w+, but its peers are of cluster c\w+/,
    );
    await replicas.leader();
    rmSync(join(dir, "a"), { recursive: true });
    renameSync(join(dir, "own"), join(dir, "a"));
    await a.start();
    while ((await replicas.view()).toleratedFailures < 1);
  });

  it("of a lone coordinator may be wiped: workers start afresh, clients are told, and new jobs run", async () => {
    const first = await startCoordinator(join(dir, "c"));
    const port = Number(new URL(first.url).port);
    const worker = await startWorker("w1", first.url, join(dir, "w1"), ["--slots", "1"]);
    const cluster = ["--coordinators", first.url];
    const lost = new FanfoldProcess([
      "submit",
      join(jobs, "waits.ts"),
      input,
      "--out",
      join(dir, "lost"),
      ...cluster,
    ]);
    await lost.printed(/waiting/);
    first.process.child.kill("SIGKILL");
    await first.process.finished;
    rmSync(join(dir, "c"), { recursive: true });
    mkdirSync(join(dir, "c"));
    await startCoordinator(join(dir, "c"), port);
    await worker.printed(/the coordinator is of another cluster now: starting afresh/);
    const { exitCode, stderr } = await lost.finished;
    expect(exitCode).toBe(4);
    expect(stderr).toMatch(
      /JOB_UNKNOWN: Job \S+ is of cluster c\w+, and its coordinators are gone: those that answer are of cluster c\w+/,
    );
    const args = ["submit", join(jobs, "word-count.ts"), input, "--out", join(dir, "out"), "--quiet"];
    expect((await fanfold([...args, ...cluster])).exitCode).toBe(0);
  });
});

describe("a replica's id", () => {
  it("must be a name, with or without peers", async () => {
    for (const more of [[], ["--peers", "a=127.0.0.1:7101"]]) {
      const refused = await fanfold(["coordinator", "--id", "a b", "--data-dir", join(dir, "x"), ...more]);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain("letters, digits");
    }
  });
});

describe("a client", () => {
  it("does not wait for a replica that is frozen, though it is asked first", async () => {
    const replicas = await Replicas.start(dir);
    const leader = await replicas.leader();
    const frozen = replicas.all.find(({ id }) => id !== leader.id);
    const rest = replicas.all.filter((replica) => replica !== frozen);
    frozen?.process.child.kill("SIGSTOP");
    const urls = [frozen, ...rest].map((replica) => replica?.url).join(",");
    const began = performance.now();
    const { exitCode } = await fanfold(["jobs", "--coordinators", urls]);
    const tookMs = performance.now() - began;
    frozen?.process.child.kill("SIGCONT");
    expect(exitCode).toBe(0);
    // A frozen replica's connections are given up after 5 s; the command itself starts in some 300 ms.
    expect(tookMs).toBeLessThan(2_000);
  });

  it("still sees what a job logged before its leader was killed", async () => {
    const replicas = await Replicas.start(dir);
    await startWorker("w1", replicas.urls, join(dir, "w1"), ["--slots", "1"]);
    const cluster = ["--coordinators", replicas.urls];
    const args = ["submit", join(jobs, "waits.ts"), input, "--out", join(dir, "out"), "--detach", "--json"];
    const { id } = JSON.parse((await fanfold([...args, ...cluster])).stdout) as { readonly id: string };
    const following = new FanfoldProcess(["logs", id, "--follow", ...cluster]);
    await following.printed(/\[0\.0#1 info\] waiting/);
    const leader = await replicas.leader();
    await replicas.kill(leader);
    const logs = await fanfold(["logs", id, ...cluster]);
    expect(logs.stdout).toMatch(/^\[0\.0#1 info\] waiting/);
    // All of them: what they kept in memory is gone, and the worker tells the next leader again.
    const others = replicas.all.filter((replica) => replica !== leader);
    for (const replica of others) await replicas.kill(replica);
    for (const replica of replicas.all) await replica.start();
    const again = new FanfoldProcess(["logs", id, "--follow", ...cluster]);
    await again.printed(/\[0\.0#1 info\] waiting/);
    await fanfold(["cancel", id, ...cluster]);
    const { stdout } = await following.finished;
    // Told again by every new leader, shown once.
    expect(stdout.match(/\[0\.0#1 info\] waiting/g)).toHaveLength(1);
  });
});

/** Starts a replica that is expected to end by itself. */
async function restarted(replica: Replica): ReturnType<typeof fanfold> {
  const process = replica.again();
  return await process.finished;
}
