import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkTarget, prepareAttemptOutputDir, prepareStaging, stagingDirOf } from "../src/index.js";
import { fileOf, temporaryFolder } from "./files.js";

const folder = temporaryFolder();

function codeOf(out: string, force = false): unknown {
  try {
    checkTarget(out, { force });
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("checking a target before any work", () => {
  test("accepts a name that is free, however odd, and leaves nothing behind", () => {
    const parent = join(folder, "free");
    mkdirSync(parent);
    for (const name of ["out", "with space and é", "x".repeat(255), "-dash", "new\nline"]) {
      expect(codeOf(join(parent, name)), name).toBeUndefined();
    }
    expect(readdirSync(parent)).toEqual([]);
  });

  test("refuses what exists, unless it is a folder to be replaced", () => {
    const existing = join(folder, "existing");
    mkdirSync(existing);
    expect(codeOf(existing)).toBe("OUTPUT_EXISTS");
    expect(codeOf(existing, true)).toBeUndefined();
    const file = fileOf(folder, "file", "x");
    expect(codeOf(file)).toBe("OUTPUT_EXISTS");
    expect(codeOf(file, true)).toBe("OUTPUT_UNWRITABLE");
    symlinkSync("nowhere", join(folder, "dangling"));
    expect(codeOf(join(folder, "dangling"))).toBe("OUTPUT_EXISTS");
  });

  test("refuses to replace the current folder, or one around it", () => {
    for (const out of [process.cwd(), dirname(process.cwd()), "/"]) {
      expect(codeOf(out, true), out).toBe("OUTPUT_UNWRITABLE");
    }
  });

  test("refuses a parent that is missing, a file, or cannot be written to", () => {
    expect(codeOf(join(folder, "missing", "out"))).toBe("OUTPUT_UNWRITABLE");
    expect(codeOf(join(fileOf(folder, "plain", ""), "out"))).toBe("OUTPUT_UNWRITABLE");
    expect(codeOf("/proc/out")).toBe("OUTPUT_UNWRITABLE");
    expect(codeOf(join(folder, "x".repeat(256)))).toBe("OUTPUT_UNWRITABLE");
  });
});

describe("the staging folder", () => {
  test("is a hidden sibling of the target, of its own for each job", () => {
    expect(stagingDirOf("/data/out", "job-1")).toBe("/data/.out.fanfold-job-1");
    const long = `/data/${"é".repeat(120)}`;
    const name = stagingDirOf(long, "j".repeat(100)).slice("/data/".length);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(stagingDirOf(`${long}x`, "j")).not.toBe(stagingDirOf(long, "j"));
    expect(() => stagingDirOf("/data/out", "../up")).toThrow(
      expect.objectContaining({ code: "MESSAGE_INVALID" }),
    );
  });

  test("may be prepared twice; an attempt's folder is empty each time", () => {
    const out = join(folder, "twice");
    const staging = prepareStaging(out, "job-1");
    const dir = prepareAttemptOutputDir(staging, 1, 2, 3);
    fileOf(dir, "part.tsv", "x");
    expect(prepareStaging(out, "job-1")).toBe(staging);
    expect(prepareAttemptOutputDir(staging, 1, 2, 3)).toBe(dir);
    expect(readdirSync(dir)).toEqual([]);
  });
});
