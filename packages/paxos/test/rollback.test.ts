/** A disk that went back in time within one incarnation: who notices, when, and what is no rollback. */
import { describe, expect, it } from "vitest";
import { DiskMarks } from "../src/disk-marks.js";
import { Incarnations } from "../src/incarnations.js";
import { type DiskMark, type Message, recoverState } from "../src/index.js";
import { Outbox } from "../src/outbox.js";
import { RollCall } from "../src/roll-call.js";
import { paxosRules as rules } from "../src/rules.js";
import { Lockstep } from "./lockstep.js";

const abc = ["a", "b", "c"];

/** A cluster with an image of a's disk, taken before `a` voted for five more entries. */
function withImage(): { cluster: Lockstep; leader: string; restore: () => void } {
  const cluster = new Lockstep(abc);
  cluster.until(() => cluster.leader() !== undefined, 40);
  cluster.ticks(5);
  const leader = cluster.leader()!;
  const image = [...cluster.member("a").records];
  for (let i = 0; i < 5; i++) cluster.propose(leader, `v${i}`, 0, i);
  const restore = (): void => {
    cluster.crash("a");
    cluster.member("a").records = [...image];
    cluster.start("a", false);
  };
  return { cluster, leader, restore };
}

const roleOfA = (cluster: Lockstep) => cluster.member("a").replica.status.role;
const votesOf = (cluster: Lockstep, id: string) =>
  cluster
    .member(id)
    .seen.filter((effect) => effect.type === "send" && ["promise", "accepted"].includes(effect.message.type));

describe("a replica whose disk was put back to an earlier state", () => {
  it("is told by a peer before it votes, and votes after a reign begun since its return", () => {
    const { cluster, leader, restore } = withImage();
    const before = cluster.member(leader).replica.status.ballot;
    restore();
    cluster.ticks(1);
    expect(roleOfA(cluster)).toBe("rejoining");
    expect(votesOf(cluster, "a")).toEqual([]);
    cluster.until(() => roleOfA(cluster) === "follower", 100);
    expect(recoverState(cluster.member("a").records)).toMatchObject({ incarnation: 2, voting: true });
    expect(cluster.member(cluster.leader()!).replica.status.ballot.round).toBeGreaterThan(before.round);
    expect(cluster.member("a").machine.get("k")).toBe("v4");
  });

  it("is noticed by one peer, though the other has been away", () => {
    const { cluster, leader, restore } = withImage();
    const other = abc.find((id) => id !== "a" && id !== leader)!;
    cluster.crash(other);
    restore();
    cluster.ticks(1);
    expect(roleOfA(cluster)).toBe("rejoining");
  });

  it("gets no promise as a candidate and no vote as a leader from a peer that knows better", () => {
    const { cluster, leader, restore } = withImage();
    cluster.passes = (from, _to, { type }) => from !== "a" && type !== "stale";
    restore();
    cluster.ticks(11);
    const a = cluster.member("a").seen.flatMap((effect) => (effect.type === "send" ? [effect.message] : []));
    const { disk } = a.find((message) => message.type === "heartbeat")!;
    const ballot = { round: 99, replica: "a" };
    const ask = (message: Message) => cluster.give(leader, { type: "message", from: "a", message });
    const stale = expect.objectContaining({ message: { type: "stale", remembered: 1, boot: disk!.boot } });
    expect(ask({ type: "prepare", ballot, disk: disk! })).toEqual([stale]);
    const accept = { type: "accept", ballot, base: 99, first: 99, entries: [], decidedIndex: 0 } as const;
    expect(ask({ ...accept, disk: disk! })).toEqual([stale]);
  });

  it("cannot be noticed when every peer that heard of the lost writes has restarted", () => {
    const { cluster, restore } = withImage();
    for (const id of abc) cluster.crash(id);
    for (const id of ["b", "c"]) cluster.start(id);
    restore();
    cluster.until(() => cluster.leader() !== undefined, 80);
    expect(["follower", "leader"]).toContain(roleOfA(cluster));
    expect(recoverState(cluster.member("a").records).incarnation).toBe(1);
  });
});

describe("a replica whose disk is honest", () => {
  it("is never taken for rolled back, however often it restarts, snapshots and truncation included", () => {
    const cluster = new Lockstep(abc, { snapshotEvery: 5, entriesKept: 1 });
    for (let round = 0; round < 12; round++) {
      cluster.until(() => cluster.leader() !== undefined, 80);
      for (let i = 0; i < 4; i++) cluster.propose(cluster.leader()!, `v${round}`, 0, 10 * round + i);
      const id = abc[round % 3]!;
      cluster.crash(id);
      cluster.ticks(round);
      cluster.start(id, false);
      cluster.ticks(12);
      for (const each of abc) expect(cluster.member(each).replica.status.role).not.toBe("rejoining");
    }
    for (const id of abc) expect(recoverState(cluster.member(id).records).incarnation).toBe(1);
  });

  it("votes again as soon as all others have answered, and after an election timeout if they do not", () => {
    const { cluster, leader } = withImage();
    cluster.crash("a");
    cluster.start("a", false);
    cluster.ticks(2);
    cluster.propose(leader, "with a", 0, 50);
    expect(votesOf(cluster, "a")).not.toEqual([]);

    const other = abc.find((id) => id !== "a" && id !== leader)!;
    cluster.crash(other);
    cluster.crash("a");
    cluster.start("a", false);
    cluster.ticks(8);
    expect(cluster.propose(leader, "later", 0, 51)).toEqual([]);
    cluster.ticks(8);
    expect(cluster.member(leader).machine.get("k")).toBe("later");
  });
});

describe("what a peer remembers of a disk", () => {
  const heartbeat = (disk: DiskMark, incarnation = 1): Message => ({
    type: "heartbeat",
    sentAt: 0,
    leading: undefined,
    decidedIndex: 0,
    incarnation,
    disk,
  });
  const mark = (boot: number, found: number, durable: number): DiskMark => ({ boot, found, durable });
  function peer(): { hears: (message: Message) => boolean; outbox: Outbox } {
    const outbox = new Outbox(rules, 0, 0);
    const incarnations = new Incarnations(new Map(), outbox);
    const marks = new DiskMarks({ rules, outbox, incarnations });
    return { hears: (message) => marks.vouchFor("a", message), outbox };
  }

  it("judges what a start found by what others told, in any order and any number of times", () => {
    const { hears, outbox } = peer();
    expect(hears(heartbeat(mark(1, 0, 10)))).toBe(true);
    expect(hears(heartbeat(mark(1, 0, 7)))).toBe(true);
    expect(hears(heartbeat(mark(2, 10, 12)))).toBe(true);
    // A late message of the first start does no harm to the second, and one that was lost may come now.
    hears(heartbeat(mark(1, 0, 10)));
    expect(hears(heartbeat(mark(2, 10, 13)))).toBe(true);
    outbox.drain();
    expect(hears(heartbeat(mark(3, 12, 99)))).toBe(false);
    expect(outbox.drain()).toEqual([
      { type: "send", to: "a", message: { type: "stale", remembered: 1, boot: 3 } },
    ]);
  });

  it("raises what a start must have found when an earlier one's message comes late", () => {
    const { hears } = peer();
    expect(hears(heartbeat(mark(2, 10, 10)))).toBe(true);
    hears(heartbeat(mark(1, 0, 11)));
    expect(hears(heartbeat(mark(2, 10, 10)))).toBe(false);
  });

  it("begins anew with a new incarnation, whose count may start from nothing", () => {
    const { hears } = peer();
    hears(heartbeat(mark(1, 0, 50)));
    expect(hears(heartbeat(mark(2, 0, 3), 2))).toBe(true);
    expect(hears(heartbeat(mark(3, 3, 3), 2))).toBe(true);
    // Whoever does not vote yet is not judged.
    expect(hears(heartbeat(mark(4, 0, 0), 0))).toBe(true);
  });
});

describe("the roll call", () => {
  it("counts answers to this start only, once each", () => {
    const call = new RollCall(7, 10, true);
    call.heard("b", 7);
    call.heard("b", 7);
    call.heard("c", 6);
    call.check(1, ["b", "c"]);
    expect(call.isOver).toBe(false);
    call.heard("c", 7);
    call.check(1, ["b", "c"]);
    expect(call.isOver).toBe(true);
  });
});
