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
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeValue, runMapAttempt } from "@fanfold/dataflow";
import { type AnyJob, defineJob, type Emit, sum, textLines } from "@fanfold/job";
import {
  type ExecutorToDaemon,
  frameBytesMax,
  holderCodec,
  type SegmentHolder,
  type ShuffleReply,
  type ShuffleRequest,
} from "@fanfold/protocol";
import type { AttemptId, MapOutputEntry } from "@fanfold/scheduler";
import { createRecordSource, createSinkFactory } from "@fanfold/storage";
import {
  type Cancel,
  type Clock,
  type Link,
  type Listener,
  listen,
  type Route,
  systemSurroundings,
} from "@fanfold/transport";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Executor, ownMeans } from "../src/executor.js";
import { FetchSnapshot } from "../src/fetch-snapshot.js";
import { JobFolders } from "../src/job-folders.js";
import { KnownSegments } from "../src/known-segments.js";
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
    const slices = await fetchSegments({ ...request, known: new KnownSegments(1, sources) });
    expect(slices.map(({ order }) => order)).toEqual([3]);
    const once = fetchSegments({ ...request, known: knownOf(holders, entry) });
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
      const fetching = fetchSegments({ ...request, clock, known: new KnownSegments(1, sources) });
      await frozen.hasFrozen;
      await clock.watched;
      clock.freeze();
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
    const fetching = fetchSegments({ ...request, clock, known: knownOf(holders, entry) });
    const failed = expect(fetching).rejects.toMatchObject({
      missing: [{ task: 3 }],
      report: { code: "SEGMENT_UNAVAILABLE", message: expect.stringContaining("silent for 10 s") },
    });
    await frozen.hasFrozen;
    await clock.watched;
    clock.freeze();
    await failed;
    await frozen.listener.close();
  });
});

describe("a fetch that is slower than an attempt may stand still", () => {
  test("is no hang, as long as a few bytes come: the executor says so, and nobody is given up", async () => {
    const { request, entry, job } = await heldTwice();
    const drip = await DrippingGate.open(holder);
    const clock = new HandClock();
    const told = new Told();
    const executor = new Executor(told.link, () => undefined, {
      ...ownMeans,
      clock,
      loadJob: () => Promise.resolve(job),
    });
    const { jobId, mapStage, partition, workDir } = request;
    const reduce: AttemptId = { jobId, stage: 1, task: 0, attempt: 1, epoch: 7 };
    executor.take({
      type: "run",
      assignment: {
        ...{
          kind: "reduce",
          attempt: reduce,
          jobName: "t",
          bundle: "b",
          params: encodeValue({}),
          outputs: [],
        },
        ...{ mapStage, mapTasks: 1, partition, inputsVersion: 1, memoryBytes: 8 << 20, stallTimeoutMs },
        ...{ collectRecords: false },
      } as never,
      bundlePath: "",
      workDir,
      outputDir: workDir,
      sources: { holders: [{ shuffleUrl: drip.url, isLocal: false, token }], entries: [entry] },
      node: { id: "w1/r", worker: "w1", bornAfter: [] },
    });
    await clock.watched;
    for (let round = 1; round <= 20; round += 1) {
      await drip.pass(8);
      await told.said("progress", round, () => clock.pass(0));
      // Less than it takes to give up a holder, which is less than it takes to give up the attempt.
      clock.pass(0.4 * stallTimeoutMs);
    }
    await drip.pass(Number.POSITIVE_INFINITY);
    await told.said("finished", 1, () => clock.pass(0));
    expect(clock.elapsedMs()).toBeGreaterThan(5 * stallTimeoutMs);
    drip.close();
  });

  test("is given up before the attempt is, when nothing comes: the holder is to blame, and not the task", async () => {
    const { request, entry } = await heldTwice();
    const frozen = await frozenHolder("in the middle of a segment");
    const clock = new HandClock();
    const holders = [{ shuffleUrl: frozen.url, isLocal: false, token }];
    const fetching = fetchSegments({
      ...request,
      clock,
      stallTimeoutMs,
      known: knownOf(holders, entry),
    });
    const failed = expect(fetching).rejects.toBeInstanceOf(FetchFailure);
    await frozen.hasFrozen;
    await clock.watched;
    clock.pass(0);
    clock.pass(0.6 * stallTimeoutMs);
    await failed;
    await frozen.listener.close();
  });
});

function knownOf(holders: SegmentHolder[], entry: MapOutputEntry): KnownSegments {
  return new KnownSegments(1, { holders, entries: [entry] });
}

const stallTimeoutMs = 1_000;

/** What an executor tells its daemon. */
class Told {
  readonly messages: ExecutorToDaemon[] = [];
  readonly link: Link<ExecutorToDaemon> = {
    send: (message) => void this.messages.push(message),
    close: () => undefined,
    cut: () => undefined,
    drained: () => Promise.resolve(),
    bufferedBytes: 0,
    receivedBytes: 0,
    isOpen: true,
  };

  /** Resolves when it has said so at least so often; `look` is called again and again meanwhile. */
  async said(type: ExecutorToDaemon["type"], times: number, look: () => void): Promise<void> {
    while (this.messages.filter((message) => message.type === type).length < times) {
      const failure = this.messages.find((message) => message.type.toLowerCase().includes("failed"));
      if (failure !== undefined) throw new Error(JSON.stringify(failure));
      look();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Before a holder: the answer to a dial passes, and what comes after it as far as it is told. */
class DrippingGate {
  readonly url: string;
  readonly #server: Server;
  readonly #port: number;
  #waiting = Buffer.alloc(0);
  #allowed = 0;
  #fetcher: Socket | undefined;
  #wake: () => void = () => undefined;

  static async open(holder: Listener): Promise<DrippingGate> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new DrippingGate(server, holder.port);
  }

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (fetcher) => this.#join(fetcher));
  }

  /** Lets so many more bytes through, and resolves when they are written: all that are there yet, if it is many. */
  async pass(bytes: number): Promise<void> {
    this.#allowed += bytes;
    const isEnough = (): boolean => this.#flush() || bytes === Number.POSITIVE_INFINITY;
    while (!isEnough()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#server.close();
    this.#fetcher?.destroy();
  }

  #join(fetcher: Socket): void {
    this.#fetcher = fetcher;
    fetcher.on("error", () => undefined);
    const behind = connect(this.#port, "127.0.0.1");
    fetcher.pipe(behind);
    behind.on("error", () => undefined);
    let isDialled = false;
    behind.on("data", (data: Buffer) => {
      this.#waiting = Buffer.concat([this.#waiting, data]);
      const end = this.#waiting.indexOf("\r\n\r\n");
      if (!isDialled && end >= 0) {
        isDialled = true;
        this.#allowed += end + 4;
      }
      this.#flush();
      this.#wake();
    });
  }

  /** Whether all that may pass has passed. */
  #flush(): boolean {
    const now = this.#waiting.subarray(0, this.#allowed);
    if (now.length > 0) this.#fetcher?.write(now);
    this.#allowed -= now.length;
    this.#waiting = this.#waiting.subarray(now.length);
    return this.#allowed === 0;
  }
}

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
  return { job, request, entry, replica: { holder: 1, path: join(workDir, "segment") } };
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

  /** Time passes for whoever looks whether anything has come: what had come before is seen at the first look. */
  freeze(): void {
    this.pass(0);
    this.pass(20_000);
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
