import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DurableRecord, recoverState } from "@fanfold/paxos";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplicaStorage } from "../src/replica-storage.js";
import { decodeStored, encodeStored } from "../src/stored-record.js";
import { randomOf, SimulatedDisk } from "./simulated-disk.js";
import { durableRecord } from "./stored-values.js";

let directory: string;

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "fanfold-replica-")), "data", "replica");
});

afterEach(() => {
  rmSync(join(directory, "..", ".."), { recursive: true, force: true });
});

interface OpenOptions {
  readonly files?: SimulatedDisk;
  readonly segmentBytesMax?: number;
  readonly onFatal?: (error: Error) => void;
}

/** @throws the damage, if there is any. */
async function open({ files, segmentBytesMax = 1000, onFatal }: OpenOptions = {}) {
  const opened = await ReplicaStorage.open(
    directory,
    { replica: "a", segmentBytesMax },
    {
      ...(files ? { files: files.mount() } : {}),
      onFatal:
        onFatal ??
        ((error) => {
          throw error;
        }),
    },
  );
  if (opened.damage) throw opened.damage;
  return opened;
}

function append(storage: ReplicaStorage, ...records: DurableRecord[]): Promise<void> {
  return new Promise((done) => storage.append(records, done));
}

const ballot = { round: 2, replica: "b" };

function vote(index: number): DurableRecord {
  return { type: "accepted", index, slot: { ballot, entry: { type: "noop" } } };
}

function snapshotAt(index: number): DurableRecord {
  const snapshot = {
    index,
    members: ["a", "b"],
    reign: ballot,
    sessions: [],
    state: new Map([["at", index]]),
  };
  return { type: "snapshot", snapshot };
}

function filesOf(kind: "log" | "snapshot"): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(kind))
    .sort();
}

describe("a replica's storage", () => {
  it("finds nothing in a new directory, which it makes, and nothing again if nothing was stored", async () => {
    for (let life = 0; life < 2; life += 1) {
      const { storage, stored } = await open();
      expect(stored).toBeUndefined();
      await storage.close();
    }
  });

  it("finds what any records amount to, with every value as it was", async () => {
    const lives = fc.array(fc.array(durableRecord, { minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(lives, async (appends) => {
        const files = new SimulatedDisk(randomOf(1));
        for (const records of appends) {
          const { storage } = await open({ files });
          await append(storage, ...records);
          await storage.close();
        }
        const { stored } = await open({ files });
        expect(stored).toStrictEqual(recoverState(appends.flat()));
      }),
      { numRuns: 200 },
    );
  });

  it("encodes each record so that it comes back the same", () => {
    fc.assert(
      fc.property(durableRecord, (record) => {
        expect(decodeStored(encodeStored(record))).toStrictEqual(record);
      }),
      { numRuns: 1000 },
    );
  });

  it("acknowledges in order, and shares a sync among all that waited for it", async () => {
    const files = new SimulatedDisk(randomOf(1));
    const { storage } = await open({ files, segmentBytesMax: 1_000_000 });
    files.arm();
    const order: number[] = [];
    const all = Array.from(
      { length: 100 },
      (_, i) => new Promise<void>((done) => storage.append([vote(i)], () => done(void order.push(i)))),
    );
    const late = all[0]!.then(() => Promise.all([append(storage, vote(100)), append(storage, vote(101))]));
    await Promise.all([...all, late]);
    await storage.close();
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(files.operations.filter((name) => name.startsWith("sync"))).toHaveLength(2);
  });

  it("drops whole files whose slots are not needed, and keeps everything else they said", async () => {
    const facts: DurableRecord[] = [
      { type: "incarnation", incarnation: 4, voting: true },
      { type: "remembered", replica: "c", incarnation: 7 },
      { type: "promised", ballot },
    ];
    const votes = Array.from({ length: 60 }, (_, i) => vote(i + 1));
    const { storage } = await open();
    await append(storage, ...facts);
    for (const record of votes) await append(storage, record);
    await append(storage, { type: "decided", index: 55 });
    const before = filesOf("log").length;
    await append(storage, snapshotAt(50));
    storage.truncate(50);
    await storage.close();
    expect(filesOf("log").length).toBeLessThan(before / 2);

    const { storage: again, stored } = await open();
    await again.close();
    const expected = recoverState([...facts, ...votes, { type: "decided", index: 55 }, snapshotAt(50)]);
    expect({ ...stored, slots: undefined }).toEqual({ ...expected, slots: undefined });
    expect([...stored!.slots.keys()].filter((index) => index > 50)).toEqual(
      Array.from({ length: 10 }, (_, i) => 51 + i),
    );
    expect(stored!.slots.size).toBeLessThan(30);
  });

  it("keeps slots that were learned together while any of them is needed", async () => {
    const slots = Array.from({ length: 40 }, () => ({ ballot, entry: { type: "noop" as const } }));
    const { storage } = await open();
    await append(storage, { type: "learned", first: 1, slots });
    await append(storage, vote(41));
    expect(filesOf("log")).toHaveLength(2);
    storage.truncate(39);
    await storage.close();
    const { storage: again, stored } = await open();
    await again.close();
    expect(stored?.slots.get(40)).toEqual(slots[39]);
  });

  it("drops nothing before what was appended earlier is durable", async () => {
    const disk = new SimulatedDisk(randomOf(1));
    const { storage } = await open({ files: disk });
    for (let index = 1; index <= 30; index += 1) await append(storage, vote(index));
    disk.arm();
    storage.append([snapshotAt(30)], () => undefined);
    storage.truncate(30);
    await storage.close();
    const steps = disk.operations.map((name) => name.replace(/-\d.*$/, ""));
    expect(steps.indexOf("remove log")).toBeGreaterThan(steps.indexOf("rename snapshot"));
    expect(steps.slice(steps.indexOf("rename snapshot"), steps.indexOf("remove log"))).toContain("sync log");
  });

  it("keeps one snapshot, the latest, and removes what a crash left half made", async () => {
    const { storage } = await open();
    await append(storage, snapshotAt(3), snapshotAt(5));
    await append(storage, snapshotAt(9));
    await storage.close();
    expect(filesOf("snapshot")).toHaveLength(1);
    writeFileSync(join(directory, "snapshot-0000000000000009-0123456789abcdef.tmp"), "half");
    writeFileSync(join(directory, "snapshot-0000000000000012-0123456789abcdef"), "not named by the log yet");
    const { storage: again, stored } = await open();
    await again.close();
    expect(stored?.snapshot).toEqual(
      snapshotAt(9).type === "snapshot" && recoverState([snapshotAt(9)]).snapshot,
    );
    expect(filesOf("snapshot")).toHaveLength(1);
  });

  it("stays within a bound on the disk while it takes votes, snapshots and truncations", async () => {
    const { storage } = await open({ segmentBytesMax: 20_000 });
    for (let index = 1; index <= 3000; index += 1) {
      const records = [vote(index), { type: "decided", index } as const];
      if (index % 100 === 0) {
        await append(storage, ...records, snapshotAt(index));
        storage.truncate(index - 10);
      } else storage.append(records, () => undefined);
    }
    await storage.close();
    const bytes = readdirSync(directory).reduce(
      (sum, name) => sum + readFileSync(join(directory, name)).length,
      0,
    );
    expect(bytes).toBeLessThan(100_000);
  });

  it("stops when a value cannot be stored, before anything is acknowledged", async () => {
    const fatal: Error[] = [];
    let acknowledged = 0;
    const { storage } = await open({ onFatal: (error) => void fatal.push(error) });
    const entry = { type: "command" as const, session: 0, sequence: 1, command: () => "a function" };
    storage.append([{ type: "accepted", index: 1, slot: { ballot, entry } }], () => {
      acknowledged += 1;
    });
    storage.append([vote(2)], () => {
      acknowledged += 1;
    });
    await storage.close();
    storage.append([vote(3)], () => {
      acknowledged += 1;
    });
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toMatchObject({
      code: "INTERNAL",
      message: expect.stringContaining("could not be cloned"),
    });
    expect(acknowledged).toBe(0);
  });

  it("gives up after an acknowledgement threw, since the replica's state is not to be trusted then", async () => {
    const fatal: Error[] = [];
    const { storage } = await open({ onFatal: (error) => void fatal.push(error) });
    storage.append([vote(1)], () => {
      throw new Error("the replica failed");
    });
    await storage.close();
    expect(fatal.map(({ message }) => message)).toEqual(["the replica failed"]);
  });

  it("is durable at the moment of each acknowledgement, whatever the power cut takes", async () => {
    const files = new SimulatedDisk(randomOf(1));
    const { storage } = await open({ files });
    const checks: Promise<void>[] = [];
    for (let index = 1; index <= 30; index += 1) {
      const done = (): void => {
        const copy = files.copyAfterPowerCut();
        checks.push(
          open({ files: copy }).then(({ stored }) => {
            expect(stored?.slots.has(index)).toBe(true);
          }),
        );
      };
      storage.append([vote(index), ...(index % 7 === 0 ? [snapshotAt(index)] : [])], done);
      if (index % 3 === 0) await append(storage, { type: "decided", index });
    }
    await storage.close();
    await Promise.all(checks);
    expect(checks).toHaveLength(30);
  });

  it("belongs to one replica: another one is refused, and nothing is changed", async () => {
    const directory = mkdtempSync(join(tmpdir(), "fanfold-owner-"));
    const open = (replica: string): ReturnType<typeof ReplicaStorage.open> =>
      ReplicaStorage.open(directory, { replica }, { onFatal: () => undefined });
    const first = await open("a");
    first.storage?.nameCluster("c1");
    await first.storage?.close();
    const before = readdirSync(directory).map((name) => readFileSync(join(directory, name)));
    await expect(open("b")).rejects.toMatchObject({
      code: "FOLDER_MISMATCH",
      details: { owner: "a", replica: "b" },
    });
    expect(readdirSync(directory).map((name) => readFileSync(join(directory, name)))).toEqual(before);
    const again = await open("a");
    expect(again.storage?.cluster).toBe("c1");
    await again.storage?.close();
    rmSync(directory, { recursive: true });
  });
});
