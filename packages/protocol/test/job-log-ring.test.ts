import { describe, expect, it } from "vitest";
import { type JobLogEntry, JobLogRing } from "../src/index.js";
import { logCharsMax, loggedJobsMax, logLinesMax } from "../src/job-log-ring.js";

const line = (
  sequence: number,
  change: Partial<JobLogEntry> & { readonly jobId?: string } = {},
): JobLogEntry => ({
  attempt: { jobId: change.jobId ?? "j1", stage: 0, task: 0, attempt: 1, epoch: 1 },
  workerId: "w1",
  sequence,
  atMs: sequence,
  level: "info",
  source: "log",
  message: change.message ?? "a line",
});

describe("lines of jobs", () => {
  it("are kept once, whoever tells them again", () => {
    const ring = new JobLogRing();
    ring.add([line(1), line(2)]);
    const news = ring.add([line(2), line(3)]);
    expect(news.get("j1")?.map(({ sequence }) => sequence)).toEqual([3]);
    expect(ring.of("j1").map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it("are shown by time, in whichever order they came", () => {
    const ring = new JobLogRing();
    ring.add([line(3), line(1)]);
    ring.add([line(2)]);
    expect(ring.of("j1").map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  it("are bounded in number, in length and in jobs, and the latest stay", () => {
    const ring = new JobLogRing();
    ring.add(Array.from({ length: logLinesMax + 5 }, (_, n) => line(n)));
    expect(ring.of("j1")).toHaveLength(logLinesMax);
    expect(ring.of("j1")[0]?.sequence).toBe(5);
    const long = "x".repeat(60_000);
    ring.add(Array.from({ length: 100 }, (_, n) => line(n, { jobId: "j2", message: long })));
    expect(ring.of("j2")).toHaveLength(Math.floor(logCharsMax / long.length));
    for (let n = 0; n < loggedJobsMax; n += 1) ring.add([line(n, { jobId: `k${n}` })]);
    expect(ring.jobIds()).toHaveLength(loggedJobsMax);
    expect(ring.of("j1")).toEqual([]);
  });
});
