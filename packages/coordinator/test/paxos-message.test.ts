/** Whatever arrives where a message of Paxos should, the replica goes on. */
import { FanfoldError } from "@fanfold/job";
import { MemoryStorage, type Message } from "@fanfold/paxos";
import type { Command } from "@fanfold/scheduler";
import type { Clock } from "@fanfold/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PaxosLog } from "../src/paxos-log.js";
import { decodeMessage, encodeMessage } from "../src/paxos-message.js";

const members = ["a", "b", "c"];
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
function nothing(): void {
  // Nobody reads it.
}

/** Three replicas on one clock; every message goes through its encoding and is kept. */
class Trio {
  readonly frames: Uint8Array[] = [];
  readonly logs = new Map<string, PaxosLog>();
  readonly failures: Error[] = [];
  leader: string | undefined;
  readonly #calls: (() => void)[] = [];
  #queue: (() => void)[] = [];
  #nowMs = 0;

  constructor() {
    const clock: Clock = {
      nowMs: () => this.#nowMs,
      elapsedMs: () => this.#nowMs,
      after: () => nothing,
      every: (_intervalMs, call) => {
        this.#calls.push(call);
        return nothing;
      },
    };
    for (const id of members) {
      const log = new PaxosLog(
        { id, members, seed: id.charCodeAt(0) },
        {
          storage: new MemoryStorage(),
          stored: undefined,
          log: silent,
          clock,
          nameCluster: nothing,
          newClusterId: () => "c1",
          closeStorage: () => Promise.resolve(),
          send: (to, message) => this.#send(id, to, message),
        },
      );
      this.logs.set(id, log);
      log.start({
        reignBegan: () => {
          this.leader = id;
        },
        reignEnded: nothing,
        decided: nothing,
        failed: (error) => this.failures.push(error),
      });
    }
  }

  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick += 1) {
      this.#nowMs += 20;
      for (const call of this.#calls) call();
      for (let rounds = 0; this.#queue.length > 0 && rounds < 20; rounds += 1) {
        for (const deliver of this.#queue.splice(0)) deliver();
      }
    }
  }

  propose(command: Command): void {
    this.logs.get(this.leader ?? "")?.propose(command);
  }

  #send(from: string, to: string, message: Message): void {
    const frame = encodeMessage(message);
    this.frames.push(frame);
    this.#queue.push(() => this.logs.get(to)?.receive(from, decodeMessage(frame)));
  }
}

function working(): Trio {
  const trio = new Trio();
  trio.run(60);
  for (const type of ["jobPaused", "jobResumed", "jobCancelRequested"] as const) {
    trio.propose({ type, jobId: "j1", atMs: 1 });
    trio.run(3);
  }
  return trio;
}

const decoded = (frame: Uint8Array): Message | undefined => {
  try {
    return decodeMessage(frame);
  } catch (error) {
    expect(error).toBeInstanceOf(FanfoldError);
    expect(error).toMatchObject({ code: "MESSAGE_INVALID" });
    return undefined;
  }
};

describe("a message of Paxos", () => {
  it("passes as it was sent, of every kind that a working cluster sends", () => {
    const { frames, leader } = working();
    expect(leader).toBeDefined();
    const kinds = new Set(frames.map((frame) => decodeMessage(frame).type));
    for (const kind of ["heartbeat", "heartbeatReply", "prepare", "promise", "accept", "accepted"])
      expect(kinds).toContain(kind);
  });

  it("of random bytes is refused with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decoded(bytes);
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  it("that is cut, flipped or spliced is refused, or harms nobody", () => {
    const trio = working();
    const { frames } = trio;
    const damage = fc.record({
      frame: fc.nat(frames.length - 1),
      at: fc.nat(400),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 2 }),
      kind: fc.constantFrom(
        "flip" as const,
        "flip" as const,
        "flip" as const,
        "cut" as const,
        "splice" as const,
      ),
    });
    let passed = 0;
    fc.assert(
      fc.property(damage, ({ frame, at, bytes, kind }) => {
        const sound = Buffer.from(frames[frame] ?? []);
        const place = at % sound.length;
        const damaged = Buffer.from(sound);
        damaged.set(bytes.subarray(0, sound.length - place), place);
        const spliced = Buffer.concat([sound.subarray(0, place), bytes, sound.subarray(place)]);
        const frameOf = { flip: damaged, cut: sound.subarray(0, place), splice: spliced };
        const message = decoded(frameOf[kind]);
        if (message === undefined) return;
        passed += 1;
        // A replica of a cluster of its own: what a damaged but well-formed message says may be false.
        const victim = working();
        victim.logs.get("c")?.receive("a", message);
        victim.run(3);
        expect(victim.logs.get("c")?.describe().role).not.toBe("halted");
      }),
      { numRuns: 2_500, seed: 11 },
    );
    // Most damage is refused; some passes, or this test would not test the replica.
    expect(passed).toBeGreaterThan(10);
  });

  it.each([
    ["an unknown type", { type: "coup" }],
    ["an unknown field", { type: "prepare", ballot: { round: 1, replica: "a" }, force: true }],
    ["a ballot that is none", { type: "prepare", ballot: { round: -1, replica: "a" } }],
    ["a ballot beyond counting", { type: "prepare", ballot: { round: 2 ** 50, replica: "a" } }],
    [
      "a command that is none",
      {
        type: "accept",
        ballot: { round: 1, replica: "a" },
        base: 1,
        first: 1,
        entries: [{ type: "command", session: 0, sequence: 1, command: new Uint8Array([1]) }],
        decidedIndex: 0,
      },
    ],
    [
      "a promise of slots far away",
      {
        type: "promise",
        ballot: { round: 1, replica: "a" },
        decidedIndex: 0,
        accepted: [[2 ** 40, { ballot: { round: 1, replica: "a" }, entry: { type: "noop" } }]],
        incarnation: 1,
        remembered: [],
      },
    ],
    [
      "a snapshot of no table",
      {
        type: "snapshot",
        snapshot: {
          index: 3,
          members,
          reign: { round: 1, replica: "a" },
          sessions: [],
          state: new Uint8Array([0x80]),
        },
        decidedIndex: 3,
      },
    ],
    [
      "no members",
      {
        type: "accept",
        ballot: { round: 1, replica: "a" },
        base: 1,
        first: 1,
        entries: [{ type: "members", members: [] }],
        decidedIndex: 0,
      },
    ],
  ])("with %s is refused", (_what, message) => {
    expect(decoded(encodeMessage(message as unknown as Message))).toBeUndefined();
  });
});
