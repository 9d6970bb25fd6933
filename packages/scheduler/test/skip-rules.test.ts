import { describe, expect, it } from "vitest";
import { describeJob, JobTable } from "../src/index.js";
import { failed, finished, jobId, tableOf, theJob } from "./table-commands.js";

const skipped = (count: number, ...first: string[]) => ({ result: { skipped: { count, first } } });

describe("bad records that are skipped", () => {
  it("count once, for the attempt that wins", () => {
    const table = tableOf(2, 1, { skipBadRecords: 5 });
    table.apply(finished(0, 0, skipped(2, "x", "y")));
    table.apply(finished(0, 0, { attempt: 2, ...skipped(3, "z") }));
    expect(describeJob(theJob(table)).skippedRecords).toBe(2);
    table.apply(finished(0, 1, skipped(1, "w")));
    expect(describeJob(theJob(table)).skippedRecords).toBe(3);
  });

  it("of an output that is made again take the place of those before", () => {
    const table = tableOf(2, 1, { skipBadRecords: 2 });
    table.apply(finished(0, 0, skipped(2, "x", "y")));
    table.apply(finished(0, 1));
    table.apply({ type: "outputsLost", jobId, stage: 0, tasks: [0], workerId: "w1", atMs: 5 });
    table.apply(finished(0, 0, { attempt: 2, workerId: "w2", ...skipped(2, "x", "y") }));
    expect(theJob(table).state).toBe("running");
    expect(describeJob(theJob(table)).skippedRecords).toBe(2);
  });

  it("end the job when they are too many together, naming their number and the first", () => {
    const table = tableOf(2, 1, { skipBadRecords: 3 });
    table.apply(finished(0, 0, skipped(2, "RECORD_MALFORMED: first", "second")));
    expect(theJob(table).state).toBe("running");
    table.apply(finished(0, 1, skipped(2, "third", "fourth")));
    const job = theJob(table);
    expect(job.state).toBe("failed");
    expect(job.error).toMatchObject({ code: "SKIP_LIMIT_EXCEEDED", details: { max: 3, count: 4 } });
    expect(job.error?.message).toContain("RECORD_MALFORMED: first");
    expect(describeJob(job).skippedRecords).toBe(4);
  });

  it("that are too many in one attempt end the job at once: another attempt would meet them again", () => {
    const table = tableOf(2, 1, { skipBadRecords: 3 });
    table.apply(failed(0, 0, 1, { error: { code: "SKIP_LIMIT_EXCEEDED", message: "more than 3" } }));
    expect(theJob(table).error?.code).toBe("SKIP_LIMIT_EXCEEDED");
  });

  it("are refused from a job that skips none", () => {
    const table = tableOf(2, 1);
    table.apply(finished(0, 0, skipped(1, "x")));
    expect(theJob(table).error?.code).toBe("SKIP_LIMIT_EXCEEDED");
  });

  it("stand in the snapshot of the table", () => {
    const table = tableOf(2, 1, { skipBadRecords: 5 });
    table.apply(finished(0, 0, skipped(2, "x", "y")));
    const restored = JobTable.fromSnapshot(table.toSnapshot());
    expect(restored.checksum()).toBe(table.checksum());
    expect(describeJob(theJob(restored)).skippedRecords).toBe(2);
  });
});
