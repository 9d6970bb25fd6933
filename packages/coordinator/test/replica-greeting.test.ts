import { describe, expect, it } from "vitest";
import { helloTo, type OwnPlace, refusalOf } from "../src/replica-greeting.js";

const peers = new Map([
  ["a", "ws://127.0.0.1:1"],
  ["b", "ws://127.0.0.1:2"],
  ["c", "ws://127.0.0.1:3"],
]);
const place = (id: string, change: Partial<OwnPlace> = {}): OwnPlace => ({
  id,
  clusterId: "c1",
  peers,
  ...change,
});

describe("two replicas that meet", () => {
  it("get on when they agree on everything, in whatever order they list it", () => {
    const reversed = new Map([...peers].reverse());
    expect(refusalOf(helloTo("b", place("a")), place("b", { peers: reversed }))).toBeUndefined();
  });

  it("get on when one does not know its cluster yet", () => {
    expect(refusalOf(helloTo("b", place("a", { clusterId: null })), place("b"))).toBeUndefined();
    expect(refusalOf(helloTo("b", place("a")), place("b", { clusterId: null }))).toBeUndefined();
  });

  it.each([
    ["somebody else was meant to be at this address", helloTo("c", place("a")), "wrongReplica"],
    [
      "an address differs",
      helloTo("b", place("a", { peers: new Map([...peers, ["c", "ws://127.0.0.1:4"]]) })),
      "peersDiffer",
    ],
    [
      "one lists a replica more",
      helloTo("b", place("a", { peers: new Map([...peers, ["d", "ws://127.0.0.1:4"]]) })),
      "peersDiffer",
    ],
    [
      "one lists a replica fewer",
      helloTo("b", place("a", { peers: new Map([...peers].slice(0, 2)) })),
      "peersDiffer",
    ],
    ["the greeter is no member", helloTo("b", place("d")), "peersDiffer"],
    ["the greeter has this replica's own name", helloTo("b", place("b")), "peersDiffer"],
    ["they are of different clusters", helloTo("b", place("a", { clusterId: "c2" })), "otherCluster"],
  ])("do not when %s", (_when, hello, reason) => {
    expect(refusalOf(hello, place("b"))).toMatchObject({ code: "PEER_MISMATCH", details: { reason } });
  });

  it("say which address differs, and at whom", () => {
    const wrong = new Map([...peers, ["c", "ws://127.0.0.1:4"]]);
    expect(refusalOf(helloTo("b", place("a", { peers: wrong })), place("b"))?.message).toBe(
      "the lists of peers differ: c is ws://127.0.0.1:3 at b, and ws://127.0.0.1:4 at a",
    );
  });
});
