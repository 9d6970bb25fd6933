/** Pictures of real clusters, taken while they work and while parts of them die. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Coordinator } from "@fanfold/coordinator";
import { beforeEach, describe, expect, it } from "vitest";
import {
  FanfoldProcess,
  fanfold,
  jobs,
  outputLines,
  startCoordinator,
  startWorker,
  tempFolder,
  token,
} from "./fanfold-process.js";
import { Replicas } from "./replicas.js";

interface Count {
  readonly records: number;
  readonly bytes: number;
}

interface Inspected {
  readonly violations: readonly unknown[];
  readonly picture: {
    readonly parts: readonly {
      readonly node: string;
      readonly state: {
        readonly kind: string;
        readonly attempts?: readonly unknown[];
        readonly sent?: readonly Count[];
        readonly received?: readonly Count[];
      };
    }[];
  };
}

let dir: string;
let input: string;
let out: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  out = join(dir, "out");
});

async function inspected(path: string): Promise<Inspected> {
  const { stdout, stderr, exitCode } = await fanfold(["inspect", path, "--json"]);
  expect(stderr).toBe("");
  const result = JSON.parse(stdout) as Inspected;
  expect(result.violations).toEqual([]);
  expect(exitCode).toBe(0);
  return result;
}

function kinds({ picture }: Inspected): string[] {
  return [...new Set(picture.parts.map(({ state }) => state.kind))].sort();
}

/** Takes one picture after the other until the job has ended; those that were aborted are counted. */
async function picturesDuring(
  job: FanfoldProcess,
  take: (path: string) => ReturnType<typeof fanfold>,
): Promise<{ readonly paths: readonly string[]; readonly aborted: number }> {
  const paths: string[] = [];
  let aborted = 0;
  let hasEnded = false;
  void job.finished.then(() => {
    hasEnded = true;
  });
  for (let round = 0; !hasEnded; round += 1) {
    // Two at a time: they overlap.
    const pair = [0, 1].map((each) => join(dir, `picture-${round}-${each}`));
    const taken = await Promise.all(pair.map((path) => take(path)));
    taken.forEach(({ exitCode, stderr }, each) => {
      if (exitCode === 0) paths.push(pair[each]!);
      else {
        expect(stderr).toContain("SNAPSHOT_ABORTED");
        expect(existsSync(pair[each]!)).toBe(false);
        aborted += 1;
      }
    });
  }
  return { paths, aborted };
}

describe("fanfold snapshot", () => {
  it("takes overlapping pictures of three replicas and a busy shuffle, and every one adds up", async () => {
    writeFileSync(
      input,
      Array.from({ length: 150_000 }, (_, n) => `${(n * 7919) % 1e6} ${"x".repeat(90)}\n`).join(""),
    );
    const replicas = await Replicas.start(join(dir, "c"));
    const { urls } = replicas;
    for (const name of ["w1", "w2"])
      await startWorker(name, urls, join(dir, name), ["--slots", "1", "--network-shuffle"]);
    const words = [
      "submit",
      join(jobs, "sort-lines.ts"),
      input,
      "--out",
      out,
      "--split-size",
      "1M",
      "--quiet",
    ];
    const job = new FanfoldProcess([...words, "--reducers", "6", "--coordinators", urls]);
    const { paths } = await picturesDuring(job, (path) =>
      fanfold(["snapshot", "--out", path, "--coordinators", urls]),
    );
    expect((await job.finished).exitCode).toBe(0);
    const pictures = await Promise.all(paths.map((path) => inspected(path)));
    expect(pictures.length).toBeGreaterThan(1);
    for (const picture of pictures) {
      const nodes = picture.picture.parts.filter(({ state }) => state.kind === "coordinator");
      expect(nodes.map(({ node }) => node)).toEqual(["a", "b", "c"]);
    }
    expect(
      pictures.some(({ picture }) => picture.parts.some(({ state }) => (state.attempts ?? []).length > 0)),
    ).toBe(true);
  });

  it("gives up in time when a worker is frozen, leaves no file, and goes on without it once it is dead", async () => {
    writeFileSync(input, Array.from({ length: 2_000 }, (_, n) => `w${n % 50} x${n % 7}\n`).join(""));
    const { url } = await startCoordinator(join(dir, "c"));
    const frozen = await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    await startWorker("w2", url, join(dir, "w2"), ["--slots", "1"]);
    const words = ["submit", join(jobs, "slow-count.ts"), input, "--out", out, "--split-size", "1K"];
    const job = new FanfoldProcess([...words, "--coordinators", url]);
    await job.printed(/a hundred records/);
    const take = (name: string, ...more: string[]) =>
      fanfold(["snapshot", "--out", join(dir, name), "--coordinators", url, ...more]);
    const before = await take("before.json");
    expect(before).toMatchObject({ exitCode: 0 });
    frozen.child.kill("SIGSTOP");
    const aborted = await take("aborted.json", "--timeout", "1s");
    expect(aborted.stderr).toMatch(/SNAPSHOT_ABORTED.*no answer within 1000 ms from w1-/);
    expect(aborted.exitCode).toBe(1);
    expect(readdirSync(dir).filter((name) => name.startsWith("aborted"))).toEqual([]);
    frozen.child.kill("SIGKILL");
    await frozen.finished;
    const after = await take("after.json");
    expect(after).toMatchObject({ exitCode: 0 });
    // A reduce that has begun to fetch is in it with its own channels.
    const seen = kinds(await inspected(join(dir, "before.json")));
    expect(seen.filter((kind) => kind !== "fetch")).toEqual(["coordinator", "worker"]);
    await inspected(join(dir, "after.json"));
    const changes = await fanfold(["inspect", join(dir, "before.json"), join(dir, "after.json")]);
    expect(changes.stdout).toMatch(/worker w1-\w+ is gone/);
    expect((await job.finished).exitCode).toBe(0);
    expect(outputLines(out)).toHaveLength(2);
  });
});

describe("a snapshot, in whose midst a worker is killed", () => {
  it("is aborted at once, by a code and naming the worker, and leaves no file; the next one is whole", async () => {
    const told: string[] = [];
    const wakers = new Set<() => void>();
    const note = (_fields: object, message: string): void => {
      told.push(message);
      for (const wake of wakers) wake();
    };
    const saysSo = async (what: string, times: number): Promise<void> => {
      while (told.filter((line) => line.includes(what)).length < times)
        await new Promise<void>((resolve) => wakers.add(resolve));
    };
    const log = { debug: note, info: note, warn: note, error: note };
    // A lease that is too long to matter: only the broken link tells that the worker is dead.
    const options = { token, leaseMs: 600_000 };
    const coordinator = await Coordinator.start(options, { log, onFatal: () => undefined });
    try {
      const { url } = coordinator;
      const [doomed] = await Promise.all(
        ["w1", "w2"].map((name) => startWorker(name, url, join(dir, name), ["--slots", "1"])),
      );
      await saysSo("worker joined", 2);
      doomed?.child.kill("SIGSTOP");
      const words = (name: string): string[] => ["snapshot", "--out", join(dir, name), "--coordinators", url];
      const taking = new FanfoldProcess([...words("aborted.json"), "--timeout", "60s"]);
      await saysSo("is being taken", 1);
      doomed?.child.kill("SIGKILL");
      const { exitCode, stdout, stderr } = await taking.finished;
      expect(stderr).toMatch(/^error SNAPSHOT_ABORTED: The snapshot was aborted: .*w1-\w+/);
      expect(stderr).not.toContain("no answer within");
      expect([exitCode, stdout]).toEqual([1, ""]);
      expect(told.some((line) => line.startsWith("The snapshot was aborted: "))).toBe(true);
      expect(readdirSync(dir).filter((name) => name.startsWith("aborted"))).toEqual([]);
      expect(await fanfold(words("after.json"))).toMatchObject({ exitCode: 0 });
      expect(kinds(await inspected(join(dir, "after.json")))).toEqual(["coordinator", "worker"]);
    } finally {
      await coordinator.close();
    }
  });
});

describe("fanfold inspect", () => {
  it("refuses what is no snapshot, and exits with 1 when an invariant does not hold", async () => {
    const { url } = await startCoordinator(join(dir, "c"));
    await startWorker("w1", url, join(dir, "w1"), ["--slots", "1"]);
    const path = join(dir, "picture.json");
    expect(await fanfold(["snapshot", "--out", path, "--coordinators", url])).toMatchObject({ exitCode: 0 });
    const text = readFileSync(path, "utf8");
    for (const wrong of [
      "",
      "{}",
      text.slice(0, -50),
      text.replace('"version": 1', '"version": 9'),
      text.replace('"end"', '"ende"'),
    ]) {
      writeFileSync(join(dir, "wrong.json"), wrong);
      const { exitCode, stderr } = await fanfold(["inspect", join(dir, "wrong.json")]);
      expect(stderr).toContain("SNAPSHOT_INVALID");
      expect(exitCode).toBe(2);
    }
    const stray = '"attempts": [{"attempt":"j1-0-0-1-9","state":"running"}]';
    writeFileSync(join(dir, "stray.json"), text.replace(/"attempts": \[\],(?=\s*"segments")/, `${stray},`));
    const { exitCode, stdout } = await fanfold(["inspect", join(dir, "stray.json")]);
    expect(stdout).toMatch(/VIOLATED attempts: w1-\w+ runs attempt j1-0-0-1-9, of which \S+ knows nothing/);
    expect(exitCode).toBe(1);
  });
});
