import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMapAttempt } from "@fanfold/dataflow";
import { type AnyJob, defineJob, type Emit, sum, textLines } from "@fanfold/job";
import { frameBytesMax, holderCodec, type ShuffleReply, type ShuffleRequest } from "@fanfold/protocol";
import type { AttemptId } from "@fanfold/scheduler";
import { createRecordSource, createSinkFactory } from "@fanfold/storage";
import {
  type Cancel,
  type Clock,
  type Listener,
  listen,
  type Route,
  systemSurroundings,
} from "@fanfold/transport";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FetchSnapshot } from "../src/fetch-snapshot.js";
import { JobFolders } from "../src/job-folders.js";
import { ReplicaStore } from "../src/replica-store.js";
import { SegmentReplicator } from "../src/segment-replicator.js";
import { FetchFailure, fetchSegments } from "../src/shuffle-fetch.js";
import { createShuffleRoute, shufflePath } from "../src/shuffle-holder.js";
import { WorkerSnapshot } from "../src/worker-snapshot.js";

const token = "a-token-for-tests-only";
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const attempt: AttemptId = { jobId: "job-1", stage: 0, task: 3, attempt: 1, epoch: 7 };

/** A worker that nobody takes pictures of. */
const unseen = (id: string) =>
  new WorkerSnapshot(id, { epoch: () => 7, attempts: () => [], send: () => undefined });

let dir: string;
let folders: JobFolders;
let store: ReplicaStore;
let holder: Listener;

/** A worker that holds copies, on a real socket. */
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "fanfold-replicas-"));
  folders = new JobFolders(join(dir, "holder"));
  store = new ReplicaStore({ dataDir: dir }, folders);
  holder = await listen({ frameBytesMax }, [createShuffleRoute(token, folders, store, unseen("w2"))]);
});

afterEach(async () => {
  await holder.close();
  rmSync(dir, { recursive: true, force: true });
});

function copyOf(path: string, shuffleUrl = holder.url) {
  const replicator = new SegmentReplicator(() => token, systemSurroundings, silent, unseen("w1"));
  return replicator.copy({ attempt, path, target: { workerId: "w2", shuffleUrl } });
}

function fileOf(bytes: number): string {
  const path = join(dir, "segment");
  writeFileSync(path, Buffer.alloc(bytes, "fanfold"));
  return path;
}

describe("a second copy of a segment", () => {
  test.each([0, 1, 3 * 1024 * 1024 + 5])("of %i bytes is held whole, and where is told", async (bytes) => {
    const path = fileOf(bytes);
    const replica = await copyOf(path);
    expect(replica?.workerId).toBe("w2");
    expect(readFileSync(replica?.path ?? "").equals(readFileSync(path))).toBe(true);
    expect(store.bytes).toBe(bytes);
  });

  test("is whole, or none, when the attempt is stopped and its files go before the holder answers", async () => {
    const path = fileOf(100);
    const { network } = systemSurroundings;
    const dial: typeof network.dial = (...how) => {
      rmSync(path);
      return network.dial(...how);
    };
    const surroundings = { ...systemSurroundings, network: { ...network, dial } };
    const replicator = new SegmentReplicator(() => token, surroundings, silent, unseen("w1"));
    const target = { workerId: "w2", shuffleUrl: holder.url };
    const replica = await replicator.copy({ attempt, path, target });
    expect(readFileSync(replica?.path ?? "", "utf8")).toHaveLength(100);
  });

  test("is not made where the disk would get too full, nor for a job that is over, nor where nobody is", async () => {
    const path = fileOf(100);
    const full = new ReplicaStore({ dataDir: dir, reservedBytes: Number.MAX_SAFE_INTEGER }, folders);
    expect(() => full.open(attempt, 1)).toThrow("no room");
    expect(await copyOf(path, "ws://127.0.0.1:1")).toBeUndefined();
    store.forget("job-1");
    expect(await copyOf(path)).toBeUndefined();
    expect(existsSync(folders.workDir(attempt))).toBe(false);
  });

  test("is dropped when it breaks off, and its room given back", () => {
    const incoming = store.open(attempt, 10);
    incoming.take(Buffer.alloc(4));
    incoming.abort();
    expect(readdirSync(folders.workDir(attempt))).toEqual([]);
    expect(store.bytes).toBe(0);
    expect(() => store.open(attempt, 2).take(Buffer.alloc(3))).toThrow("longer than announced");
  });

  test("is fetched when the first holder does not answer", async () => {
    const { request, entry, replica } = await heldTwice();
    const holders = [{ shuffleUrl: "ws://127.0.0.1:1", isLocal: false, token }, secondHolder()];
    const sources = { holders, entries: [{ ...entry, replica }] };
    const slices = await fetchSegments({ ...request, sources });
    expect(slices.map(({ order }) => order)).toEqual([3]);
    const once = fetchSegments({ ...request, sources: { holders, entries: [entry] } });
    await expect(once).rejects.toBeInstanceOf(FetchFailure);
  });

  test.each(["before a word", "in the middle of a segment"] as const)(
    "is fetched when the first holder freezes %s, and the link to it is given up",
    async (moment) => {
      const { request, entry, replica } = await heldTwice();
      const frozen = await frozenHolder(moment);
      const clock = new HandClock();
      const holders = [{ shuffleUrl: frozen.url, isLocal: false, token }, secondHolder()];
      const sources = { holders, entries: [{ ...entry, replica }] };
      const fetching = fetchSegments({ ...request, clock, sources });
      await frozen.hasFrozen;
      await clock.watched;
      clock.pass(20_000);
      const slices = await fetching;
      expect(slices.map(({ order }) => order)).toEqual([3]);
      expect(slices[0]?.path).toContain("replica");
      await frozen.closed;
      await frozen.listener.close();
    },
  );

  test("that nobody holds: the fetch from a frozen holder fails, saying for how long it was silent", async () => {
    const { request, entry } = await heldTwice();
    const frozen = await frozenHolder("in the middle of a segment");
    const clock = new HandClock();
    const holders = [{ shuffleUrl: frozen.url, isLocal: false, token }];
    const fetching = fetchSegments({ ...request, clock, sources: { holders, entries: [entry] } });
    const failed = expect(fetching).rejects.toMatchObject({
      missing: [{ task: 3 }],
      report: { code: "SEGMENT_UNAVAILABLE", message: expect.stringContaining("silent for 10 s") },
    });
    await frozen.hasFrozen;
    await clock.watched;
    clock.pass(20_000);
    await failed;
    await frozen.listener.close();
  });
});

const secondHolder = () => ({ shuffleUrl: holder.url, isLocal: false, token });

/** A segment that the holder has, and a request for it, which names no holders yet. */
async function heldTwice() {
  const input = join(dir, "input.txt");
  writeFileSync(input, "a b\nb c\n");
  const job = defineJob({
    name: "t",
    input: textLines(),
    map(line: string, emit: Emit<string, number>) {
      for (const word of line.split(" ")) emit(word, 1);
    },
    reduce: sum(),
  }) as AnyJob;
  const workDir = folders.workDir(attempt);
  for (const folder of [workDir, join(dir, "out"), join(dir, "reader")])
    mkdirSync(folder, { recursive: true });
  const range = { path: input, start: 0, end: 8, fileBytes: 8, modifiedMs: statSync(input).mtimeMs };
  const { signal } = new AbortController();
  const { segment } = await runMapAttempt(
    {
      ...{ job, jobId: "job-1", stage: "map", taskIndex: 3, attempt: 1, params: {}, memoryBytes: 8 << 20 },
      ...{ outputDir: join(dir, "out"), workDir, split: { ranges: [range] }, partitions: 1 },
      ...{ boundaries: undefined, collectRecords: false, log: silent, signal, onProgress: () => {} },
    },
    { source: createRecordSource(job.input.reader), sinks: createSinkFactory() },
  );
  const request = {
    jobId: "job-1",
    mapStage: 0,
    partition: 0,
    workDir: join(dir, "reader"),
    signal,
    network: systemSurroundings.network,
    snapshot: new FetchSnapshot({ id: "w1/r", worker: "w1", bornAfter: [] }, attempt, () => undefined),
  };
  const entry = { task: 3, attempt: 1, epoch: 7, holder: 0, path: "/nowhere", bytes: segment?.bytes ?? 0 };
  return { request, entry, replica: { holder: 1, path: join(workDir, "segment") } };
}

/** Takes links and says nothing any more from a moment on, but keeps them open: as a stopped process does. */
async function frozenHolder(moment: "before a word" | "in the middle of a segment") {
  let froze: () => void = () => undefined;
  let close: () => void = () => undefined;
  const hasFrozen = new Promise<void>((resolve) => {
    froze = resolve;
  });
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const route: Route = {
    path: shufflePath,
    token,
    access: "fetch",
    accept: (upgrade) =>
      upgrade<ShuffleRequest, ShuffleReply>(holderCodec, (link) => {
        if (moment === "before a word") froze();
        else link.send({ type: "holderHello", snapshots: [] });
        return {
          onMessage: (request) => {
            if (request.type !== "fetch") return;
            link.send({ type: "segment", attempt, bytes: 1_000, records: 10 });
            link.send({ type: "chunk", data: new Uint8Array(400) });
            froze();
          },
          onClose: close,
        };
      }),
  };
  const listener = await listen({ frameBytesMax }, [route]);
  return { url: listener.url, hasFrozen, closed, listener };
}

/** A clock that goes when it is told to. */
class HandClock implements Clock {
  readonly watched: Promise<void>;
  #nowMs = 0;
  readonly #calls = new Set<() => void>();
  #begin: () => void = () => undefined;

  constructor() {
    this.watched = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** Time passes; whoever looks at it regularly looks once. */
  pass(ms: number): void {
    this.#nowMs += ms;
    for (const call of [...this.#calls]) call();
  }

  nowMs(): number {
    return this.#nowMs;
  }

  elapsedMs(): number {
    return this.#nowMs;
  }

  after(): Cancel {
    throw new Error("nothing here waits once");
  }

  every(_intervalMs: number, call: () => void): Cancel {
    this.#calls.add(call);
    this.#begin();
    return () => this.#calls.delete(call);
  }
}
