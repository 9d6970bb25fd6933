import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BundleCache } from "../src/bundle-cache.js";
import { currentHostId } from "../src/host-id.js";
import { JobFolders } from "../src/job-folders.js";
import { loadJob, resolveParams } from "../src/load-job.js";
import { MapOutputs } from "../src/map-outputs.js";
import { userStack } from "../src/user-stack.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-worker-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe("the bundle cache", () => {
  const code = Buffer.from("export default 1;");
  const digest = createHash("sha256").update(code).digest("hex");

  it("asks for a bundle once, however many attempts wait for it", async () => {
    const asked: string[] = [];
    const cache = new BundleCache(dir, (wanted) => asked.push(wanted));
    const waiting = [cache.pathOf(digest), cache.pathOf(digest)];
    expect(asked).toEqual([digest]);
    cache.requestAgain();
    expect(asked).toEqual([digest, digest]);
    cache.store(digest, code);
    const [first, second] = await Promise.all(waiting);
    expect(first).toBe(second);
    expect(readFileSync(first ?? "").equals(code)).toBe(true);
    await cache.pathOf(digest);
    expect(asked).toHaveLength(2);
  });

  it("refuses a bundle that is not what it was asked for by", async () => {
    const cache = new BundleCache(dir, () => undefined);
    const waiting = cache.pathOf(digest);
    cache.store(digest, Buffer.from("export default 2;"));
    await expect(waiting).rejects.toMatchObject({ code: "JOB_LOAD_FAILED" });
  });
});

describe("the places of map outputs", () => {
  const holders = [
    { workerId: "w1", shuffleUrl: "ws://1", hostId: "here" },
    { workerId: "w2", shuffleUrl: undefined, hostId: "there" },
  ];
  const entry = (
    task: number,
    attempt: number,
    holder: number,
  ): Parameters<MapOutputs["apply"]>[0]["entries"][number] => ({
    task,
    attempt,
    epoch: 1,
    holder,
    path: `/s${task}`,
    bytes: 1,
  });

  it("are told once and then by increments, and forgotten with the job", () => {
    const outputs = new MapOutputs();
    const update = {
      jobId: "j",
      stage: 0,
      version: 1,
      isComplete: true,
      holders,
      entries: [entry(0, 1, 0), entry(1, 1, 1)],
    };
    outputs.apply(update);
    outputs.apply({ ...update, version: 2, isComplete: false, entries: [entry(1, 2, 0)] });
    const sources = outputs.sourcesOf({ jobId: "j", stage: 0 }, "t", (holder) => holder.hostId === "here");
    expect(sources.entries.map(({ task, attempt }) => [task, attempt])).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(sources.holders).toEqual([{ shuffleUrl: "ws://1", isLocal: true, token: "t" }]);
    outputs.forget("j");
    expect(outputs.sourcesOf({ jobId: "j", stage: 0 }, "t", () => true).entries).toEqual([]);
  });
});

describe("a job's folders", () => {
  it("are one an attempt, and go with the job while its records stay", () => {
    const folders = new JobFolders(dir);
    const attempt = { jobId: "j1", stage: 0, task: 1, attempt: 1, epoch: 1 };
    const work = folders.createWorkDir(attempt);
    expect(work).not.toBe(folders.createWorkDir({ ...attempt, epoch: 2 }));
    writeFileSync(join(work, "x"), "");
    expect(folders.heldJobs()).toEqual(["j1"]);
    folders.removeJob("j1");
    expect(existsSync(work)).toBe(false);
    expect(folders.heldJobs()).toEqual([]);
    expect(folders.recordsDir("j1").startsWith(dir)).toBe(true);
  });
});

describe("loading a job", () => {
  const load = (text: string): Promise<unknown> => {
    const path = join(dir, `${createHash("sha256").update(text).digest("hex")}.mjs`);
    writeFileSync(path, text);
    return loadJob(path, "my-job.ts");
  };

  it("tells a missing default export, a wrong definition and a throwing module apart", async () => {
    await expect(load("export const x = 1;")).rejects.toMatchObject({ code: "JOB_NO_DEFAULT_EXPORT" });
    await expect(load("export default { name: 'x' };")).rejects.toMatchObject({ code: "JOB_INVALID" });
    await expect(load("throw new RangeError('at load');")).rejects.toMatchObject({
      code: "JOB_LOAD_FAILED",
      message: "my-job.ts cannot be loaded: RangeError: at load",
    });
  });

  it("lists every issue of the parameters with its path", async () => {
    const issues = [{ message: "must be a number", path: ["a", { key: "b" }] }, { message: "is needed" }];
    const schema = {
      "~standard": { version: 1 as const, vendor: "t", validate: () => Promise.resolve({ issues }) },
    };
    const params = resolveParams({ params: schema } as never, {});
    await expect(params).rejects.toThrow("a.b: must be a number\n  is needed");
    expect(await resolveParams({} as never, { x: "1" })).toEqual({ x: "1" });
  });
});

describe("a user's stack", () => {
  it("keeps the author's frames and drops the engine's", () => {
    const stack = [
      "TypeError: no",
      "    at helper (/home/me/job.ts:3:1)",
      "    at Object.map (file:///home/me/packages/mine/dist/job.ts:9:11)",
      "    at emitAll (file:///opt/fanfold/worker/dist/executor.bundle.js:1:1)",
      "    at file:///opt/fanfold/worker/dist/executor.bundle.js:1:1",
      "    at JSON.parse (<anonymous>)",
      "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    ].join("\n");
    const kept = userStack(stack, ["/opt/fanfold/worker/dist"]).split("\n");
    expect(kept).toEqual(stack.split("\n").slice(0, 3));
  });
});

describe("the host's id", () => {
  it("is the same for every process of this machine, and a legal name", () => {
    expect(currentHostId()).toBe(currentHostId());
    expect(currentHostId()).toMatch(/^h[0-9a-f]{24}$/);
  });
});
