/** Given inputs, expect effects: what a replica does, one behaviour a test. */
import { describe, expect, it } from "vitest";
import { type Effect, type Message, Replica, recoverState } from "../src/index.js";
import { Lockstep } from "./lockstep.js";
import { SwapMachine } from "./simulation/swap-machine.js";

const abc = ["a", "b", "c"];

function led(options = {}): { cluster: Lockstep; leader: string; follower: string } {
  const cluster = new Lockstep(abc, options);
  cluster.until(() => cluster.leader() !== undefined, 40);
  cluster.ticks(5);
  return { cluster, leader: cluster.leader()!, follower: "a" };
}

const sends = (effects: readonly Effect[], type: Message["type"]) =>
  effects.flatMap((effect) =>
    effect.type === "send" && effect.message.type === type ? [effect.message] : [],
  );

/** A replica with its own incarnation on disk, alone with the test. */
function voter(members = abc): Replica {
  const storage = recoverState([{ type: "incarnation", incarnation: 1, voting: true }]);
  const options = { id: "a", members, seed: 1, leaseTicks: 3 };
  const replica = new Replica(options, { machine: new SwapMachine(), storage });
  // Until it may vote though nobody has answered.
  replica.step({ type: "tick", count: 10 });
  return replica;
}

describe("promises and votes", () => {
  const ballot = (round: number, replica = "b") => ({ round, replica });
  const from = (replica: Replica, sender: string, message: Message) =>
    replica.step({ type: "message", from: sender, message });

  it("S1 a promise leaves only after it is durable, and is found again after a crash", () => {
    const replica = voter();
    const effects = from(replica, "b", { type: "prepare", ballot: ballot(5) });
    const [persist] = effects.filter((effect) => effect.type === "persist");
    expect(sends(effects, "promise")).toEqual([]);
    expect(sends(replica.step({ type: "persisted", upTo: persist!.upTo }), "promise")).toMatchObject([
      { ballot: ballot(5), accepted: [] },
    ]);
    expect(recoverState(persist!.records).promised).toEqual(ballot(5));
  });

  it("S3 accepted at 1, promised 2, prepared 3: the promise reports ballot 1", () => {
    const replica = voter();
    const persistAll = (effects: Effect[]): Effect[] =>
      effects.flatMap((e) =>
        e.type === "persist" ? persistAll(replica.step({ type: "persisted", upTo: e.upTo })) : [e],
      );
    const entry = { type: "noop" } as const;
    const accept: Message = {
      type: "accept",
      ballot: ballot(1),
      base: 1,
      first: 1,
      entries: [entry],
      decidedIndex: 0,
    };
    expect(sends(persistAll(from(replica, "b", accept)), "accepted")).toMatchObject([{ upTo: 1 }]);
    persistAll(from(replica, "c", { type: "prepare", ballot: ballot(2, "c") }));
    const [promise] = sends(
      persistAll(from(replica, "b", { type: "prepare", ballot: ballot(3) })),
      "promise",
    );
    expect(promise).toMatchObject({ accepted: [[1, { ballot: ballot(1), entry }]] });
    expect(sends(from(replica, "b", accept), "rejected")).toMatchObject([{ promised: ballot(3) }]);
  });

  it("many proposals during one write share the next", () => {
    const cluster = new Lockstep(["a"]);
    cluster.until(() => cluster.leader() === "a", 40);
    const { replica } = cluster.member("a");
    const propose = (sequence: number): Effect[] =>
      replica.step({ type: "propose", session: 0, sequence, command: { key: "k", value: `${sequence}` } });
    const first = propose(1).filter((effect) => effect.type === "persist");
    expect(first).toHaveLength(1);
    for (let sequence = 2; sequence <= 50; sequence++) expect(propose(sequence)).toEqual([]);
    const next = replica.step({ type: "persisted", upTo: first[0]!.upTo });
    expect(next.filter(({ type }) => type === "reply")).toHaveLength(1);
    const [second, ...none] = next.filter((effect) => effect.type === "persist");
    expect(second!.records.filter(({ type }) => type === "accepted")).toHaveLength(49);
    expect(none).toEqual([]);
  });

  it("S2 after a restart the next ballot is later than every ballot used before", () => {
    const { cluster, leader } = led();
    const before = cluster.member(leader).replica.status.ballot;
    for (const id of abc) cluster.crash(id);
    for (const id of abc) cluster.start(id);
    cluster.until(() => cluster.leader() !== undefined, 60);
    expect(cluster.member(cluster.leader()!).replica.status.ballot.round).toBeGreaterThan(before.round);
  });
});

describe("phase 2", () => {
  it("gathers entries into batches while messages are on their way, and bounds those", () => {
    const { cluster, leader } = led({ pipelineMax: 2, batchMax: 100 });
    const { replica } = cluster.member(leader);
    const effects: Effect[] = [];
    for (let sequence = 1; sequence <= 50; sequence++) {
      effects.push(
        ...replica.step({ type: "propose", session: 0, sequence, command: { key: "k", value: "v" } }),
      );
    }
    expect(sends(effects, "accept")).toHaveLength(4);
  });

  it("bounds the slots in flight, queues, and refuses what is too much", () => {
    const { cluster, leader } = led({ openSlotsMax: 4, queueMax: 10 });
    for (const id of abc) if (id !== leader) cluster.crash(id);
    const answers = Array.from({ length: 30 }, (_, i) => cluster.propose(leader, "v", 0, i)).flat();
    expect(answers).toHaveLength(16);
    expect(answers[0]).toMatchObject({ type: "refuse", refusal: { type: "overloaded" } });
  });

  it("sends again what was lost, and fills the gaps of a reign that ended", () => {
    const { cluster, leader } = led();
    let lose = 2;
    cluster.passes = (_from, _to, { type }) => type !== "accept" || lose-- <= 0;
    expect(cluster.propose(leader, "v")).toEqual([]);
    cluster.ticks(5);
    expect(cluster.member(leader).machine.get("k")).toBe("v");
  });

  it("a leader finds what its predecessor may have decided, and proposes it again", () => {
    const { cluster, leader } = led();
    cluster.passes = (_from, to, { type }) => type !== "accepted" && !(type === "accept" && to === "b");
    cluster.propose(leader, "half");
    cluster.crash(leader);
    cluster.passes = () => true;
    cluster.until(() => cluster.leader() !== undefined && cluster.leader() !== leader, 60);
    cluster.ticks(2);
    expect(cluster.member("a").machine.get("k")).toBe("half");
  });
});

describe("fencing by ballot", () => {
  it("votes and promises that name another ballot do not count", () => {
    const { cluster, leader } = led();
    const { replica } = cluster.member(leader);
    cluster.passes = (_from, _to, { type }) => type !== "accepted";
    cluster.propose(leader, "v");
    const before = replica.status.decidedIndex;
    const vote = (round: number): Message => ({
      type: "accepted",
      ballot: { round, replica: leader },
      upTo: before + 1,
      incarnation: 1,
    });
    cluster.give(leader, { type: "message", from: "a", message: vote(replica.status.ballot.round - 1) });
    expect(replica.status.decidedIndex).toBe(before);
    cluster.give(leader, { type: "message", from: "a", message: vote(replica.status.ballot.round) });
    expect(replica.status.decidedIndex).toBe(before + 1);
  });

  it("a leader that learns an entry of a later reign leads no more, and announces nothing of it as its own", () => {
    const { cluster, leader } = led();
    const { replica } = cluster.member(leader);
    const first = replica.status.decidedIndex + 1;
    const ballot = { round: replica.status.ballot.round + 1, replica: "a" };
    const slots = [{ ballot, entry: { type: "noop" } as const }];
    const effects = [
      ...replica.step({
        type: "message",
        from: "a",
        message: { type: "entries", first, slots, decidedIndex: first },
      }),
      ...replica.step({ type: "tick", count: 9 }),
    ];
    expect(replica.status).toMatchObject({ role: "follower", decidedIndex: first });
    expect([...sends(effects, "decided"), ...sends(effects, "accept")]).toEqual([]);
  });

  it("a leader steps down as soon as it has promised a later ballot, and says so", () => {
    const { cluster, leader } = led({ leaseTicks: 2 });
    const { replica } = cluster.member(leader);
    cluster.ticks(3);
    const later = { round: replica.status.ballot.round + 1, replica: "a" };
    replica.step({ type: "tick", count: 3 });
    const effects = replica.step({
      type: "message",
      from: "a",
      message: { type: "accept", ballot: later, base: 9, first: 9, entries: [], decidedIndex: 0 },
    });
    expect(effects).toContainEqual({
      type: "leaderChanged",
      ballot: later,
      believedLeader: "a",
      isLeader: false,
    });
    expect(cluster.propose(leader, "v")).toMatchObject([
      { refusal: { type: "notLeader", believedLeader: "a" } },
    ]);
  });
});

describe("catching up", () => {
  it("a replica that was away gets the entries, or a snapshot where they are truncated", () => {
    for (const snapshotEvery of [1000, 10]) {
      const { cluster, leader } = led({ snapshotEvery, entriesKept: 2 });
      cluster.crash("a");
      for (let i = 0; i < 40; i++) cluster.propose(leader, `v${i}`, 0, i);
      cluster.start("a");
      cluster.until(() => cluster.member("a").machine.get("k") === "v39", 20);
      const installed = cluster.member("a").seen.filter(({ type }) => type === "installSnapshot");
      expect(installed).toHaveLength(snapshotEvery === 10 ? 1 : 0);
    }
  });

  it("a restart replays the snapshot and the entries after it, and truncates only what a durable snapshot covers", () => {
    const { cluster, leader } = led({ snapshotEvery: 10, entriesKept: 3 });
    for (let i = 0; i < 25; i++) cluster.propose(leader, `v${i}`, 0, i);
    const { seen, records } = cluster.member(leader);
    const truncations = seen.filter((effect) => effect.type === "truncate");
    const [state] = [recoverState(records)];
    expect(truncations.map(({ upTo }) => upTo)).toEqual([7, 17]);
    expect(state.snapshot?.index).toBe(20);
    for (const id of abc) cluster.crash(id);
    for (const id of abc) cluster.start(id);
    cluster.until(() => cluster.leader() !== undefined, 60);
    expect(cluster.member(leader).machine.get("k")).toBe("v24");
  });
});

describe("exactly-once commands (S7)", () => {
  function withSession(options = {}): { cluster: Lockstep; leader: string; session: number } {
    const { cluster, leader } = led(options);
    const effects = cluster.give(leader, { type: "openSession", request: "me" });
    const reply = effects.find((effect) => effect.type === "reply");
    if (reply?.outcome.type !== "opened") throw new Error("no session");
    return { cluster, leader, session: reply.outcome.session };
  }

  it("a retry gets the same outcome, here, after a change of leader, and after truncation", () => {
    const { cluster, leader, session } = withSession({ snapshotEvery: 5, entriesKept: 0 });
    const [first] = cluster.propose(leader, "once", session, 1);
    expect(first).toMatchObject({ type: "reply", outcome: { type: "applied", result: "" } });
    expect(cluster.propose(leader, "once", session, 1)).toEqual([first]);
    for (let i = 0; i < 20; i++) cluster.propose(leader, `v${i}`, 0, i);
    cluster.crash(leader);
    cluster.until(() => cluster.leader() !== undefined, 60);
    expect(cluster.propose(cluster.leader()!, "once", session, 1)).toEqual([first]);
    expect(cluster.member(cluster.leader()!).machine.get("k")).toBe("v19");
  });

  it("forgets the least recently used session, and says so instead of applying its retries", () => {
    const { cluster, leader, session } = withSession({ sessionsMax: 2 });
    cluster.propose(leader, "once", session, 1);
    for (const request of ["other", "another"]) cluster.give(leader, { type: "openSession", request });
    const [answer] = cluster.propose(leader, "once", session, 1);
    expect(answer).toMatchObject({ type: "reply", outcome: { type: "sessionExpired" } });
  });

  it("lets a client have several commands open, decided in any order, and refuses those below its window", () => {
    const { cluster, leader, session } = withSession({ outcomesPerSession: 2 });
    const outcome = (sequence: number) => cluster.propose(leader, `v${sequence}`, session, sequence)[0];
    expect(outcome(2)).toMatchObject({ outcome: { type: "applied" } });
    expect(outcome(1)).toMatchObject({ outcome: { type: "applied" } });
    expect(outcome(3)).toMatchObject({ outcome: { type: "applied" } });
    expect(outcome(1)).toMatchObject({ outcome: { type: "sequenceStale" } });
    expect(cluster.member(leader).machine.get("k")).toBe("v3");
  });
});

describe("reads (S8)", () => {
  it("are answered at once under a lease, without a message", () => {
    const { cluster, leader } = led();
    const { replica } = cluster.member(leader);
    expect(replica.status.hasLease).toBe(true);
    const effects = replica.step({ type: "read", id: "r" });
    expect(effects).toEqual([{ type: "readReady", id: "r", index: replica.status.decidedIndex }]);
  });

  it("are not answered after a pause of ten leases, before a quorum was heard again", () => {
    const { cluster, leader } = led();
    const { replica } = cluster.member(leader);
    expect(replica.status.hasLease).toBe(true);
    replica.step({ type: "tick", count: 200 });
    expect(replica.status.hasLease).toBe(false);
    expect(replica.step({ type: "read", id: "r" })).not.toContainEqual(
      expect.objectContaining({ type: "readReady" }),
    );
  });

  it("go through the log while there is no lease, and share an entry", () => {
    const { cluster, leader } = led({ leaseTicks: 2 });
    const { replica } = cluster.member(leader);
    expect(replica.status.hasLease).toBe(false);
    const before = replica.status.decidedIndex;
    const effects = cluster.give(leader, { type: "read", id: "r" });
    expect(effects).toContainEqual({ type: "readReady", id: "r", index: before + 1 });
  });

  it("an acceptor promises nobody anything while a lease it granted runs, nor may it campaign", () => {
    const leaseTicks = 100;
    const { cluster, leader } = led({ leaseTicks, electionTimeoutTicks: 10 });
    cluster.crash(leader);
    cluster.ticks(leaseTicks - 10);
    expect(cluster.leader()).toBeUndefined();
    cluster.until(() => cluster.leader() !== undefined, 50);
  });
});

describe("membership (S9)", () => {
  const change = (cluster: Lockstep, id: string, to: "add" | "remove", replica: string) =>
    cluster.give(id, { type: "changeMembership", id: "m", change: { type: to, replica } });

  it("adds a replica, which catches up and counts; then removes the leader, and the rest go on", () => {
    const { cluster, leader } = led();
    for (let i = 0; i < 10; i++) cluster.propose(leader, `v${i}`, 0, i);
    cluster.start("d");
    expect(change(cluster, leader, "add", "d")).toContainEqual(
      expect.objectContaining({ type: "membershipChanged", members: ["a", "b", "c", "d"] }),
    );
    cluster.until(() => cluster.member("d").machine.get("k") === "v9", 40);
    cluster.crash("a");
    expect(cluster.propose(leader, "with d")).toMatchObject([{ type: "reply" }]);
    expect(change(cluster, leader, "remove", leader)).toContainEqual(
      expect.objectContaining({
        type: "membershipChanged",
        members: abc.filter((id) => id !== leader).concat("d"),
      }),
    );
    cluster.start("a");
    cluster.until(() => ![leader, undefined].includes(cluster.leader()), 80);
    expect(cluster.propose(cluster.leader()!, "without")).toMatchObject([{ type: "reply" }]);
  });

  it("decides nothing after a change before a quorum of the new members has promised", () => {
    const cluster = new Lockstep(abc);
    cluster.ticks(2);
    cluster.crash("b");
    cluster.until(() => cluster.leader() === "c", 60);
    cluster.ticks(5);
    cluster.start("b");
    cluster.start("d");
    cluster.ticks(20);
    cluster.passes = (_from, _to, { type }) => type !== "promise" && type !== "prepare";
    const replace = { type: "replace", replica: "a", by: "d" } as const;
    cluster.give("c", { type: "changeMembership", id: "m", change: replace });
    expect(cluster.member("c").replica.status.members).toEqual(["b", "c", "d"]);
    expect(cluster.propose("c", "early")).toEqual([]);
    cluster.ticks(8);
    expect(cluster.member("c").machine.get("k")).toBe("");
    cluster.passes = () => true;
    cluster.until(() => cluster.member("c").machine.get("k") === "early", 20);
  });

  it("goes one change at a time, and only when the leader's first entry is decided", () => {
    const { cluster, leader } = led();
    cluster.passes = (_from, _to, { type }) => type !== "accepted";
    change(cluster, leader, "add", "d");
    expect(change(cluster, leader, "add", "e")).toMatchObject([
      { type: "refuse", refusal: { type: "membershipRefused", reason: "inProgress" } },
    ]);
    expect(change(led().cluster, "c", "add", "a")).toMatchObject([{ refusal: { reason: "noChange" } }]);
  });
});

describe("a lost or older disk (D6)", () => {
  it("does not vote until a reign begun after its return is decided and learned", () => {
    const { cluster, leader } = led();
    for (let i = 0; i < 5; i++) cluster.propose(leader, `v${i}`, 0, i);
    const before = cluster.member(leader).replica.status.ballot;
    cluster.wipe("a");
    cluster.ticks(3);
    cluster.start("a", false);
    expect(cluster.member("a").replica.status.role).toBe("rejoining");
    cluster.until(() => cluster.member("a").replica.status.role === "follower", 100);
    const after = cluster.member(cluster.leader()!).replica.status.ballot;
    expect(after.round).toBeGreaterThan(before.round);
    expect(cluster.member("a").machine.get("k")).toBe("v4");
    expect(recoverState(cluster.member("a").records)).toMatchObject({ incarnation: 2, voting: true });
  });

  it("is not believed to be new even by the operator, if a peer remembers its owner", () => {
    const { cluster } = led();
    cluster.wipe("a");
    cluster.start("a", true);
    cluster.ticks(2);
    expect(cluster.member("a").replica.status.role).toBe("rejoining");
  });

  it("stays silent while too few others are there to tell it what it may have promised", () => {
    const { cluster, leader } = led();
    cluster.crash(leader);
    cluster.wipe("a");
    cluster.start("a", false);
    cluster.ticks(200);
    expect(cluster.member("a").replica.status.role).toBe("rejoining");
    expect(sends(cluster.member("a").seen, "promise")).toEqual([]);
  });

  it("a replica whose storage went back to an earlier incarnation steps aside when a peer tells it", () => {
    const { cluster } = led();
    const old = [...cluster.member("a").records];
    cluster.wipe("a");
    cluster.start("a", false);
    cluster.until(() => cluster.member("a").replica.status.role === "follower", 100);
    cluster.crash("a");
    cluster.member("a").records = old;
    cluster.start("a");
    cluster.ticks(5);
    expect(cluster.member("a").replica.status.role).toBe("rejoining");
    cluster.until(() => cluster.member("a").replica.status.role === "follower", 100);
  });

  it("a store whose decided entries are missing halts instead of guessing", () => {
    const storage = recoverState([
      { type: "incarnation", incarnation: 1, voting: true },
      { type: "decided", index: 3 },
    ]);
    const replica = new Replica({ id: "a", members: abc, seed: 1 }, { machine: new SwapMachine(), storage });
    expect(replica.step({ type: "tick" })).toEqual([
      { type: "halt", reason: { type: "logDamaged", index: 1 } },
    ]);
    expect(replica.step({ type: "tick" })).toEqual([]);
  });
});

describe("status", () => {
  it("says who answers, how far they are, and how many more may fail", () => {
    const { cluster, leader } = led();
    const { replica } = cluster.member(leader);
    for (let i = 0; i < 3; i++) cluster.propose(leader, `v${i}`, 0, i);
    cluster.ticks(5);
    const { decidedIndex } = replica.status;
    expect(replica.status.failuresTolerated).toBe(1);
    expect(replica.status.peers).toMatchObject([
      { id: "a", decidedIndex, votes: true },
      { id: "b", decidedIndex, votes: true },
    ]);
    cluster.crash("a");
    cluster.ticks(12);
    expect(replica.status.failuresTolerated).toBe(0);
    expect(replica.status.peers[0]?.heardAgoTicks).toBeGreaterThan(10);
    cluster.crash("b");
    cluster.ticks(12);
    expect(replica.status.failuresTolerated).toBe(-1);
  });
});

describe("state checksums", () => {
  it("a replica whose state differs from the majority's halts; the others go on", () => {
    const { cluster, leader } = led({ checksumEvery: 4 });
    cluster.member("a").machine.apply({ key: "k", value: "cosmic ray" }, 0);
    for (let i = 0; i < 8; i++) cluster.propose(leader, `v${i}`, 0, i);
    cluster.ticks(10);
    expect(cluster.member("a").replica.status.role).toBe("halted");
    expect(cluster.member("a").seen.at(-1)).toMatchObject({
      type: "halt",
      reason: { type: "stateDiverged" },
    });
    expect(cluster.propose(leader, "on")).toMatchObject([{ type: "reply" }]);
  });
});
