import { FanfoldError } from "@fanfold/job";
import type { TaskAssignment } from "@fanfold/scheduler";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  type ClientToCoordinator,
  type CoordinatorToWorker,
  clientCodec,
  clientServiceCodec,
  coordinatorCodec,
  daemonCodec,
  executorCodec,
  fetcherCodec,
  holderCodec,
  protocolVersion,
  type WorkerToCoordinator,
  workerCodec,
} from "../src/index.js";

const attempt = { jobId: "j1", stage: 1, task: 2, attempt: 3, epoch: 4 };
const digest = "a".repeat(64);
const common = {
  attempt,
  bundle: digest,
  jobName: "job",
  params: new Uint8Array([1, 2]),
  memoryBytes: 1024,
  collectRecords: false,
  out: "/out",
  partitions: 4,
  inputsVersion: 0,
  stallTimeoutMs: 600_000,
};
const split = { ranges: [{ path: "/in put/ü", start: 0, end: 10, fileBytes: 10, modifiedMs: 1.5 }] };
const assignments: readonly TaskAssignment[] = [
  { ...common, kind: "map", split, boundaryCount: 3, tracesRecords: true },
  { ...common, kind: "sample", split, sampleRecordsMax: 100 },
  { ...common, kind: "reduce", partition: 3, mapStage: 0, mapTasks: 9, out: null },
];

/** Bytes arrive as Buffers; compare what they hold. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe("a message", () => {
  it.each(assignments)("of a $kind assignment arrives as it was sent", (assignment) => {
    const order: CoordinatorToWorker = { type: "assignTask", epoch: 4, assignment };
    expect(plain(workerCodec.decode(coordinatorCodec.encode(order)))).toEqual(plain(order));
  });

  it("of every kind a worker sends arrives as it was sent", () => {
    const result = {
      segment: { path: "/s", bytes: 9, digest: "d" },
      outputs: [{ name: "part", path: "/p", bytes: 1, records: 1, sha256: digest }],
      counters: { "a counter": -1.5 },
      metrics: { recordsIn: 2 ** 40 },
    };
    const error = { code: "USER_CODE_FAILED" as const, message: "m", details: { offset: 3 }, stack: "s" };
    const messages: readonly WorkerToCoordinator[] = [
      {
        type: "workerHello",
        protocolVersion,
        worker: { workerId: "w-1", name: "w", slots: 2, hostId: "h", shuffleUrl: "ws://127.0.0.1:1" },
        running: [{ attempt, inputsVersion: 1 }],
        heldJobs: ["j1"],
      },
      { type: "heartbeat", progress: [{ attempt, metrics: { recordsIn: 1 } }] },
      { type: "attemptReported", report: { type: "finished", attempt, inputsVersion: 0, result } },
      { type: "attemptReported", report: { type: "failed", attempt, error } },
      {
        type: "attemptReported",
        report: {
          type: "fetchFailed",
          attempt,
          error,
          missing: [{ stage: 0, task: 1, attempt: 1, epoch: 1 }],
        },
      },
      { type: "inputsListed", jobId: "j1", splits: [split] },
      { type: "outputPublished", jobId: "j1", step: "prepare", participant: 0, error },
      { type: "getBundle", digest },
    ];
    for (const message of messages) {
      expect(plain(coordinatorCodec.decode(workerCodec.encode(message)))).toEqual(plain(message));
    }
  });
});

const packr = new Packr({ useRecords: false });
const hello = { type: "workerHello", protocolVersion, running: [], heldJobs: [] };
const worker = { workerId: "w-1", name: "w", slots: 2, hostId: "h", shuffleUrl: "ws://x" };

describe("credentials", () => {
  it("pass whatever the bytes of the key are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const tokenKey = Buffer.from(bytes).toString("base64url");
        const order: CoordinatorToWorker = {
          type: "credentials",
          epoch: 1,
          tokenKey,
          segmentsToken: "a.b.c",
        };
        expect(workerCodec.decode(coordinatorCodec.encode(order))).toEqual(order);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a name that would be a path", () => {
  const names = [
    ...[
      "..",
      ".",
      "../../etc/cron.d/x",
      "a/b",
      "a\\b",
      "/etc/passwd",
      "C:\\x",
      "a\0b",
      "",
      " ",
      "a\nb",
      "-rf",
    ],
    ...["%2e%2e%2fx", "..%c0%af", "\u2025/x", "\uff0e\uff0e", "a:b", "x".repeat(1_000), "$(id)", "\u001b[2J"],
  ];

  const fromClient = (odd: string, digest = odd): object[] => [
    { type: "getJob", jobId: odd },
    { type: "cancel", jobId: odd },
    { type: "putBundle", digest, code: new Uint8Array(1) },
    { type: "getBundle", digest },
    { type: "drainWorker", worker: odd },
    { type: "listEvents", afterIndex: 0, jobId: odd, follow: false },
  ];
  const fromWorker = (odd: string, digest = odd): object[] => [
    { ...hello, worker: { ...worker, workerId: odd } },
    { ...hello, worker: { ...worker, name: odd } },
    { ...hello, worker, heldJobs: [odd] },
    { type: "heartbeat", progress: [{ attempt: { ...attempt, jobId: odd }, metrics: {} }] },
    { type: "getBundle", digest },
  ];
  const toWorker = (odd: string, digest = odd): object[] => [
    { type: "bundle", epoch: 1, digest, code: new Uint8Array(1) },
    { type: "discardJob", epoch: 1, jobId: odd, out: null },
    { type: "stopAttempt", epoch: 1, attempt: { ...attempt, jobId: odd }, reason: "jobOver" },
  ];
  const toHolder = (odd: string): object[] => [
    { type: "fetch", link: "l", node: "n", partition: 0, attempts: [{ ...attempt, jobId: odd }] },
  ];
  const ask = (request: object): object => ({ requestId: 1, protocolVersion, request });

  it("is taken from no client: for a job, a bundle, a worker", () => {
    const decode = (request: object): unknown =>
      plain(clientServiceCodec.decode(clientCodec.encode(ask(request) as never)));
    for (const request of fromClient("fine", digest)) expect(decode(request)).toEqual(plain(ask(request)));
    for (const request of names.flatMap((odd) => fromClient(odd)))
      expect(() => decode(request), JSON.stringify(request)).toThrow(FanfoldError);
  });

  it("is taken from no worker, and by none", () => {
    const ways = [
      { from: workerCodec, to: coordinatorCodec, messages: fromWorker },
      { from: coordinatorCodec, to: workerCodec, messages: toWorker },
      { from: fetcherCodec, to: holderCodec, messages: toHolder },
    ];
    for (const { from, to, messages } of ways) {
      const passed = (message: object): unknown => to.decode(from.encode(message as never));
      for (const message of messages("fine", digest)) expect(plain(passed(message))).toEqual(plain(message));
      for (const message of names.flatMap((odd) => messages(odd)))
        expect(() => passed(message), JSON.stringify(message)).toThrow(FanfoldError);
    }
  });
});

describe("a malformed message", () => {
  it.each([
    ["an unknown type", { type: "selfDestruct" }],
    ["no type", { slots: 1 }],
    ["an unknown field", { ...hello, worker: { ...worker, admin: true } }],
    ["a name that climbs out of its folder", { ...hello, worker: { ...worker, workerId: "../../etc" } }],
    ["a negative count", { ...hello, worker: { ...worker, slots: -1 } }],
    ["a number that is none", { ...hello, worker: { ...worker, slots: Number.NaN } }],
    ["a list instead of an object", [1, 2, 3]],
    ["nothing", null],
  ])("with %s is refused with a code and the place", (_what, message) => {
    const refused = (): unknown => coordinatorCodec.decode(packr.pack(message));
    expect(refused).toThrow(FanfoldError);
    expect(refused).toThrow(/malformed at/);
  });

  it("never pollutes prototypes", () => {
    const frame = packr.pack({ type: "heartbeat", progress: [], __proto__: null });
    coordinatorCodec.decode(frame);
    const sly = packr.pack(
      JSON.parse('{"type":"heartbeat","progress":[{"attempt":{"__proto__":{"admin":true}}}]}'),
    );
    expect(() => coordinatorCodec.decode(sly)).toThrow(FanfoldError);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it("of random bytes or a damaged frame is refused by every decoder, and nothing else happens", () => {
    const codecs = [
      workerCodec,
      coordinatorCodec,
      executorCodec,
      daemonCodec,
      fetcherCodec,
      holderCodec,
      clientCodec,
      clientServiceCodec,
    ];
    const request: ClientToCoordinator = { requestId: 1, protocolVersion, request: { type: "listJobs" } };
    const sound = [
      workerCodec.encode({ type: "draining" }),
      coordinatorCodec.encode({ type: "assignTask", epoch: 4, assignment: assignments[0] as TaskAssignment }),
      clientCodec.encode(request),
    ];
    const damaged = fc
      .tuple(fc.constantFrom(...sound), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([frame, at, byte]) => {
        const copy = Uint8Array.from(frame);
        copy[at % copy.length] = byte;
        return copy;
      });
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged),
        fc.constantFrom(...codecs),
        (frame, codec) => {
          try {
            codec.decode(frame);
          } catch (error) {
            expect(error).toMatchObject({ name: "FanfoldError", code: "MESSAGE_INVALID" });
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
