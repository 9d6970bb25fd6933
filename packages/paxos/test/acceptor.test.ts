import { describe, expect, it } from "vitest";
import { ReplicaAcceptor } from "../src/acceptor.js";
import { Applier } from "../src/applier.js";
import { type Entry, emptyStorage, type Slot, settingsOf } from "../src/index.js";
import { Learner } from "../src/learner.js";
import { Outbox } from "../src/outbox.js";
import { paxosRules as rules } from "../src/rules.js";
import { SwapMachine } from "./simulation/swap-machine.js";

const ballot = (round: number) => ({ round, replica: "x" });
const noops = (count: number): Entry[] => Array.from({ length: count }, () => ({ type: "noop" }));

function acceptor(): { acceptor: ReplicaAcceptor; learner: Learner; outbox: Outbox } {
  const outbox = new Outbox(rules, 1, 0);
  const settings = settingsOf({ id: "a", members: ["a", "b", "c"], seed: 1 });
  const applier = new Applier(settings, rules, new SwapMachine());
  const learner = new Learner(emptyStorage, { settings, rules, outbox, applier, onDecided: () => {} });
  return { acceptor: new ReplicaAcceptor(emptyStorage, { rules, outbox, learner }), learner, outbox };
}
const accept = (round: number, base: number, first: number, count: number) =>
  ({ type: "accept", ballot: ballot(round), base, first, entries: noops(count), decidedIndex: 0 }) as const;

describe("an acceptor", () => {
  it("acknowledges the run without a gap, and the rest once the gap is filled", () => {
    const { acceptor: a } = acceptor();
    a.accept(accept(1, 1, 3, 2));
    expect(a.acknowledged()).toBe(0);
    a.accept(accept(1, 1, 1, 2));
    expect(a.acknowledged()).toBe(4);
  });

  it("votes of an earlier ballot do not count in a later reign", () => {
    const { acceptor: a } = acceptor();
    a.accept(accept(1, 1, 1, 5));
    a.accept(accept(2, 1, 1, 2));
    expect(a.acknowledged()).toBe(2);
  });

  it("accepting in a later ballot is promising it: an earlier one is refused from then on, and keeps its votes out", () => {
    const { acceptor: a } = acceptor();
    expect(a.accept(accept(5, 1, 1, 1))).toBe(true);
    expect(a.promised).toEqual(ballot(5));
    expect(a.accept(accept(4, 1, 1, 3))).toBe(false);
    expect(a.promise(ballot(4))).toBe(false);
    expect(a.report(ballot(6))).toHaveLength(1);
  });

  it("never renumbers or replaces a decided slot, and does not report it", () => {
    const { acceptor: a, learner } = acceptor();
    const slots: Slot[] = noops(2).map((entry) => ({ ballot: ballot(1), entry }));
    learner.learn(1, slots);
    a.accept(accept(3, 1, 1, 3));
    expect(learner.log.get(1)?.ballot).toEqual(ballot(1));
    expect(a.acknowledged()).toBe(3);
    expect(a.report(ballot(4)).map(([index]) => index)).toEqual([3]);
  });

  it("does not take what it knows to be decided for a vote: a later reign may have decided it", () => {
    const { acceptor: a, learner } = acceptor();
    a.accept(accept(5, 1, 1, 1));
    learner.learn(
      1,
      noops(3).map((entry) => ({ ballot: ballot(6), entry })),
    );
    expect(learner.decidedIndex).toBe(3);
    expect(a.acknowledged()).toBe(1);
    a.accept({ ...accept(5, 1, 4, 0), decidedIndex: 2 });
    expect(a.acknowledged()).toBe(2);
  });

  it("records each promise and vote once, in order", () => {
    const { acceptor: a, outbox } = acceptor();
    a.promise(ballot(2));
    a.promise(ballot(2));
    a.accept(accept(2, 1, 1, 2));
    a.accept(accept(2, 1, 1, 2));
    const [persist] = outbox.drain();
    expect(persist).toMatchObject({
      type: "persist",
      upTo: 3,
      records: [
        { type: "promised" },
        { type: "accepted", index: 1 },
        { type: "accepted", index: 2 },
        { type: "mark", writes: 1 },
      ],
    });
  });
});
