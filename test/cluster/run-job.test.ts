/** The programmatic API, in this process. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError, type JobEvent, runJob } from "fanfold";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { outputLines, tempFolder } from "./fanfold-process.js";
import type oddKeys from "./jobs/odd-keys.js";
import type wordCount from "./jobs/word-count.js";

const jobUrl = (name: string): URL => new URL(`./jobs/${name}.ts`, import.meta.url);
let dir: string;
let input: string;

beforeEach(() => {
  dir = tempFolder();
  input = join(dir, "input.txt");
  writeFileSync(input, "b a\na\n");
});

describe("runJob", () => {
  it("streams typed pairs back without an output folder", async () => {
    const run = await runJob<typeof wordCount>(jobUrl("word-count"), {
      inputs: input,
      workers: 1,
      reducers: 1,
    });
    const pairs: [string, number][] = [];
    for await (const pair of run.output()) {
      expectTypeOf(pair).toEqualTypeOf<[key: string, value: number]>();
      pairs.push(pair);
    }
    expect(pairs).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    expect((await run.result()).out).toBeNull();
    run.close();
    expect(readdirSync(dir)).toEqual(["input.txt"]);
  });

  it("tells every state in its events, in order, also to those who ask late", async () => {
    const out = join(dir, "out");
    const run = await runJob(jobUrl("word-count"), { inputs: [input], out, workers: 1 });
    const result = await run.result();
    expect(result).toMatchObject({ name: "word-count", out });
    const events: JobEvent[] = [];
    for await (const event of run.events()) events.push(event);
    const states = events.flatMap((event) => (event.type === "stateChanged" ? event.state : []));
    const order = ["pending", "running", "committing", "succeeded"];
    expect(states.at(-1)).toBe("succeeded");
    expect(states).toEqual(order.filter((state) => states.includes(state as never)));
    expect(outputLines(out).sort()).toEqual(["a\t2", "b\t1"]);
    run.close();
  });

  it("is cancelled by run.cancel() and by an AbortSignal, and leaves no output", async () => {
    const out = join(dir, "out");
    const cancelled = await runJob(jobUrl("waits"), { inputs: input, out, workers: 1 });
    await firstLog(cancelled.events());
    await cancelled.cancel();
    await expect(cancelled.result()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    const abort = new AbortController();
    const aborted = await runJob(jobUrl("waits"), { inputs: input, out, workers: 1, signal: abort.signal });
    await firstLog(aborted.events());
    abort.abort();
    await expect(aborted.result()).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    expect(existsSync(out)).toBe(false);
    cancelled.close();
    aborted.close();
    expect(readdirSync(dir)).toEqual(["input.txt"]);
  });

  it("rejects with the user's error, its code and the record", async () => {
    writeFileSync(input, "poison\n");
    const run = await runJob(jobUrl("throws"), { inputs: input, workers: 1, maxAttempts: 2 });
    const error: unknown = await run.result().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FanfoldError);
    expect(error).toMatchObject({ code: "USER_CODE_FAILED" });
    expect((error as FanfoldError).message).toContain("cannot digest this");
    expect((error as FanfoldError).stack).toContain("throws.ts:7");
    run.close();
  });

  it("refuses before any work what can be refused", async () => {
    await expect(runJob(join(dir, "none.ts"), { inputs: input })).rejects.toMatchObject({
      code: "JOB_NOT_FOUND",
    });
    await expect(runJob(jobUrl("word-count"), { inputs: [] })).rejects.toMatchObject({ code: "USAGE" });
    await expect(runJob(jobUrl("word-count"), { inputs: input, workers: 0 })).rejects.toMatchObject({
      code: "USAGE",
    });
    await expect(runJob(jobUrl("word-count"), {} as never)).rejects.toMatchObject({ code: "USAGE" });
    await expect(runJob(jobUrl("word-count"), { inputs: join(dir, "none") })).rejects.toMatchObject({
      code: "INPUT_NOT_FOUND",
    });
    await expect(runJob(jobUrl("word-count"), { inputs: input, out: dir })).rejects.toMatchObject({
      code: "OUTPUT_EXISTS",
    });
    const declaring = new URL("../../examples/log-analysis/log-analysis.ts", import.meta.url);
    const folders = { erors: join(dir, "errors") };
    await expect(runJob(declaring, { inputs: input, out: join(dir, "out"), folders })).rejects.toMatchObject({
      code: "OUTPUT_NAME_INVALID",
      message: expect.stringMatching(/no output erors .* its outputs: \w/) as unknown,
    });
    await expect(runJob(new URL("http://127.0.0.1/x.ts"), { inputs: input })).rejects.toMatchObject({
      code: "JOB_NOT_FOUND",
    });
  });

  it("carries odd keys and values end to end, each as itself", async () => {
    const run = await runJob<typeof oddKeys>(jobUrl("odd-keys"), { inputs: input, workers: 2, reducers: 3 });
    const seen = new Map<string, unknown>();
    for await (const [name, value] of run.output()) seen.set(name, value);
    run.close();
    expect(seen.size).toBe(26);
    for (const name of ["__proto__", "constructor", "toString", "empty", "ten", "nine"]) {
      expect(seen.get(name), name).toEqual({ count: 2, same: true });
    }
    for (const [name, value] of seen) expect(value, name).toEqual({ count: 2, same: true });
  });
});

describe("input without data", () => {
  it.each([
    ["is an empty folder", null],
    ["is an empty file", ""],
    ["is one empty line", "\n"],
    ["has no record of which anything is emitted", "1 2\n3\n"],
  ])("gives empty partitions, and success, when it %s", async (_what, text) => {
    const folder = join(dir, "inputs");
    mkdirSync(folder);
    if (text !== null) writeFileSync(join(folder, "input.txt"), text);
    const out = join(dir, "out");
    const run = await runJob(jobUrl("word-count"), { inputs: folder, out, reducers: 3, inline: true });
    const { files } = await run.result();
    expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ["part-00000.tsv", 0],
      ["part-00001.tsv", 0],
      ["part-00002.tsv", 0],
    ]);
    expect(existsSync(join(out, "_SUCCESS"))).toBe(true);
    run.close();
  });
});

async function firstLog(events: AsyncIterable<JobEvent>): Promise<void> {
  for await (const event of events) if (event.type === "logged") return;
  throw new Error("the job ended without a log line");
}
