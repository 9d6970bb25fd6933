import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runJob } from "fanfold";
import { afterEach, beforeEach, expect, it } from "vitest";
import type job from "../secondary-sort.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-example-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it("finds each station's largest rise, though readings come in any order and from several files", async () => {
  const readings = Array.from({ length: 600 }, (_, n) => ({
    station: `s${n % 5}`,
    time: new Date(Date.UTC(2024, 0, 1) + Math.floor(n / 5) * 3_600_000).toISOString(),
    degrees: ((n * 7919) % 401) / 10 - 10,
  }));
  const shuffled = readings
    .map((reading, n) => ({ reading, rank: (n * 389) % 601 }))
    .sort((a, b) => a.rank - b.rank);
  for (const part of [0, 1, 2]) {
    const rows = shuffled
      .filter((_, n) => n % 3 === part)
      .map(({ reading: r }) => `${r.station},${r.time},${r.degrees}`);
    writeFileSync(join(dir, `${part}.csv`), `station,time,degrees\n${rows.join("\n")}\n`);
  }
  const expected = new Map<string, [number, string, string]>();
  for (const station of ["s0", "s1", "s2", "s3", "s4"]) {
    const own = readings.filter((reading) => reading.station === station);
    const rises = own.slice(1).map((to, n): [number, string, string] => {
      const from = own[n] ?? to;
      return [to.degrees - from.degrees, from.time, to.time];
    });
    expected.set(
      station,
      rises.reduce((best, rise) => (rise[0] > best[0] ? rise : best)),
    );
  }
  const run = await runJob<typeof job>(new URL("../secondary-sort.ts", import.meta.url), {
    inputs: dir,
    reducers: 3,
  });
  const found = new Map<string, unknown>();
  for await (const [station, rise] of run.output()) found.set(station, rise);
  run.close();
  expect(found).toEqual(expected);
});
