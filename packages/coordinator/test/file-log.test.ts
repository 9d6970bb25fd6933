import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "@fanfold/scheduler";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileLog } from "../src/file-log.js";

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-log-"));
  path = join(dir, "data", "log");
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const pause = (jobId: string): Command => ({ type: "jobPaused", jobId, atMs: 1 });

/** Opens, replays, proposes, waits until all is decided, closes; returns what was replayed. */
async function session(proposals: readonly Command[]): Promise<readonly string[]> {
  const log = await FileLog.open(path);
  const replayed: string[] = [];
  await log.replay((index, command) => replayed.push(`${index}:${"jobId" in command ? command.jobId : ""}`));
  if (proposals.length > 0) {
    await new Promise<void>((resolve) => {
      let left = proposals.length;
      log.onDecided = () => {
        left -= 1;
        if (left === 0) resolve();
      };
      for (const proposal of proposals) log.propose(proposal);
    });
  }
  await log.close();
  return replayed;
}

describe("the log of a single replica", () => {
  it("replays what was decided, in order, with its indexes", async () => {
    expect(await session([pause("a"), pause("b")])).toEqual([]);
    expect(await session([pause("c")])).toEqual(["1:a", "2:b"]);
    expect(await session([])).toEqual(["1:a", "2:b", "3:c"]);
  });

  it("is on the disk before a command counts as decided", async () => {
    const log = await FileLog.open(path);
    await log.replay(() => undefined);
    const sizes: number[] = [];
    await new Promise<void>((resolve) => {
      log.onDecided = (index) => {
        sizes.push(readFileSync(path).length);
        if (index === 50) resolve();
      };
      for (let n = 0; n < 50; n += 1) log.propose(pause(`job-${n}`));
    });
    await log.close();
    const whole = readFileSync(path).length;
    expect(sizes[0]).toBeGreaterThanOrEqual(whole / 50 - 2);
    expect(sizes.at(-1)).toBe(whole);
  });

  it("cuts a torn tail, wherever the last write was torn, and goes on from there", async () => {
    await session([pause("a"), pause("b"), pause("c")]);
    const whole = readFileSync(path);
    await session([]);
    const entry = whole.length / 3;
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const intact = Math.floor(length / entry);
      expect(await session([]), `torn at byte ${length}`).toHaveLength(intact);
      expect(readFileSync(path).length).toBe(intact * entry);
    }
    await session([pause("d")]);
    expect((await session([])).at(-1)).toBe("3:d");
  });

  it("refuses to start on damage with intact entries behind it, whichever byte it is", async () => {
    await session([pause("a"), pause("b"), pause("c")]);
    const whole = readFileSync(path);
    const entry = whole.length / 3;
    for (let at = 0; at < 2 * entry; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      await expect(session([]), `flipped at byte ${at}`).rejects.toMatchObject({ code: "LOG_CORRUPT" });
      expect(readFileSync(path).equals(damaged), "nothing was cut").toBe(true);
    }
  });

  it("tells when it cannot be written, and decides nothing more", async () => {
    const log = await FileLog.open("/dev/full").catch(() => undefined);
    if (log === undefined) throw new Error("/dev/full cannot be opened here");
    const decided: number[] = [];
    log.onDecided = (index) => decided.push(index);
    const failure = await new Promise<Error>((resolve) => {
      log.onFailed = resolve;
      log.propose(pause("a"));
    });
    log.propose(pause("b"));
    expect(failure).toMatchObject({ code: "DISK_FULL" });
    await log.close();
    expect(decided).toEqual([]);
  });
});
