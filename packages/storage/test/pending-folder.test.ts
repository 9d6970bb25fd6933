import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { textLines } from "@fanfold/job";
import { describe, expect, test } from "vitest";
import {
  commitPublication,
  type PublishRequest,
  planSplits,
  preparePublication,
  prepareStaging,
  readManifest,
} from "../src/index.js";
import { temporaryFolder } from "./files.js";

const folder = temporaryFolder();
let cases = 0;

/** A job that has written one line for its own folder, and one for another. */
function twoFolders(): { readonly own: PublishRequest; readonly other: PublishRequest } {
  cases += 1;
  const dir = join(folder, `case-${cases}`);
  mkdirSync(dir);
  const [out, errors] = [join(dir, "out"), join(dir, "errors")];
  const attempt = join(prepareStaging(out, "job-1"), "attempts", "a");
  prepareStaging(errors, "job-1");
  mkdirSync(attempt);
  const request = (target: string, name: string): PublishRequest => {
    const path = join(attempt, `${name}.txt`);
    writeFileSync(path, "line\n");
    const file = { name, path, bytes: 5, records: 1, sha256: "00" };
    return {
      out: target,
      jobId: "job-1",
      jobName: "two",
      force: false,
      tasks: [{ stage: "reduce", index: 0, attempt: 1, outputs: [file] }],
      counters: {},
      totals: {},
      fanfoldVersion: "0",
      createdAt: "2026-01-01T00:00:00.000Z",
    };
  };
  return {
    own: { ...request(out, "part"), others: [errors] },
    other: { ...request(errors, "errors"), main: out },
  };
}

class Crash extends Error {}

describe("two folders of one job", () => {
  test("do not count before both are there, and a reader is told so", async () => {
    const { own, other } = twoFolders();
    await preparePublication(own);
    await preparePublication(other);
    expect([existsSync(own.out), existsSync(other.out)]).toEqual([false, false]);
    await commitPublication(other);
    expect(() => readManifest(other.out)).toThrow();
    const reading = { inputs: [other.out], reader: textLines().reader, splitBytes: undefined, excludes: [] };
    await expect(planSplits(reading)).rejects.toThrow("it does not count yet");
    await commitPublication(own);
    expect(readManifest(other.out)).toMatchObject({ jobId: "job-1", main: own.out });
    expect(readManifest(own.out)).toMatchObject({ folders: [other.out] });
    expect(await planSplits(reading)).toHaveLength(1);
  });

  test("are finished by whoever repeats a step that was cut short anywhere", async () => {
    const steps: string[] = [];
    const calm = twoFolders();
    for (const act of [preparePublication, commitPublication]) {
      for (const request of [calm.other, calm.own]) await act(request, (step) => void steps.push(step));
    }
    expect(steps).toContain("settle further folders");
    for (let crashAt = 1; crashAt <= steps.length; crashAt++) {
      const { own, other } = twoFolders();
      let step = 0;
      const crash = (): void => {
        step += 1;
        if (step === crashAt) throw new Crash(steps[crashAt - 1]);
      };
      for (const act of [preparePublication, commitPublication]) {
        for (const request of [other, own]) {
          await act(request, crash).catch(() => act(request, crash));
          if (act === preparePublication) expect(existsSync(request.out)).toBe(false);
        }
      }
      expect([crashAt, readManifest(own.out).files, readManifest(other.out).files]).toEqual([
        crashAt,
        readManifest(calm.own.out).files,
        readManifest(calm.other.out).files,
      ]);
    }
  });

  test("that are read between the two renames count as soon as the job's own is there", async () => {
    const { own, other } = twoFolders();
    for (const request of [other, own]) await preparePublication(request);
    await commitPublication(other);
    const cut = commitPublication(own, (step) => {
      if (step === "sync parent") throw new Crash();
    });
    await expect(cut).rejects.toThrow();
    expect(existsSync(join(other.out, "_PENDING"))).toBe(true);
    const reading = { inputs: [other.out], reader: textLines().reader, splitBytes: undefined, excludes: [] };
    expect(await planSplits(reading)).toHaveLength(1);
  });
});
