import { expect, it } from "vitest";
import {
  type ClusterPicture,
  type CoordinatorState,
  checkPicture,
  type LinkCount,
  type MessageSummary,
  type NodeState,
  type WorkerState,
} from "../src/index.js";

const attempt = "j1-0-3-1-7";

const leader: CoordinatorState = {
  kind: "coordinator",
  role: "leader",
  epoch: 7,
  ballot: "1.a",
  decidedIndex: 40,
  tableDigest: "d1",
  jobs: [],
  attempts: [{ attempt, workerId: "w1", hasReported: false }],
  connected: ["w1", "w2"],
};
const worker: WorkerState = {
  kind: "worker",
  epoch: 7,
  attempts: [],
  segments: [],
  errands: [],
  sent: [],
  received: [],
};

interface Flight {
  readonly from: string;
  readonly to: string;
  readonly channel?: string;
  readonly messages: readonly MessageSummary[];
}

function picture(
  states: Readonly<Record<string, NodeState>>,
  flights: readonly Flight[] = [],
): ClusterPicture {
  const parts = Object.entries(states).map(([node, state]) => {
    const channels = flights
      .filter(({ to }) => to === node)
      .map(({ from, channel = from, messages }) => {
        const open = { channel, peer: from, sends: true, receives: true, wasSilent: false };
        return { ...open, inFlight: messages, end: "marker" as const };
      });
    return { snapshot: "a/1", node, state, channels };
  });
  return { snapshot: "a/1", initiator: "a", parts };
}

function rules(of: ClusterPicture): string[] {
  return checkPicture(of).map(({ rule }) => rule);
}

const at = (state: "running" | "stopping" | "ended"): WorkerState => ({
  ...worker,
  attempts: [{ attempt, state }],
});
const toWorker = (type: string): Flight => ({ from: "a", to: "w1", messages: [{ type, attempt }] });
const toLeader = (type: string): Flight => ({ from: "w1", to: "a", messages: [{ type, attempt }] });

it("takes an attempt at its worker, or assigned and on its way, or reported and on its way", () => {
  expect(rules(picture({ a: leader, w1: at("running"), w2: worker }))).toEqual([]);
  expect(rules(picture({ a: leader, w1: worker, w2: worker }, [toWorker("assignTask")]))).toEqual([]);
  const ended = [toLeader("attemptReported finished")];
  expect(rules(picture({ a: leader, w1: at("ended"), w2: worker }, ended))).toEqual([]);
});

it("finds an attempt that is nowhere, in two places, or at two workers", () => {
  expect(rules(picture({ a: leader, w1: worker, w2: worker }))).toEqual(["attempts"]);
  expect(rules(picture({ a: leader, w1: at("running"), w2: worker }, [toWorker("assignTask")]))).toEqual([
    "attempts",
  ]);
  expect(rules(picture({ a: leader, w1: at("running"), w2: at("stopping") }))).toEqual(["attempts"]);
});

it("finds an attempt that its leader knows nothing of, unless it is told to stop", () => {
  const idle = { ...leader, attempts: [] };
  expect(rules(picture({ a: idle, w1: at("running"), w2: worker }))).toEqual(["attempts"]);
  expect(rules(picture({ a: idle, w1: at("stopping"), w2: worker }))).toEqual([]);
  expect(rules(picture({ a: idle, w1: at("running"), w2: worker }, [toWorker("stopAttempt")]))).toEqual([]);
  const discard = { from: "a", to: "w1", messages: [{ type: "discardJob", jobId: "j1" }] };
  expect(rules(picture({ a: idle, w1: at("running"), w2: worker }, [discard]))).toEqual([]);
});

const idle = { ...leader, attempts: [] };
const count = (bytes: number, records: number, more: Partial<LinkCount> = {}): LinkCount => ({
  ...{ link: "j1-1-0-1-7#1", segments: 2, records, bytes, state: "open" },
  ...more,
});
const fetching = (received: LinkCount): NodeState => ({
  kind: "fetch",
  attempt: "j1-1-0-1-7",
  received: [received],
});

it("adds what is on its way to what a fetch has received", () => {
  const sender = { ...worker, sent: [count(100, 30)] };
  const states = { a: idle, w1: sender, "w2/f": fetching(count(60, 20, { segments: 1 })) };
  const coming = [
    { type: "segment", segments: 1, records: 10 },
    { type: "chunk", bytes: 40 },
  ];
  const flight = { from: "w1", to: "w2/f", channel: "j1-1-0-1-7#1", messages: coming };
  expect(rules(picture(states, [flight]))).toEqual([]);
  const lost = { ...flight, messages: coming.slice(0, 1) };
  expect(checkPicture(picture(states, [lost]))).toEqual([
    {
      rule: "conservation",
      message: "bytes over j1-1-0-1-7#1 from w1 to w2/f: 100 sent, 60 received or on their way",
    },
  ]);
});

it("counts what an ended fetch tells its worker, held or on its way, and not what broke", () => {
  const sender = { ...worker, sent: [count(100, 30, { state: "done" })] };
  const received = count(100, 30, { state: "done" });
  expect(rules(picture({ a: idle, w1: sender, w2: { ...worker, received: [received] } }))).toEqual([]);
  const telling = { from: "w2/f", to: "w2", messages: [{ type: "fetched", counts: [count(90, 30)] }] };
  expect(rules(picture({ a: idle, w1: sender, w2: worker }, [telling]))).toEqual(["conservation"]);
  const broken = { ...worker, received: [count(10, 3, { state: "broken" })] };
  expect(rules(picture({ a: idle, w1: sender, w2: broken }))).toEqual([]);
});

it("adds up a copy of a segment over the channel that it comes by", () => {
  const copy = { link: "j1-0-3-1-7~copy", segments: 0, records: 0 };
  const sender = { ...worker, sent: [count(50, 0, copy)] };
  const keeper = { ...worker, received: [count(20, 0, { ...copy, channel: "accepted-1" })] };
  const coming = { from: "w1", to: "w2", channel: "accepted-1", messages: [{ type: "part", bytes: 30 }] };
  expect(rules(picture({ a: idle, w1: sender, w2: keeper }, [coming]))).toEqual([]);
  expect(rules(picture({ a: idle, w1: sender, w2: keeper }))).toEqual(["conservation"]);
});

it("finds two leaders of one epoch, a worker ahead of its leader, and replicas that differ", () => {
  expect(rules(picture({ a: idle, b: { ...idle, connected: [] } }))).toEqual(["epochs"]);
  expect(rules(picture({ a: idle, w1: { ...worker, epoch: 9 } }))).toEqual(["epochs"]);
  const follower = { ...idle, role: "follower" as const, epoch: 0, tableDigest: "d2" };
  expect(rules(picture({ a: idle, b: follower }))).toEqual(["replicas"]);
  expect(rules(picture({ a: idle, b: { ...follower, decidedIndex: 39 } }))).toEqual([]);
});
