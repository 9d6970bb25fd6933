/** Every decoder that bytes from elsewhere reach: links, disks, headers; with things that it takes, to begin from. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeKey, decodeValue, encodeKey, encodeValue, readSegmentIndex } from "@fanfold/dataflow";
import {
  clientCodec,
  clientServiceCodec,
  coordinatorCodec,
  daemonCodec,
  encodePlain,
  executorCodec,
  fetcherCodec,
  holderCodec,
  protocolVersion,
  replicaCodec,
  shapeProblem,
  workerCodec,
} from "@fanfold/protocol";
import { readRecords } from "@fanfold/storage";
import { encodeNewSegment, encodeRecords, readSegment } from "../../packages/coordinator/src/log-segment.js";
import { noFacts } from "../../packages/coordinator/src/stored-record.js";
import { SegmentReader } from "../../packages/dataflow/src/segment-reader.js";
import { SegmentWriter } from "../../packages/dataflow/src/segment-writer.js";
import { RecordFileSink } from "../../packages/storage/src/record-file.js";
import { Gate, TokenSigner } from "../../packages/transport/src/index.js";

export interface Decoder {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** Throws a `FanfoldError` for what it does not take. */
  decode(bytes: Buffer): void;
}

const attempt = { jobId: "j1", stage: 0, task: 3, attempt: 1, epoch: 7 };
const split = { ranges: [{ path: "/in", start: 0, end: 10, fileBytes: 10, modifiedMs: 1.5 }] };
const worker = { workerId: "w-1", name: "w", slots: 2, hostId: "h", shuffleUrl: "ws://h:1" };
const error = { code: "INTERNAL", message: "m", details: { a: 1, b: "x", c: true }, stack: "at x" };

/** Messages of every kind of link; each codec is given them all, since a peer may send anything anywhere. */
const messages: readonly unknown[] = [
  { requestId: 1, protocolVersion, request: { type: "listJobs" } },
  { requestId: 2, protocolVersion, request: { type: "getJob", jobId: "j1" } },
  {
    requestId: 3,
    protocolVersion,
    request: { type: "putBundle", digest: "0".repeat(64), code: Buffer.from("x") },
  },
  { requestId: 4, protocolVersion, request: { type: "listEvents", afterIndex: 0, follow: true } },
  { type: "reply", requestId: 1, error },
  { type: "jobLog", entries: [{ attempt, atMs: 1, level: "info", source: "log", message: "x" }] },
  { type: "workerHello", protocolVersion, worker, running: [], heldJobs: ["j1"] },
  { type: "heartbeat", progress: [{ attempt, metrics: { recordsIn: 1 } }] },
  { type: "attemptReported", report: { type: "failed", attempt, error } },
  { type: "inputsListed", jobId: "j1", splits: [split] },
  { type: "welcome", clusterId: "c", epoch: 1, heartbeatIntervalMs: 500, leaseMs: 5_000 },
  { type: "credentials", epoch: 1, tokenKey: "-".repeat(43), segmentsToken: "a.b.c" },
  { type: "fetch", partition: 0, attempts: [attempt] },
  { type: "segment", attempt, bytes: 10 },
  { type: "chunk", data: Buffer.alloc(20, 7) },
  { type: "missing", attempt, error },
  { type: "replicaHello", id: "a", members: ["a", "b", "c"] },
  { type: "paxos", message: Buffer.from("x") },
  { type: "ready", executorId: "executor-0" },
  { type: "log", attempt, level: "info", message: "x" },
];

const codecs: Readonly<Record<string, { decode(frame: Uint8Array): unknown }>> = {
  clientServiceCodec,
  clientCodec,
  coordinatorCodec,
  workerCodec,
  daemonCodec,
  executorCodec,
  holderCodec,
  fetcherCodec,
  replicaCodec,
};

const keys: readonly unknown[] = [
  "",
  "a",
  "é\u0000",
  1,
  -0,
  2 ** 60,
  -5n,
  true,
  ["a", 1, ["b"]],
  Buffer.from("x"),
  null,
];
const values: readonly unknown[] = [
  ...keys,
  undefined,
  Number.NaN,
  new Date(0),
  new Map([["a", new Set([1])]]),
  { a: [1, "x".repeat(300)], b: { c: null } },
  new Float64Array([1, 2]),
];

/** `dir` is for formats that are read from files. */
export function decoders(dir: string): readonly Decoder[] {
  const frames = messages.map((message) => encodePlain(message));
  return [
    ...Object.entries(codecs).map(
      ([name, codec]): Decoder => ({ name, corpus: frames, decode: (bytes) => void codec.decode(bytes) }),
    ),
    { name: "frame shape", corpus: frames, decode: (bytes) => void shapeProblem(bytes) },
    { name: "key", corpus: keys.map(encodeKeyOrNothing), decode: (bytes) => void decodeKey(bytes) },
    {
      name: "value",
      corpus: values.map((value) => encodeValue(value)),
      decode: (bytes) => void decodeValue(bytes),
    },
    segmentDecoder(dir),
    recordFileDecoder(dir),
    logDecoder(),
    tokenDecoder(),
  ];
}

function encodeKeyOrNothing(key: unknown): Uint8Array {
  try {
    return encodeKey(key);
  } catch {
    return new Uint8Array();
  }
}

function segmentDecoder(dir: string): Decoder {
  const path = join(dir, "segment");
  const writer = new SegmentWriter(path, { partitions: 3, compression: "auto", isDigested: true });
  for (let n = 0; n < 300; n += 1) {
    const key = Buffer.from(encodeKey(`key ${n}`));
    const value = Buffer.from(encodeValue(n));
    writer.append(Math.floor(n / 100), key, 0, key.length, value, 0, value.length);
  }
  writer.finish();
  const corpus = [readFileSync(path)];
  return {
    name: "segment file",
    corpus,
    decode: (bytes) => {
      writeFileSync(path, bytes);
      const index = readSegmentIndex(path);
      for (let partition = 0; partition < Math.min(index.partitions, 4); partition += 1) {
        const { offset, bytes: length } = index.partition(partition);
        const slice = { path, start: offset, end: offset + length, order: 0 };
        const reader = new SegmentReader(slice, { partition, windowBytes: 4_096, keepsFileOpen: false });
        try {
          while (reader.next());
        } finally {
          reader.close();
        }
      }
    },
  };
}

function recordFileDecoder(dir: string): Decoder {
  const path = join(dir, "some.records");
  const sink = new RecordFileSink(path);
  for (const value of values) sink.writePair("k", value);
  sink.close();
  return {
    name: "record file",
    corpus: [readFileSync(path)],
    decode: (bytes) => {
      writeFileSync(path, bytes);
      for (const _pair of readRecords(path));
    },
  };
}

function logDecoder(): Decoder {
  const salt = 12_345;
  const start = encodeNewSegment(salt, 1, noFacts("a"));
  const more = [2, 3, 4].map((sequence) =>
    encodeRecords(salt, sequence, [{ type: "startsAt", firstSequence: 1 }]),
  );
  return {
    name: "log segment",
    corpus: [start, Buffer.concat([start, ...more])],
    decode: (bytes) => void readSegment("log-0000000000000001.wal", 1, bytes),
  };
}

function tokenDecoder(): Decoder {
  const nowMs = 1_700_000_000_000;
  const gate = new Gate({ secret: "a secret of a cluster", nowMs: () => nowMs });
  const token = new TokenSigner("a secret of a cluster").create({ role: "client", ttlMs: 60_000, nowMs });
  return {
    name: "signed token",
    corpus: [Buffer.from(token)],
    decode: (bytes) => {
      const peer = gate.byToken(bytes.toString("latin1"));
      // Base64 has several spellings of its last bits: what is accepted says the same.
      if (peer !== undefined && peer.role !== "client") throw new Error("a changed token was taken");
    },
  };
}

/** A folder for one run, and what removes it. */
export function fuzzFolder(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), "fanfold-fuzz-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}
