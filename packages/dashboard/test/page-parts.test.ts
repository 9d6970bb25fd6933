import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layOut } from "../src/charts/stage-graph.js";
import { fitted, moved, zoomed } from "../src/charts/stream-camera.js";
import { firstEnding, layOutStream, niceStep, rowAt } from "../src/charts/stream-layout.js";
import { bytesText, durationText, memoryText, shortCount } from "../src/figures.js";
import { AttemptStore } from "../src/live/attempt-store.js";
import { EventParser } from "../src/live/event-source.js";
import { userLine } from "../src/parts/job-figures.js";
import { hrefOf, parsePlace } from "../src/place.js";
import { reportHtml } from "../src/report-html.js";

const page = fileURLToPath(new URL("../page/", import.meta.url));

describe("a limit of memory", () => {
  it("is shown as it is given on the command line", () => {
    expect([256 * 1024 ** 2, 2 * 1024 ** 3, 1_000].map(memoryText)).toEqual(["256 MiB", "2 GiB", "1 kB"]);
  });
});

describe("the built page", () => {
  it("is under 60 kB gzipped, all files together", () => {
    const bytes = readdirSync(page).reduce(
      (sum, file) => sum + gzipSync(readFileSync(page + file), { level: 9 }).length,
      0,
    );
    expect(bytes).toBeLessThan(60_000);
  });

  it("names no other host, and no inline code that its policy would refuse", () => {
    const html = readFileSync(`${page}index.html`, "utf8");
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=/);
    const code = readFileSync(`${page}page.js`, "utf8") + readFileSync(`${page}page.css`, "utf8");
    const urls = [...code.matchAll(/https?:\/\/[\w.-]+/g)].map(([url]) => url);
    // Names of XML namespaces, which nobody opens.
    expect(urls.filter((url) => url !== "http://www.w3.org")).toEqual([]);
    expect(code).not.toMatch(/\beval\(|new Function\(/);
  });
});

describe("a saved report", () => {
  it("cannot be broken out of by what a job is called", () => {
    const evil = "</script><script>alert(1)</script><!--";
    const files = { script: 'const a = "</script>";', style: "a{}", hash: () => "h" };
    const html = reportHtml({ name: evil }, `x"<b>${evil}`, files);
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).not.toContain("<b>");
    const data = /id="fanfold-report">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
    expect(JSON.parse(data)).toEqual({ name: evil });
  });
});

describe("figures", () => {
  it("are short and have a unit", () => {
    expect([0, 999, 1_000, 1_234_567, 5e12].map(bytesText)).toEqual([
      "0 B",
      "999 B",
      "1 kB",
      "1.23 MB",
      "5 TB",
    ]);
    expect([0, 0.4, 5.25, 999, 1_500, 61_000, 7_300_000].map(durationText)).toEqual([
      "0 ms",
      "0.40 ms",
      "5.3 ms",
      "999 ms",
      "1.5 s",
      "1 min 1 s",
      "2 h 1 min",
    ]);
    expect([12, 12_345, 2_500_000].map(shortCount)).toEqual(["12", "12.3 k", "2.5 M"]);
  });
});

describe("addresses", () => {
  it("survive being written and read", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1 }), { maxLength: 4 }),
        fc.string({ minLength: 1 }),
        (path, text) => {
          const place = parsePlace(hrefOf(path, { text }));
          expect(place.path).toEqual(path);
          expect(place.query.get("text")).toBe(text);
        },
      ),
      { seed: 7 },
    );
  });
});

describe("server-sent events", () => {
  it("are the same wherever the stream is cut", () => {
    const text = 'event: jobs\nid: 3.1\ndata: {"a":1}\n\n:\n\ndata: x\ndata: y\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual([
        { event: "jobs", id: "3.1", data: '{"a":1}' },
        { event: "message", id: undefined, data: "x\ny" },
      ]);
    }
  });
});

describe("the user's own line", () => {
  it("is the first of the stack that is neither Node's nor a package's", () => {
    const stack = [
      "TypeError: no",
      "    at x (node:internal/process:1:2)",
      "    at y (/app/node_modules/z/index.js:3:4)",
      "    at map (/home/me/jobs/words.ts:12:5)",
      "    at other (/home/me/jobs/other.ts:1:1)",
    ].join("\n");
    expect(userLine(stack)).toEqual({ file: "/home/me/jobs/words.ts", text: "words.ts:12" });
    expect(userLine("    at file:///home/me/a.mjs:1:2")?.text).toBe("a.mjs:1");
    expect(userLine("Error: nothing")).toBeUndefined();
  });
});

describe("the plan's picture", () => {
  it("puts a stage right of all that it waits for", () => {
    const stage = (id: number, after: number[], from?: number) => ({
      id,
      kind: "map",
      after,
      input: from === undefined ? { type: "splits" } : { type: "shuffle", from },
    });
    const spots = layOut([stage(0, []), stage(1, [0]), stage(2, [1], 1), stage(3, [])]);
    expect([...spots].map(([id, { column, row }]) => [id, column, row])).toEqual([
      [0, 0, 0],
      [1, 1, 0],
      [2, 2, 0],
      [3, 0, 1],
    ]);
  });
});

function storeOf(
  rows: readonly { worker: number; slot: number; start: number | null; end: number | null; state: number }[],
): AttemptStore {
  const store = new AttemptStore();
  const zeros = rows.map(() => 0);
  store.take({
    jobId: "j",
    source: "s",
    version: rows.length,
    hasMore: false,
    total: rows.length,
    unrecorded: 0,
    workers: ["b", "a"],
    states: ["running", "won", "refused", "failed"],
    rows: {
      row: rows.map((_, i) => i),
      stage: zeros,
      task: rows.map((_, i) => i),
      attempt: zeros,
      worker: rows.map(({ worker }) => worker),
      slot: rows.map(({ slot }) => slot),
      state: rows.map(({ state }) => state),
      startMs: rows.map(({ start }) => start),
      endMs: rows.map(({ end }) => end),
      recordsIn: zeros,
      bytesIn: zeros,
      recordsOut: zeros,
      bytesOut: zeros,
      spilledBytes: zeros,
    },
  });
  return store;
}

describe("the task stream", () => {
  const store = storeOf([
    { worker: 0, slot: 0, start: 100, end: 200, state: 1 },
    { worker: 0, slot: 0, start: 210, end: null, state: 0 },
    { worker: 1, slot: 1, start: null, end: 150, state: 3 },
    { worker: 1, slot: 0, start: 90, end: 95, state: 1 },
  ]);
  const layout = layOutStream(store, () => "map", 500);

  it("has a lane for each slot that was used, by worker", () => {
    expect(layout.lanes.map(({ worker, slot, rows }) => [worker, slot, [...rows]])).toEqual([
      ["a", 0, [3]],
      ["a", 1, [2]],
      ["b", 0, [0, 1]],
    ]);
    expect([layout.fromMs, layout.toMs]).toEqual([90, 500]);
  });

  it("finds what ran at a time, give or take a pixel", () => {
    const lane = layout.lanes[2]!;
    expect(firstEnding(lane, layout.end, 201)).toBe(1);
    expect(rowAt(layout, lane, 150, 0)).toBe(0);
    expect(rowAt(layout, lane, 205, 0)).toBeUndefined();
    expect(rowAt(layout, lane, 205, 6)).toBe(0);
    expect(rowAt(layout, lane, 10_000, 0)).toBe(1);
  });

  it("keeps what is under the mouse where it is, and never gets lost", () => {
    const view = fitted({ fromMs: 0, msPerPixel: 1, top: 0, width: 1_000, height: 100 }, 0, 10_000);
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.integer({ min: 140, max: 1_000 }),
        (factor, x) => {
          const next = zoomed(view, factor, x, 10_000);
          const timeAt = (each: typeof view): number => each.fromMs + (x - 132) * each.msPerPixel;
          expect(timeAt(next)).toBeCloseTo(timeAt(view), 6);
        },
      ),
      { seed: 7 },
    );
    expect(moved(view, 10).fromMs).toBe(10 * view.msPerPixel);
  });

  it("marks round times, not too many", () => {
    expect(niceStep(10_000, 8)).toBe(2_000);
    expect(niceStep(3_600_000, 10)).toBe(600_000);
    expect(niceStep(86_400_000 * 30, 5)).toBe(86_400_000 * 6);
  });
});
