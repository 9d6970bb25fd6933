import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWhole, type LogFiles } from "../src/log-files.js";
import { NodeLogFiles } from "../src/node-log-files.js";
import { randomOf, SimulatedDisk } from "./simulated-disk.js";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fanfold-files-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const implementations: [string, () => Promise<LogFiles>][] = [
  ["on a real disk", () => NodeLogFiles.open(join(directory, "a", "b"))],
  ["simulated", async () => new SimulatedDisk(randomOf(1)).mount()],
];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

describe.each(implementations)("log files %s", (_, open) => {
  it("are none at first", async () => {
    expect(await (await open()).list()).toEqual([]);
  });

  it("hold what was written, where it was written", async () => {
    const files = await open();
    const file = await files.create("f");
    await file.write(0, Buffer.from("hello world"));
    await file.write(6, Buffer.from("W"));
    await file.write(13, Buffer.from("!"));
    await file.sync();
    await file.close();
    expect(text(await files.read("f"))).toBe("hello World\0\0!");
  });

  it("are opened with what they hold, and created without", async () => {
    const files = await open();
    const first = await files.create("f");
    await first.write(0, Buffer.from("abcdef"));
    await first.close();
    const opened = await files.open("f");
    await opened.truncate(4);
    await opened.write(4, Buffer.from("X"));
    await opened.close();
    expect(text(await files.read("f"))).toBe("abcdX");
    await (await files.create("f")).close();
    expect(text(await files.read("f"))).toBe("");
  });

  it("replace another when renamed, with writes going on into the renamed file", async () => {
    const files = await open();
    await (await files.create("to")).close();
    const file = await files.create("from");
    await files.rename("from", "to");
    await file.write(0, Buffer.from("new"));
    await file.close();
    await files.syncDirectory();
    expect(await files.list()).toEqual(["to"]);
    expect(text(await files.read("to"))).toBe("new");
  });

  it("are gone when removed, and are an error when they are not there", async () => {
    const files = await open();
    await (await files.create("f")).close();
    await files.remove("f");
    expect(await files.list()).toEqual([]);
    const attempts = [
      () => files.read("f"),
      () => files.open("f"),
      () => files.remove("f"),
      () => files.rename("f", "g"),
    ];
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({ code: "ENOENT" });
    }
  });

  it("appear whole and under their own name only", async () => {
    const files = await open();
    const file = await createWhole(files, "whole", Buffer.from("all of it"));
    await file.close();
    expect(await files.list()).toEqual(["whole"]);
    expect(text(await files.read("whole"))).toBe("all of it");
  });
});

describe("the simulated disk", () => {
  it("loses at a power cut what was not synced: bytes, sizes and names", async () => {
    const disk = new SimulatedDisk(randomOf(1));
    const files = disk.mount();
    const kept = await createWhole(files, "kept", Buffer.from("synced"));
    await kept.write(6, Buffer.from(" and not"));
    const lost = await files.create("lost");
    await lost.write(0, Buffer.from("bytes"));
    await lost.sync();
    await files.rename("kept", "renamed");
    disk.cutPower("nothing");
    expect(disk.contents()).toEqual(new Map([["kept", new Uint8Array(Buffer.from("synced"))]]));
  });

  it("keeps any part of it otherwise, holes included", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 300; seed += 1) {
      const disk = new SimulatedDisk(randomOf(seed));
      const file = await createWhole(disk.mount(), "f", Buffer.from("--"));
      await file.write(2, Buffer.from("abcdefghij"));
      disk.cutPower("anyPart");
      outcomes.add(text(disk.contents().get("f")!).replace(/\0/g, "."));
    }
    expect(outcomes).toContain("--");
    expect(outcomes).toContain("--abcdefghij");
    expect([...outcomes].some((outcome) => /^--\.+[a-j]+$/.test(outcome))).toBe(true);
  });

  it("does nothing for a process that is gone", async () => {
    const disk = new SimulatedDisk(randomOf(1));
    const files = disk.mount();
    const file = await createWhole(files, "f", Buffer.from("--"));
    disk.endProcess();
    void file.write(0, Buffer.from("zz"));
    void files.remove("f");
    expect(text(await disk.mount().read("f"))).toBe("--");
  });
});
