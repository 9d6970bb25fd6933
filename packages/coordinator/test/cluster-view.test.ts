import type { ReplicaRole } from "@fanfold/protocol";
import { describe, expect, it } from "vitest";
import { clusterView } from "../src/cluster-view.js";
import type { PeerStatus } from "../src/replica-network.js";

const ids = ["a", "b", "c"];
const heard = (hearsUs: boolean, role: ReplicaRole = "follower"): PeerStatus => ({
  role,
  decidedIndex: 7,
  hearsUs,
});

function viewOf(
  statuses: Readonly<Record<string, PeerStatus>>,
  problems: Readonly<Record<string, string>> = {},
) {
  return clusterView({
    log: { id: "a", role: "leader", ballot: "1.a", believedLeader: "a", decidedIndex: 7, members: ids },
    clusterId: "c1",
    epoch: 3,
    url: "ws://127.0.0.1:1",
    peers: new Map(ids.map((id, index) => [id, `ws://127.0.0.1:${index + 1}`])),
    workers: [],
    statusOf: (id) => statuses[id],
    problemOf: (id) => problems[id],
  });
}

describe("what can still fail", () => {
  it("is one of three when all hear each other", () => {
    expect(viewOf({ b: heard(true), c: heard(true) }).toleratedFailures).toBe(1);
  });

  it("does not count a replica that is heard, but does not hear", () => {
    const view = viewOf({ b: heard(true), c: heard(false) }, { c: "cannot be dialled: ECONNREFUSED" });
    expect(view.toleratedFailures).toBe(0);
    expect(view.replicas[2]).toMatchObject({ reachable: false, problem: "cannot be dialled: ECONNREFUSED" });
  });

  it("does not count a replica that does not vote", () => {
    expect(viewOf({ b: heard(true), c: heard(true, "rejoining") }).toleratedFailures).toBe(0);
  });

  it("is less than nothing without a quorum, and then nobody leads", () => {
    const view = viewOf({ b: heard(false) });
    expect(view).toMatchObject({ toleratedFailures: -1, leader: null });
  });
});
