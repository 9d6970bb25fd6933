import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "fanfold";
import { checkLaws } from "fanfold/laws";
import { afterEach, beforeEach, expect, it } from "vitest";
import job, { type Access } from "../log-analysis.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-example-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function linesOf(out: string, prefix: string): string[] {
  const files = readdirSync(out).filter((file) => file.startsWith(prefix));
  return files.flatMap((file) => readFileSync(join(out, file), "utf8").trimEnd().split("\n"));
}

it("adds up traffic by path and status, and keeps the errors in an output of their own", async () => {
  const log = Array.from({ length: 500 }, (_, n): Access => {
    const status = n % 50 === 0 ? 503 : n % 7 === 0 ? 404 : 200;
    return { time: new Date(n * 1000).toISOString(), path: `/p/${n % 11}`, status, bytes: n };
  });
  const input = join(dir, "access.jsonl");
  writeFileSync(input, log.map((access) => `${JSON.stringify(access)}\n`).join(""));
  const traffic = new Map<string, [requests: number, bytes: number]>();
  for (const { path, status, bytes } of log) {
    const [requests, sum] = traffic.get(`${path},${status}`) ?? [0, 0];
    traffic.set(`${path},${status}`, [requests + 1, sum + bytes]);
  }
  const out = join(dir, "out");
  const options = { inputs: input, out, splitBytes: 4_000, reducers: 3 };
  const run = await runJob(new URL("../log-analysis.ts", import.meta.url), options);
  const { counters } = await run.result();
  run.close();
  const rows = linesOf(out, "part-").filter((row) => row !== "key,status,requests,bytes");
  expect(rows.sort()).toEqual([...traffic].map(([key, [n, bytes]]) => `${key},${n},${bytes}`).sort());
  const errors = linesOf(out, "errors-").map((line) => JSON.parse(line) as Access & { offset: number });
  expect(errors.map(({ time }) => time).sort()).toEqual(
    log.filter(({ status }) => status >= 500).map(({ time }) => time),
  );
  const text = readFileSync(input, "utf8");
  for (const { time, offset } of errors)
    expect(text.slice(offset, text.indexOf("\n", offset))).toContain(time);
  expect(counters).toEqual({ "server errors": 10 });
});

it("keeps the laws of a job that a cluster may cut, repeat and combine", () => {
  const records = Array.from({ length: 40 }, (_, n): Access => {
    return { time: "2030-01-01", path: `/${n % 3}`, status: n % 9 === 0 ? 503 : 200, bytes: n };
  });
  return checkLaws(job, { records });
});
