import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSize, sizeText } from "../bench/byte-sizes.js";
import { accessLogs } from "../bench/data/access-logs.js";
import { type DataKind, dataFile } from "../bench/data/data-file.js";
import { type RecordGenerator, recordBytesMax } from "../bench/data/record-generator.js";
import { sortRecords } from "../bench/data/sort-records.js";
import { zipfText } from "../bench/data/zipf-text.js";

const generators = { zipf: zipfText, sort: sortRecords, json: accessLogs } as const;
const kinds: readonly DataKind[] = ["zipf", "sort", "json"];

function recordsOf(generator: RecordGenerator, count: number): string[] {
  const target = Buffer.alloc(recordBytesMax);
  return Array.from({ length: count }, () => target.toString("utf8", 0, generator.write(target, 0)));
}

describe("the benchmark's data", () => {
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "fanfold-bench-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.each(kinds)("%s is the same for the same seed, and another for another", (kind) => {
    const make = generators[kind];
    expect(recordsOf(make(7), 200)).toEqual(recordsOf(make(7), 200));
    expect(recordsOf(make(7), 200)).not.toEqual(recordsOf(make(8), 200));
  });

  it.each(kinds)("%s does not depend on where in a buffer a record is written", (kind) => {
    const apart = recordsOf(generators[kind](3), 100).join("");
    const together = Buffer.alloc(100 * recordBytesMax);
    const generator = generators[kind](3);
    let end = 0;
    for (let i = 0; i < 100; i += 1) end = generator.write(together, end);
    expect(together.toString("utf8", 0, end)).toBe(apart);
  });

  it("gives sort records of exactly 100 printable bytes with a key of ten", () => {
    for (const record of recordsOf(sortRecords(1), 500)) {
      expect(Buffer.byteLength(record)).toBe(100);
      expect(record).toMatch(/^[!-~]{10} [ -~]{88}\n$/);
    }
  });

  it("gives access logs that JSON.parse reads, with escapes here and there", () => {
    const lines = recordsOf(accessLogs(1), 20_000);
    for (const line of lines.slice(0, 500)) {
      expect(JSON.parse(line)).toMatchObject({
        time: expect.stringMatching(/^2024-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        path: expect.stringMatching(/^\/\S+$/),
        status: expect.any(Number),
        bytes: expect.any(Number),
      });
    }
    const escaped = lines.filter((line) => line.includes("\\"));
    expect(escaped.length).toBeGreaterThan(0);
    for (const line of escaped) expect(() => JSON.parse(line)).not.toThrow();
  });

  it("gives text of Zipf's law in lines of 80 to 100 characters, some of it outside ASCII", () => {
    const lines = recordsOf(zipfText(1), 20_000);
    const counts = new Map<string, number>();
    let words = 0;
    let foreign = 0;
    for (const line of lines) {
      expect(line.length).toBeGreaterThan(75);
      expect(line.length).toBeLessThan(101);
      for (const word of line.trimEnd().split(" ")) {
        counts.set(word, (counts.get(word) ?? 0) + 1);
        words += 1;
        if (/[^ -~]/.test(word)) foreign += 1;
      }
    }
    expect(foreign / words).toBeGreaterThan(0.02);
    expect(foreign / words).toBeLessThan(0.03);
    const [first = 0, second = 0, , fourth = 0] = [...counts.values()].sort((a, b) => b - a);
    expect(first / second).toBeCloseTo(2, 0);
    expect(first / fourth).toBeCloseTo(4, 0);
  });

  it.each(kinds)("%s files end with the record that reaches the size asked for", (kind) => {
    const bytes = 3_000_000;
    const file = dataFile({ kind, bytes, seed: 1, dir });
    const text = readFileSync(file.path);
    expect(file.isNew).toBe(true);
    expect(text.length).toBe(file.bytes);
    expect(file.bytes).toBeGreaterThanOrEqual(bytes);
    expect(file.bytes).toBeLessThan(bytes + recordBytesMax);
    const lines = text.toString("utf8").split("\n");
    expect(lines.pop()).toBe("");
    expect(lines.length).toBe(file.records);
  });

  it("makes a file once for the same parameters, and again for others or when it was cut", () => {
    const request = { kind: "json", bytes: 10_000, seed: 1, dir } as const;
    const first = dataFile(request);
    const text = readFileSync(first.path, "utf8");
    expect(dataFile(request)).toEqual({ ...first, isNew: false });
    writeFileSync(first.path, text.slice(0, 100));
    expect(dataFile(request).isNew).toBe(true);
    expect(readFileSync(first.path, "utf8")).toBe(text);
    expect(dataFile({ ...request, seed: 2 }).isNew).toBe(true);
    expect(readFileSync(first.path, "utf8")).not.toBe(text);
  });
});

describe("sizes", () => {
  it.each([
    ["1", 1],
    ["64K", 65_536],
    ["512M", 536_870_912],
    ["1.5g", 1_610_612_736],
  ])("reads %s as %i", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(["", "M", "-1", "0", "12Q", "1 2", "1e3"])("refuses %j", (text) => {
    expect(() => parseSize(text)).toThrow("is not a size");
  });

  it.each([1, 1023, 1024, 1536, 5_000_000, 512 * 1024 ** 2, 2 * 1024 ** 3])(
    "writes %i as it is read",
    (bytes) => {
      expect(parseSize(sizeText(bytes))).toBe(bytes);
    },
  );
});
