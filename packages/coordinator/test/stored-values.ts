/** Random records of every type, with values that a careless encoding would change. */
import type { DurableRecord, Entry, LogSnapshot, Outcome, Slot } from "@fanfold/paxos";
import * as fc from "fast-check";

/** With the prototype that object literals have, since a comparison looks at it. */
function plain<T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom<unknown>(-0, Number.NaN, undefined, 2 ** 53, 12n ** 40n, "a\ud800", "漢😀", ""),
  fc
    .constantFrom<() => unknown>(
      () => JSON.parse('{"__proto__": 1, "__proto_": 2, "constructor": 3}'),
      () => new Set(["x", 7]),
      () => Float64Array.of(-0, 1.5),
      () => Buffer.alloc(1000, 7).subarray(10, 13),
    )
    .map((make) => {
      const made = make();
      // A Buffer comes back as the Uint8Array that it is.
      return Buffer.isBuffer(made) ? new Uint8Array(made) : made;
    }),
  fc
    .array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 4 })), { maxLength: 3 })
    .map((pairs) => new Map(pairs)),
);

const index = fc.integer({ min: 1, max: 40 });
const replica = fc.constantFrom("a", "b", "__proto__");
const ballot = plain({ round: fc.nat({ max: 9 }), replica });
const members = fc.uniqueArray(replica, { minLength: 1 });

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.constant({ type: "noop" as const }),
  plain({ type: fc.constant("reign" as const), ballot }),
  plain({ type: fc.constant("open" as const), request: fc.string() }),
  plain({
    type: fc.constant("command" as const),
    session: fc.nat(),
    sequence: fc.nat(),
    command: value,
  }),
  plain({ type: fc.constant("members" as const), members }),
);

const slot: fc.Arbitrary<Slot> = plain({ ballot, entry });

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  plain({ type: fc.constant("applied" as const), index, result: value }),
  plain({ type: fc.constant("opened" as const), session: index }),
  fc.constantFrom({ type: "sessionExpired" as const }, { type: "sequenceStale" as const }),
);

const session = plain({
  session: index,
  usedAt: index,
  floor: fc.nat(),
  outcomes: fc.array(fc.tuple(fc.nat(), outcome), { maxLength: 2 }),
});

export const logSnapshot: fc.Arbitrary<LogSnapshot> = plain({
  index,
  members,
  reign: ballot,
  sessions: fc.array(session, { maxLength: 2 }),
  state: value,
});

/** Each type by name: a new one is a type error here. */
const byType: { [T in DurableRecord["type"]]: fc.Arbitrary<Extract<DurableRecord, { type: T }>> } = {
  mark: plain({ type: fc.constant("mark" as const), writes: fc.nat() }),
  incarnation: plain({
    type: fc.constant("incarnation" as const),
    incarnation: fc.nat({ max: 5 }),
    voting: fc.boolean(),
  }),
  remembered: plain({
    type: fc.constant("remembered" as const),
    replica,
    incarnation: fc.nat({ max: 5 }),
  }),
  promised: plain({ type: fc.constant("promised" as const), ballot }),
  accepted: plain({ type: fc.constant("accepted" as const), index, slot }),
  learned: plain({
    type: fc.constant("learned" as const),
    first: index,
    slots: fc.array(slot, { maxLength: 3 }),
  }),
  decided: plain({ type: fc.constant("decided" as const), index }),
  snapshot: plain({ type: fc.constant("snapshot" as const), snapshot: logSnapshot }),
};

export const durableRecord: fc.Arbitrary<DurableRecord> = fc.oneof(
  { weight: 4, arbitrary: byType.accepted },
  ...Object.values(byType),
);

export type Action =
  | { readonly type: "append"; readonly records: readonly DurableRecord[] }
  | { readonly type: "truncate"; readonly upTo: number }
  /** Until all is acknowledged: what comes after cannot share a write with what came before. */
  | { readonly type: "wait" };

/** What a replica may ask of its storage. */
export const script: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: plain({
        type: fc.constant("append" as const),
        records: fc.array(durableRecord, { minLength: 1, maxLength: 4 }),
      }),
    },
    { weight: 2, arbitrary: plain({ type: fc.constant("truncate" as const), upTo: index }) },
    { weight: 4, arbitrary: fc.constant({ type: "wait" as const }) },
  ),
  { minLength: 6, maxLength: 20, size: "max" },
);
