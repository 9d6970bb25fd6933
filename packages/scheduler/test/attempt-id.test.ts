import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AttemptId, formatAttemptId, isSameAttempt, parseAttemptId } from "../src/index.js";

const ids: fc.Arbitrary<AttemptId> = fc.record({
  jobId: fc.stringMatching(/^[\w.-]{1,20}$/),
  stage: fc.nat(9),
  task: fc.nat(999_999),
  attempt: fc.integer({ min: 1, max: 99 }),
  epoch: fc.nat(1e9),
});

describe("attempt ids", () => {
  it("read back as they were written, also when the job's id looks like the rest", () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(parseAttemptId(formatAttemptId(id))).toEqual(id);
      }),
    );
    const tricky = { jobId: "a-1-2-3-4", stage: 5, task: 6, attempt: 7, epoch: 8 };
    expect(parseAttemptId(formatAttemptId(tricky))).toEqual(tricky);
  });

  it("are the same if all parts are", () => {
    const id = { jobId: "j", stage: 1, task: 2, attempt: 3, epoch: 4 };
    expect(isSameAttempt(id, { ...id })).toBe(true);
    for (const other of [{ jobId: "k" }, { stage: 0 }, { task: 0 }, { attempt: 0 }, { epoch: 0 }]) {
      expect(isSameAttempt(id, { ...id, ...other })).toBe(false);
    }
  });

  it("are not read from anything else", () => {
    for (const text of [
      "",
      "j-1-2-3",
      "j/k-1-2-3-4",
      "j-1-2-3-4\n",
      "j-1-2-3-x",
      "../j-1-2-3-4",
      "-1-2-3-4",
    ]) {
      expect(() => parseAttemptId(text)).toThrow(expect.objectContaining({ code: "MESSAGE_INVALID" }));
    }
  });
});
