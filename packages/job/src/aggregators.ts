import { FanfoldError } from "./fanfold-error.js";
import type { Key } from "./key.js";

/**
 * Built-in folds over the values of one key.
 *
 * An aggregator is a state machine: `initial` → `add` for each value → `finish`. `finish` may be called once a state.
 * A *combinable* aggregator gives back a value of the type it took and is associative, so that it may also run
 * on part of a key's values, any number of times (`combine`).
 */
export interface Aggregator<in V, out R> {
  /** Name of the built-in, by which the engine may run it in a faster form. */
  readonly kind: AggregatorKind;
  readonly initial: () => unknown;
  /** Returns the new state, which may be the old one changed in place. */
  readonly add: (state: never, value: V) => unknown;
  readonly finish: (state: never) => R;
}

/** An aggregator whose result may be fed to it again. */
export interface Combiner<V> extends Aggregator<V, V> {
  readonly combinable: true;
}

export type AggregatorKind =
  | "sum"
  | "count"
  | "min"
  | "max"
  | "mean"
  | "first"
  | "collect"
  | "distinct"
  | "topK";

/** Adds up numbers in the order they come. Combinable. Integers are exact up to 2^53. */
export function sum(): Combiner<number> {
  return {
    kind: "sum",
    combinable: true,
    initial: () => 0,
    add: (state: number, value) => state + numberOf(value, "sum"),
    finish: (state: number) => state,
  };
}

/** How many values there are, whatever they are. To combine counts, use `sum()` over ones. */
export function count(): Aggregator<unknown, number> {
  return {
    kind: "count",
    initial: () => 0,
    add: (state: number) => state + 1,
    finish: (state: number) => state,
  };
}

/** Types with a natural order: compared by `<` within one type. */
export type Ordered = number | bigint | string | Date;

/** The smallest value; the first of equals. Combinable. */
export function min<V extends Ordered = number>(): Combiner<V> {
  return extreme("min", (candidate, best) => candidate < best);
}

/** The largest value; the first of equals. Combinable. */
export function max<V extends Ordered = number>(): Combiner<V> {
  return extreme("max", (candidate, best) => candidate > best);
}

function extreme<V extends Ordered>(kind: "min" | "max", beats: (a: V, b: V) => boolean): Combiner<V> {
  return {
    kind,
    combinable: true,
    initial: () => undefined,
    add: (state: V | undefined, value) => (state === undefined || beats(value, state) ? value : state),
    finish: (state: V) => state,
  };
}

/** The arithmetic mean of numbers. */
export function mean(): Aggregator<number, number> {
  return {
    kind: "mean",
    initial: () => ({ total: 0, count: 0 }),
    add: (state: { total: number; count: number }, value) => {
      state.total += numberOf(value, "mean");
      state.count += 1;
      return state;
    },
    finish: (state: { total: number; count: number }) => state.total / state.count,
  };
}

/** The first value in shuffle order: by split, then by position within it. Combinable. */
export function first<V>(): Combiner<V> {
  return {
    kind: "first",
    combinable: true,
    initial: () => undefined,
    add: (state: { value: V } | undefined, value) => state ?? { value },
    finish: (state: { value: V }) => state.value,
  };
}

/** All values of a key as an array, in shuffle order. Held in memory: for keys with few values. */
export function collect<V>(): Aggregator<V, V[]> {
  return {
    kind: "collect",
    initial: () => [],
    add: (state: V[], value) => {
      state.push(value);
      return state;
    },
    finish: (state: V[]) => state,
  };
}

/** The different values of a key, in order of first appearance; equality is that of keys. Held in memory. */
export function distinct<V extends Key>(): Aggregator<V, V[]> {
  return {
    kind: "distinct",
    initial: () => new Map(),
    add: (state: Map<unknown, V>, value) => {
      const identity = identityOf(value);
      if (!state.has(identity)) state.set(identity, value);
      return state;
    },
    finish: (state: Map<unknown, V>) => [...state.values()],
  };
}

/**
 * The `k` largest values, largest first; of equals the earlier first. With `by`, the values with the largest `by`.
 * Holds `k` values.
 */
export function topK<V extends Ordered>(k: number): Aggregator<V, V[]>;
export function topK<V>(k: number, by: (value: V) => Ordered): Aggregator<V, V[]>;
export function topK<V>(k: number, by?: (value: V) => Ordered): Aggregator<V, V[]> {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new FanfoldError("JOB_INVALID", `topK(${String(k)}): k must be a whole number from 1`);
  }
  const rankOf = by ?? ((value: V) => value as Ordered);
  return {
    kind: "topK",
    initial: () => [],
    add: (state: { value: V; rank: Ordered }[], value) => {
      const rank = rankOf(value);
      const last = state[state.length - 1];
      if (state.length === k && last !== undefined && !(rank > last.rank)) return state;
      insertRanked(state, { value, rank });
      if (state.length > k) state.pop();
      return state;
    },
    finish: (state: { value: V }[]) => state.map((entry) => entry.value),
  };
}

function insertRanked<V>(state: { value: V; rank: Ordered }[], entry: { value: V; rank: Ordered }): void {
  let low = 0;
  let high = state.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (state[middle]!.rank >= entry.rank) low = middle + 1;
    else high = middle;
  }
  state.splice(low, 0, entry);
}

function numberOf(value: unknown, kind: string): number {
  if (typeof value === "number") return value;
  throw new FanfoldError(
    "USER_CODE_FAILED",
    `${kind}() takes numbers, but got a value of type ${typeof value}`,
  );
}

/** A primitive that is equal for equal keys: SameValueZero for primitives, a tagged text for the rest. */
function identityOf(value: Key): unknown {
  if (value === null || typeof value !== "object") return value;
  return describeKey(value);
}

function describeKey(value: Key): string {
  if (value instanceof Date) return `\u0000d${value.getTime()}`;
  if (value instanceof Uint8Array) return `\u0000b${Array.from(value).join(",")}`;
  if (Array.isArray(value))
    return `\u0000[${value.map((part: Key) => describePart(describeKey(part))).join("")}]`;
  return `\u0000${typeof value}:${Object.is(value, -0) ? "0" : String(value)}`;
}

function describePart(text: string): string {
  return `${text.length}:${text}`;
}
