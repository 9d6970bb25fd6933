/** The partial partitions of Omni-Paxos (EuroSys '23), §2 and §7, and what the test catalogue calls L1 to L5. */
import { beforeEach, describe, expect, it } from "vitest";
import { Lockstep } from "./lockstep.js";

const electionTimeoutTicks = 10;
const abcde = ["a", "b", "c", "d", "e"];
let cluster: Lockstep;

function changesOfLeader(): number {
  const ballots = new Set<number>();
  for (const { seen } of cluster.members.values()) {
    for (const effect of seen)
      if (effect.type === "leaderChanged" && effect.isLeader) ballots.add(effect.ballot.round);
  }
  return ballots.size;
}

function decides(id: string, value: string): boolean {
  return cluster.propose(id, value).some(({ type }) => type === "reply");
}

/** In a new cluster, in which every replica is first given what `prepare` says of each other one. */
function ticksToReplaceLeader(prepare: (id: string, from: string) => void): number {
  cluster = new Lockstep(abcde, { electionTimeoutTicks });
  cluster.until(() => cluster.leader() !== undefined, 4 * electionTimeoutTicks);
  cluster.ticks(3 * electionTimeoutTicks);
  for (const id of abcde) for (const from of abcde) if (from !== id) prepare(id, from);
  cluster.ticks(3 * electionTimeoutTicks);
  cluster.crash(cluster.leader()!);
  return cluster.until(() => cluster.leader() !== undefined, 10 * electionTimeoutTicks);
}

beforeEach(() => {
  cluster = new Lockstep(abcde, { electionTimeoutTicks });
  cluster.until(() => cluster.leader() !== undefined, 4 * electionTimeoutTicks);
});

describe("the election", () => {
  it("finds one leader within four election timeouts of the first start, and keeps it", () => {
    const leader = cluster.leader();
    cluster.ticks(500);
    expect(cluster.leader()).toBe(leader);
    expect(changesOfLeader()).toBe(1);
  });

  it("replaces a leader that died within four election timeouts", () => {
    const leader = cluster.leader()!;
    cluster.crash(leader);
    const ticks = cluster.until(() => cluster.leader() !== undefined, 4 * electionTimeoutTicks);
    expect(ticks).toBeGreaterThan(electionTimeoutTicks / 2);
    expect(decides(cluster.leader()!, "after")).toBe(true);
  });

  it("L1 quorum loss: everybody sees one replica only, which is not the leader: it takes over", () => {
    expect(cluster.leader()).toBe("e");
    cluster.onlyLinks("ab", "ac", "ad", "ae");
    cluster.until(() => cluster.leader() === "a", 4 * electionTimeoutTicks);
    expect(decides("a", "x")).toBe(true);
  });

  it("L2 constrained election: the only replica that sees a quorum is behind: it is elected and catches up first", () => {
    cluster.crash("a");
    for (let i = 1; i <= 20; i++) expect(decides("e", `v${i}`)).toBe(true);
    cluster.start("a");
    cluster.onlyLinks("ab", "ac", "ad");
    cluster.until(() => cluster.leader() === "a", 4 * electionTimeoutTicks + 20);
    expect(cluster.member("a").machine.get("k")).toBe("v20");
    expect(decides("a", "mine")).toBe(true);
  });

  it("L3 chain: of three replicas in a row nobody outbids a leader that serves the middle", () => {
    cluster = new Lockstep(["a", "b", "c"], { electionTimeoutTicks });
    cluster.until(() => cluster.leader() === "c", 4 * electionTimeoutTicks);
    cluster.onlyLinks("ab", "bc");
    cluster.ticks(1200);
    expect(changesOfLeader()).toBe(1);
    expect(decides("c", "x")).toBe(true);
    cluster.ticks(10);
    expect(cluster.member("a").machine.get("k")).toBe("x");
  });

  it("L3 chain: a leader at one end that loses everybody but its neighbour is left for one with a quorum", () => {
    cluster.onlyLinks("ab", "bc", "cd", "de");
    cluster.until(() => decides(cluster.leader() ?? "a", "x"), 4 * electionTimeoutTicks);
    const changes = changesOfLeader();
    cluster.ticks(1200);
    expect(changesOfLeader() - changes).toBeLessThanOrEqual(1);
  });

  it("L4 an old leader that comes and goes does not unseat the new one", () => {
    cluster.onlyLinks("ab", "ac", "ad", "bc", "bd", "cd");
    cluster.until(() => cluster.leader() === "d", 5 * electionTimeoutTicks);
    const changes = changesOfLeader();
    for (let i = 0; i < 10; i++) {
      cluster.heal();
      cluster.ticks(25);
      cluster.onlyLinks("ab", "ac", "ad", "bc", "bd", "cd");
      cluster.ticks(25);
    }
    expect(cluster.leader()).toBe("d");
    expect(changesOfLeader()).toBe(changes);
  });

  it("a link that works one way only does not count as a connection", () => {
    for (const id of ["a", "b", "c"]) cluster.cut(id, "e");
    cluster.until(() => !["e", undefined].includes(cluster.leader()), 5 * electionTimeoutTicks);
    expect(decides(cluster.leader()!, "x")).toBe(true);
  });

  it("a leader that no acceptor will obey outbids the ballot they promised to a dead candidate", () => {
    for (const id of ["a", "b", "c"]) cluster.cut("e", id);
    cluster.passes = (_from, _to, { type }) => type !== "promise";
    cluster.ticks(4 * electionTimeoutTicks);
    cluster.passes = () => true;
    cluster.heal();
    cluster.until(() => decides(cluster.leader() ?? "a", "x"), 5 * electionTimeoutTicks);
  });

  it("a replica that promised a ballot which came to nothing is won back, and its candidate draws nobody away", () => {
    cluster = new Lockstep(["a", "b", "c"], { electionTimeoutTicks: 4, leaseTicks: 60 });
    cluster.until(() => cluster.leader() === "c", 20);
    cluster.ticks(5);
    cluster.onlyLinks("bc");
    cluster.ticks(3);
    // While b is cut off from a quorum it promises a ballot that nobody will ever lead in.
    const later = { round: 7, replica: "b" };
    cluster.give("b", {
      type: "message",
      from: "b",
      message: { type: "accept", ballot: later, base: 99, first: 99, entries: [], decidedIndex: 0 },
    });
    cluster.heal();
    cluster.ticks(60);
    expect(cluster.leader()).toBe("c");
    expect(decides("c", "x")).toBe(true);
    cluster.until(() => cluster.member("b").replica.status.believedLeader === "c", 40);
    expect(cluster.member("c").replica.status.ballot.round).toBeGreaterThan(later.round);
  });

  it("is not set off by replicas that did not run for a while: they take nobody's silence for death", () => {
    const leader = cluster.leader()!;
    for (let pause = 0; pause < 2 * electionTimeoutTicks; pause += 1) {
      cluster.pause(3 * electionTimeoutTicks);
      cluster.ticks(1);
    }
    cluster.ticks(4 * electionTimeoutTicks);
    expect(cluster.leader()).toBe(leader);
    expect(changesOfLeader()).toBe(1);
  });

  it("waits longer for a leader where answers have been slow of late, and not for ever", () => {
    const usual = ticksToReplaceLeader(() => undefined);
    const stretched = ticksToReplaceLeader((id, from) => {
      const { ballot } = cluster.member(from).replica.status;
      const view = { leader: ballot, happy: true, leads: from === cluster.leader(), voting: true } as const;
      const state = {
        leased: undefined,
        decidedIndex: 0,
        checksum: undefined,
        incarnation: 0,
      };
      const sentAt = cluster.now - electionTimeoutTicks;
      cluster.give(id, {
        type: "message",
        from,
        message: { type: "heartbeatReply", ...view, ...state, sentAt },
      });
    });
    expect(stretched).toBeGreaterThan(1.4 * usual);
    expect(stretched).toBeLessThanOrEqual(2 * 4 * electionTimeoutTicks);
  });

  it("L6 without a quorum the leader steps down, requests are refused, and nothing grows", () => {
    const leader = cluster.leader()!;
    for (const id of ["a", "b", "c"]) cluster.crash(id);
    expect(cluster.propose(leader, "x")).toEqual([]);
    cluster.ticks(2 * electionTimeoutTicks);
    const { seen, replica } = cluster.member(leader);
    const refusals = seen.filter((effect) => effect.type === "refuse");
    expect(refusals).toMatchObject([{ refusal: { type: "leadershipLost" } }]);
    const [answer] = cluster.propose(leader, "y");
    expect(answer).toMatchObject({ type: "refuse", refusal: { type: "notLeader" } });
    cluster.ticks(1000);
    expect(replica.status.openRequests).toBe(0);
    expect(cluster.leader()).toBeUndefined();
  });
});
