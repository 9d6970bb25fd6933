import {
  type SnapshotEffect,
  type SnapshotLimits,
  SnapshotNode,
  type SnapshotSignal,
} from "@fanfold/snapshot";
import { expect, it } from "vitest";

type Node = SnapshotNode<string, string>;

/** A node with two-way channels to these. */
function nodeWith(peers: readonly string[], limits: Partial<SnapshotLimits> = {}): Node {
  const node: Node = new SnapshotNode({ id: "me", limits }, { recordState: () => "as it is" });
  for (const peer of peers)
    node.step({ type: "channelOpened", channel: peer, peer, sends: true, receives: true });
  return node;
}

function marker(from: string, snapshot = "a/1"): SnapshotSignal {
  return { type: "marker", snapshot, initiator: "a", from };
}

function signalFrom(
  node: Node,
  from: string,
  signal: SnapshotSignal,
): readonly SnapshotEffect<string, string>[] {
  return node.step({ type: "signal", channel: from, signal });
}

it("records at the first marker, and sends its own on every channel before anything else", () => {
  const effects = signalFrom(nodeWith(["a", "b"]), "a", marker("a"));
  expect(effects).toEqual([
    { type: "send", channel: "a", signal: marker("me") },
    { type: "send", channel: "b", signal: marker("me") },
  ]);
});

it("takes for the state of a channel what comes between its own record and the channel's marker", () => {
  const node = nodeWith(["a", "b"]);
  node.step({ type: "message", channel: "b", message: "before" });
  signalFrom(node, "a", marker("a"));
  node.step({ type: "message", channel: "a", message: "behind a's marker" });
  node.step({ type: "message", channel: "b", message: "on its way" });
  const [report] = signalFrom(node, "b", marker("b"));
  node.step({ type: "message", channel: "b", message: "behind b's marker" });
  expect(report).toMatchObject({
    type: "report",
    initiator: "a",
    part: {
      state: "as it is",
      channels: [
        { peer: "a", inFlight: [] },
        { peer: "b", inFlight: ["on its way"] },
      ],
    },
  });
});

it("aborts a snapshot when a marker comes twice on a channel, and passes that on", () => {
  const node = nodeWith(["a", "b"]);
  signalFrom(node, "a", marker("a"));
  const effects = signalFrom(node, "a", marker("a"));
  expect(effects.map(({ type }) => type)).toEqual(["send", "send", "aborted"]);
  expect(effects[2]).toMatchObject({ reason: "a second marker from a to me" });
});

it("gives no part when a marker is lost, and aborts after its lifetime", () => {
  const node = nodeWith(["a", "b"], { lifetimeTicks: 2 });
  signalFrom(node, "a", marker("a"));
  expect([node.step({ type: "tick" }), node.step({ type: "tick" })]).toEqual([[], []]);
  expect(node.step({ type: "tick" })).toContainEqual({
    type: "aborted",
    snapshot: "a/1",
    reason: "me heard of no end",
  });
});

it("aborts what a broken channel is part of, and only that", () => {
  const node = nodeWith(["a", "b"]);
  signalFrom(node, "a", marker("a"));
  node.step({ type: "channelOpened", channel: "c", peer: "c", sends: true, receives: true });
  expect(node.step({ type: "channelClosed", channel: "c", inOrder: false, reason: "c died" })).toEqual([]);
  const effects = node.step({ type: "channelClosed", channel: "b", inOrder: false, reason: "b died" });
  expect(effects).toContainEqual({ type: "aborted", snapshot: "a/1", reason: "b died" });
});

it("does not begin an ended snapshot again for a late marker", () => {
  const node = nodeWith(["a", "b"]);
  signalFrom(node, "a", { type: "aborted", snapshot: "a/1", reason: "a gave up" });
  expect(signalFrom(node, "b", marker("b"))).toEqual([]);
});

it("takes several snapshots at once, each with its own part of what is on its way", () => {
  const node = nodeWith(["a", "b"]);
  signalFrom(node, "a", marker("a", "a/1"));
  node.step({ type: "message", channel: "b", message: "one" });
  signalFrom(node, "a", marker("a", "a/2"));
  node.step({ type: "message", channel: "b", message: "two" });
  const parts = ["a/1", "a/2"].map((snapshot) => signalFrom(node, "b", marker("b", snapshot))[0]);
  expect(parts).toMatchObject([
    { part: { channels: [{}, { inFlight: ["one", "two"] }] } },
    { part: { channels: [{}, { inFlight: ["two"] }] } },
  ]);
});

it("is born after the cuts that the order which made it names, and tells whom it meets of them", () => {
  const bornAfter = [{ snapshot: "a/1", initiator: "a" }];
  const node: Node = new SnapshotNode({ id: "me", bornAfter }, { recordState: () => "new" });
  const effects = node.step({
    ...{ type: "channelOpened", channel: "b", peer: "b", sends: true, receives: true },
    greeting: [],
  });
  expect(effects).toEqual([{ type: "send", channel: "b", signal: marker("me") }]);
  expect(signalFrom(node, "b", marker("b"))).toEqual([]);
});

it("gives what it has when it leaves in order", () => {
  const node = nodeWith(["a", "b"]);
  signalFrom(node, "a", marker("a"));
  node.step({ type: "message", channel: "b", message: "on its way" });
  expect(node.step({ type: "leave" })).toMatchObject([
    { type: "report", part: { channels: [{ end: "marker" }, { end: "left", inFlight: ["on its way"] }] } },
  ]);
});
