import { isDeepStrictEqual } from "node:util";
import { type DurableRecord, type DurableState, recoverState } from "@fanfold/paxos";
import { describe, expect, it } from "vitest";
import { frameAt } from "../src/log-frame.js";
import { readSegment } from "../src/log-segment.js";
import { type OpenedReplicaStorage, ReplicaStorage } from "../src/replica-storage.js";
import { randomOf, SimulatedDisk } from "./simulated-disk.js";

const segmentBytesMax = 900;
const salts = randomOf(7);

function open(files: SimulatedDisk): Promise<OpenedReplicaStorage> {
  const onFatal = (error: Error): void => {
    throw error;
  };
  return ReplicaStorage.open(
    "replica",
    { replica: "a", segmentBytesMax },
    { files: files.mount(), onFatal, random: () => salts(2 ** 32) },
  );
}

/** Each append in a write of its own, and the files closed. */
async function write(files: SimulatedDisk, appends: readonly (readonly DurableRecord[])[]): Promise<void> {
  const { storage, damage } = await open(files);
  if (damage) throw damage;
  for (const records of appends) await new Promise<void>((done) => storage.append(records, done));
  await storage.close();
}

async function stateOf(files: SimulatedDisk): Promise<DurableState | undefined> {
  const { stored, damage } = await open(files);
  if (damage) throw damage;
  return stored;
}

const ballot = { round: 1, replica: "a" };

function vote(index: number, command: unknown): DurableRecord {
  const entry = { type: "command" as const, session: 0, sequence: index, command };
  return { type: "accepted", index, slot: { ballot, entry } };
}

const snapshot = { index: 5, members: ["a"], reign: ballot, sessions: [], state: "the state after five" };

/** Votes with a snapshot between, over about three segments. */
const appends: (readonly DurableRecord[])[] = [
  [
    { type: "incarnation", incarnation: 1, voting: true },
    { type: "promised", ballot },
  ],
  ...[1, 2, 3, 4, 5].map((index) => [vote(index, `command ${index}`)]),
  [{ type: "decided", index: 5 }],
  [{ type: "snapshot", snapshot }],
  ...[6, 7, 8, 9, 10, 11, 12].map((index) => [vote(index, `command ${index}`)]),
];

async function newDisk(): Promise<SimulatedDisk> {
  const files = new SimulatedDisk(randomOf(1));
  await write(files, appends);
  return files;
}

function logsOf(files: SimulatedDisk): string[] {
  return [...files.contents().keys()].filter((name) => name.startsWith("log-")).sort();
}

/** What opening a copy with this change comes to: its state, or the error. */
async function openChanged(
  files: SimulatedDisk,
  name: string,
  bytes: Uint8Array | undefined,
): Promise<OpenedReplicaStorage> {
  const copy = files.copy();
  copy.damage(name, bytes);
  const before = copy.contents();
  const opened = await open(copy);
  if (opened.damage) {
    expect(opened.damage.code).toBe("LOG_CORRUPT");
    expect(opened.damage.details["path"]).toMatch(/^replica\/(log|snapshot)-/);
    expect(opened.damage.details["offset"]).toBeTypeOf("number");
    expect(isDeepStrictEqual(copy.contents(), before)).toBe(true);
  }
  return opened;
}

describe("a damaged replica's storage", () => {
  it("is written over several segments and a snapshot for these tests", async () => {
    const files = await newDisk();
    expect(logsOf(files).length).toBeGreaterThanOrEqual(3);
    expect(files.contents().size).toBe(logsOf(files).length + 1);
    expect(await stateOf(files)).toEqual(recoverState(appends.flat()));
  });

  it("is reported for a flipped bit in any byte that carries a record", async () => {
    const files = await newDisk();
    const whole = await stateOf(files);
    for (const [name, bytes] of files.contents()) {
      const unnoticed: number[] = [];
      for (let at = 0; at < bytes.length; at += 1) {
        const flipped = bytes.slice();
        flipped[at]! ^= 1 << (at % 8);
        const opened = await openChanged(files, name, flipped);
        if (opened.damage) continue;
        expect(isDeepStrictEqual(opened.stored, whole)).toBe(true);
        unnoticed.push(at);
      }
      // The end of a file says that what comes before is complete, and carries nothing else.
      const carries = name.startsWith("snapshot") ? bytes.length : bytes.length - 60;
      expect(unnoticed.filter((at) => at < carries)).toEqual([]);
    }
  });

  it("is reported when any one file is missing", async () => {
    const files = await newDisk();
    for (const name of files.contents().keys()) {
      const { damage } = await openChanged(files, name, undefined);
      expect(damage?.details["path"], name).toBeDefined();
    }
  });

  it("is reported for zeros anywhere before the last record, with the place where they start to hurt", async () => {
    const files = await newDisk();
    for (const name of logsOf(files)) {
      const bytes = files.contents().get(name)!;
      for (let at = 0; at + 150 < bytes.length; at += 13) {
        const { damage } = await openChanged(files, name, bytes.slice().fill(0, at, at + 40));
        expect(damage?.details["path"]).toBe(`replica/${name}`);
        expect(Number(damage?.details["offset"])).toBeLessThanOrEqual(at + 40);
      }
    }
  });

  it("is reported when one entry was cut out, and the rest closed up", async () => {
    const files = await newDisk();
    const name = logsOf(files)[0]!;
    const bytes = Buffer.from(files.contents().get(name)!);
    const { salt } = readSegment(name, 1, bytes);
    const checkpoint = frameAt(bytes, 12, salt)!;
    const second = frameAt(bytes, checkpoint.end, salt)!;
    const closedUp = Buffer.concat([bytes.subarray(0, checkpoint.end), bytes.subarray(second.end)]);
    const { damage } = await openChanged(files, name, closedUp);
    expect(damage?.details).toMatchObject({ offset: checkpoint.end, reason: "entry 2 is missing" });
  });

  it("is reported for a segment in another's place, even one that is sound in itself", async () => {
    const files = await newDisk();
    const other = new SimulatedDisk(randomOf(1));
    const promise: DurableRecord = { type: "promised", ballot: { round: 9, replica: "c" } };
    await write(other, [[appends[0]![0]!, promise], ...appends.slice(1)]);
    const names = logsOf(files);
    const [, second, third] = names;
    expect((await openChanged(files, second!, files.contents().get(third!))).damage).toBeDefined();
    const foreign = other.contents().get(second!);
    expect(foreign).toBeDefined();
    expect((await openChanged(files, second!, foreign)).damage?.message).toContain("does not continue");
  });

  it("is reported for a snapshot that has lost its log", async () => {
    const files = await newDisk();
    for (const name of logsOf(files)) files.damage(name, undefined);
    expect((await open(files)).damage?.message).toContain("there is a snapshot, but no log");
  });
});

describe("a torn replica's storage", () => {
  it("drops the torn records, and only those, when its last file ends at any byte", async () => {
    const files = await newDisk();
    const last = logsOf(files).at(-1)!;
    const bytes = files.contents().get(last)!;
    const states = appends.map((_, i) => recoverState(appends.slice(0, i + 1).flat()));
    let kept = 0;
    let firstKept = appends.length;
    for (let size = 0; size <= bytes.length; size += 1) {
      const opened = await openChanged(files, last, bytes.slice(0, size));
      if (opened.damage) {
        // The file got its name after its first entry was durable.
        expect(kept).toBe(0);
        continue;
      }
      const count = states.findIndex((state) => isDeepStrictEqual(state, opened.stored)) + 1;
      expect(count).toBeGreaterThanOrEqual(kept);
      kept = count;
      firstKept = Math.min(firstKept, count);
    }
    expect(kept).toBe(appends.length);
    expect(firstKept).toBeLessThan(appends.length);
  });

  it("goes on behind the cut as if nothing had been there", async () => {
    const files = await newDisk();
    const last = logsOf(files).at(-1)!;
    const bytes = files.contents().get(last)!;
    files.damage(last, bytes.slice(0, bytes.length - 30));
    const more = [[vote(13, "command 13")], [vote(14, "command 14")]];
    await write(files, more);
    expect(await stateOf(files)).toEqual(recoverState([...appends.slice(0, -1), ...more].flat()));
  });

  it("takes no bytes of a command for an entry", async () => {
    const files = await newDisk();
    const first = files.contents();
    const images = logsOf(files).map((name) => vote(20, first.get(name)!));
    const alone = new SimulatedDisk(randomOf(1));
    await write(alone, [...appends.slice(0, 2), images]);
    const last = logsOf(alone).at(-1)!;
    const bytes = alone.contents().get(last)!;
    for (let size = bytes.length - 2000; size < bytes.length - 16; size += 7) {
      const opened = await openChanged(alone, last, bytes.slice(0, size));
      expect(opened.stored).toEqual(recoverState(appends.slice(0, 2).flat()));
    }
  });
});
