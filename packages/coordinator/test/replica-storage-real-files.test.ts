/** The log on a real file system: what a process that was killed leaves, and files cut at any byte. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplicaStorage } from "../src/replica-storage.js";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-log-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The round promised last, as a restarted replica finds it. */
async function promisedIn(directory: string): Promise<number> {
  const opened = await ReplicaStorage.open(directory, { replica: "a" }, { onFatal: () => undefined });
  if (opened.damage !== undefined) throw opened.damage;
  await opened.storage.close();
  return opened.stored?.promised.round ?? 0;
}

const lastSegment = (directory: string): string =>
  join(
    directory,
    readdirSync(directory)
      .filter((name) => name.endsWith(".wal"))
      .sort()
      .at(-1) ?? "",
  );

describe("a replica's log on real files", () => {
  it("drops the torn records, and only those, wherever a real file was cut", async () => {
    const whole = join(dir, "whole");
    const opened = await ReplicaStorage.open(whole, { replica: "a" }, { onFatal: () => undefined });
    /** Bytes of the file once each promise is durable. */
    const sizes: number[] = [statSync(lastSegment(whole)).size];
    for (let round = 1; round <= 4; round += 1) {
      const records = [{ type: "promised" as const, ballot: { round, replica: "a" } }];
      await new Promise<void>((resolve) => opened.storage?.append(records, resolve));
      sizes.push(statSync(lastSegment(whole)).size);
    }
    await opened.storage?.close();
    const size = statSync(lastSegment(whole)).size;
    const seen = new Set<number>();
    for (let cut = size; cut >= (sizes[1] ?? 0); cut -= 1) {
      const torn = join(dir, `torn-${cut}`);
      cpSync(whole, torn, { recursive: true });
      truncateSync(lastSegment(torn), cut);
      const promised = await promisedIn(torn);
      seen.add(promised);
      // Every promise whose frame is whole is found; no more than one is lost at a time.
      expect(promised).toBeGreaterThanOrEqual(sizes.filter((end) => end <= cut).length - 2);
      expect(await promisedIn(torn)).toBe(promised);
      rmSync(torn, { recursive: true });
    }
    expect([...seen].sort()).toEqual([1, 2, 3, 4]);
  });

  it("has all that was acknowledged by a process that was killed while it wrote", async () => {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL("./endless-writer.mjs", import.meta.url)), dir],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const gone = new Promise((resolve) => child.once("close", resolve));
    let acknowledged = 0;
    let rest = "";
    for await (const text of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      acknowledged = Number(lines.at(-1) ?? acknowledged);
      if (acknowledged > 500) child.kill("SIGKILL");
    }
    await gone;
    expect(acknowledged).toBeGreaterThan(500);
    expect(await promisedIn(dir)).toBeGreaterThanOrEqual(acknowledged);
  });
});
