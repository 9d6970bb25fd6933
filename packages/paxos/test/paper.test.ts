/** A walk through "Paxos Made Simple" (Lamport, 2001), a section a test. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Acceptor,
  type Learner,
  majorityOf,
  newAcceptor,
  newLearner,
  onAccept,
  onPrepare,
  onPromise,
  onVote,
  type Proposer,
  propose,
  type SynodAccept,
  type SynodPrepare,
  type SynodPromise,
  type SynodVote,
  valueToPropose,
} from "../src/synod.js";

const ballot = (round: number, replica = "p") => ({ round, replica });
const abc = ["a", "b", "c"];

describe("§2.1 the problem", () => {
  it("chooses nothing when nothing is proposed, and only values that were proposed", () => {
    const learner = newLearner<string>(abc);
    expect(learner.chosen).toBeUndefined();
    const voted = onVote(learner, { type: "accepted", ballot: ballot(1), from: "a", value: "x" });
    expect(voted.chosen).toBeUndefined();
  });
});

describe("§2.2 choosing a value", () => {
  it("P1: an acceptor accepts the first proposal that it receives", () => {
    const { acceptor, reply } = onAccept(newAcceptor("a"), { type: "accept", ballot: ballot(1), value: "x" });
    expect(acceptor.accepted).toEqual({ ballot: ballot(1), value: "x" });
    expect(reply).toEqual({ type: "accepted", ballot: ballot(1), from: "a", value: "x" });
  });

  it("P1a: an acceptor that promised a later ballot neither promises nor accepts an earlier one", () => {
    const promised = onPrepare(newAcceptor("a"), { type: "prepare", ballot: ballot(5) }).acceptor;
    expect(onPrepare(promised, { type: "prepare", ballot: ballot(4) }).reply).toBeUndefined();
    expect(onAccept(promised, { type: "accept", ballot: ballot(4), value: "x" }).reply).toBeUndefined();
    expect(onAccept(promised, { type: "accept", ballot: ballot(5), value: "x" }).reply).toBeDefined();
  });

  it("promised and accepted ballots are separate: accept at 1, promise 2, prepare 3 reports ballot 1", () => {
    let acceptor: Acceptor<string> = newAcceptor("a");
    acceptor = onAccept(acceptor, { type: "accept", ballot: ballot(1), value: "x" }).acceptor;
    acceptor = onPrepare(acceptor, { type: "prepare", ballot: ballot(2) }).acceptor;
    const { reply } = onPrepare(acceptor, { type: "prepare", ballot: ballot(3) });
    expect(reply?.accepted).toEqual({ ballot: ballot(1), value: "x" });
  });

  it("P2c: a proposer proposes the value of the latest ballot among its promises, its own if there is none", () => {
    const promise = (from: string, accepted?: { round: number; value: string }): SynodPromise<string> => ({
      type: "promise",
      ballot: ballot(9),
      from,
      accepted: accepted && { ballot: ballot(accepted.round), value: accepted.value },
    });
    expect(valueToPropose([promise("a"), promise("b")], "own")).toBe("own");
    const reported = [
      promise("a", { round: 2, value: "x" }),
      promise("b", { round: 4, value: "y" }),
      promise("c"),
    ];
    expect(valueToPropose(reported, "own")).toBe("y");
  });

  it("phase 2 begins with a majority of promises for this very ballot, and only once", () => {
    const promise = (from: string, round: number): SynodPromise<string> => ({
      type: "promise",
      ballot: ballot(round),
      from,
      accepted: undefined,
    });
    let { proposer } = propose(ballot(2), "v", abc);
    const feed = (message: SynodPromise<string>) => {
      const next = onPromise(proposer, message);
      proposer = next.proposer;
      return next.message;
    };
    expect(feed(promise("a", 1))).toBeUndefined();
    expect(feed(promise("a", 2))).toBeUndefined();
    expect(feed(promise("a", 2))).toBeUndefined();
    expect(feed(promise("stranger", 2))).toBeUndefined();
    expect(feed(promise("b", 2))).toEqual({ type: "accept", ballot: ballot(2), value: "v" });
    expect(feed(promise("c", 2))).toBeUndefined();
  });
});

describe("§2.3 learning a chosen value", () => {
  it("a value is chosen by a majority of votes in one ballot, not by votes of different ballots", () => {
    const vote = (from: string, round: number, value: string): SynodVote<string> => ({
      type: "accepted",
      ballot: ballot(round),
      from,
      value,
    });
    let learner = newLearner<string>(abc);
    learner = onVote(learner, vote("a", 1, "x"));
    learner = onVote(learner, vote("a", 1, "x"));
    learner = onVote(learner, vote("b", 2, "x"));
    expect(learner.chosen).toBeUndefined();
    learner = onVote(learner, vote("c", 2, "x"));
    expect(learner.chosen?.value).toBe("x");
  });
});

describe("§2.4 progress", () => {
  it("two proposers that keep outbidding each other choose nothing; one that is left alone chooses", () => {
    const acceptors = new Map(abc.map((id) => [id, newAcceptor<string>(id)]));
    for (let round = 1; round < 20; round++) {
      const message: SynodPrepare = { type: "prepare", ballot: ballot(round, round % 2 ? "p" : "q") };
      for (const [id, acceptor] of acceptors) acceptors.set(id, onPrepare(acceptor, message).acceptor);
      const late: SynodAccept<string> = { type: "accept", ballot: ballot(round - 1), value: "late" };
      for (const acceptor of acceptors.values()) expect(onAccept(acceptor, late).reply).toBeUndefined();
    }
    expect(runSynod([{ at: 30, value: "alone" }], abc, [])).toEqual(["alone"]);
  });
});

describe("§2.5 the implementation", () => {
  it("any schedule of any number of proposers, with loss, repetition and reordering, chooses at most one value", () => {
    const schedule = fc.array(fc.nat(1_000), { maxLength: 150 });
    fc.assert(
      fc.property(
        fc.constantFrom(3, 5),
        fc.integer({ min: 1, max: 4 }),
        schedule,
        (size, proposers, choices) => {
          const acceptors = ["a", "b", "c", "d", "e"].slice(0, size);
          const plans = Array.from({ length: proposers }, (_, i) => ({ at: i + 1, value: `v${i}` }));
          expect(new Set(runSynod(plans, acceptors, choices)).size).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 400, seed: 7 },
    );
  });

  it("a majority is the smallest set any two of which meet", () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majorityOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });
});

interface Letter {
  readonly to: string;
  readonly message: SynodPrepare | SynodAccept<string> | SynodPromise<string> | SynodVote<string>;
}

/** Delivers letters in the order `choices` picks (repeating every 7th), then the rest in order; values chosen. */
function runSynod(
  plans: readonly { at: number; value: string }[],
  ids: readonly string[],
  choices: readonly number[],
): string[] {
  const acceptors = new Map(ids.map((id) => [id, newAcceptor<string>(id)]));
  const proposers = new Map<string, Proposer<string>>();
  const chosen: string[] = [];
  let learner: Learner<string> = newLearner(ids);
  const letters: Letter[] = [];
  for (const { at, value } of plans) {
    const begun = propose(ballot(at, `p${at}`), value, ids);
    proposers.set(`p${at}`, begun.proposer);
    for (const to of ids) letters.push({ to, message: begun.message });
  }
  const deliver = ({ to, message }: Letter): void => {
    if (message.type === "accepted") {
      learner = onVote(learner, message);
      if (learner.chosen) chosen.push(learner.chosen.value);
    } else if (message.type === "promise") {
      const next = onPromise(proposers.get(to)!, message);
      proposers.set(to, next.proposer);
      if (next.message) for (const id of ids) letters.push({ to: id, message: next.message });
    } else {
      const acceptor = acceptors.get(to)!;
      const next = message.type === "prepare" ? onPrepare(acceptor, message) : onAccept(acceptor, message);
      acceptors.set(to, next.acceptor);
      if (next.reply) letters.push({ to: message.ballot.replica, message: next.reply });
    }
  };
  for (const choice of choices) {
    if (letters.length === 0) break;
    const at = choice % letters.length;
    const letter = letters[at]!;
    if (choice % 7 !== 0) letters.splice(at, 1);
    if (choice % 5 !== 0) deliver(letter);
  }
  while (letters.length > 0) deliver(letters.shift()!);
  return [...new Set(chosen)];
}
