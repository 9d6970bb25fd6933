import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type AnyBuiltInMapper,
  countEach,
  csv,
  defineJob,
  type Emit,
  type FieldDeclaration,
  fixedRecords,
  identity,
  isIdentity,
  jsonLines,
  keyBy,
  mapperSpecOf,
  mean,
  type OutputPair,
  pick,
  rangePartitioner,
  splitFields,
  sum,
  words,
} from "../src/index.js";

const access = jsonLines({
  fields: { path: "string", status: "int32", bytes: "number", isCached: "boolean", referrer: "string?" },
});

function emittedBy(map: AnyBuiltInMapper, record: unknown): unknown[] {
  const pairs: unknown[] = [];
  const emit = (key: unknown, value: unknown): number => pairs.push([key, value]);
  map(record as never, emit as never);
  return pairs;
}

describe("types of declared fields", () => {
  it("are the record's", () => {
    defineJob({
      name: "declared",
      input: access,
      map(record, emit: Emit<string, number>) {
        expectTypeOf(record).toEqualTypeOf<{
          readonly path: string;
          readonly status: number;
          readonly bytes: number;
          readonly isCached: boolean;
          readonly referrer: string | undefined;
        }>();
        emit(record.path, record.bytes);
      },
      reduce: mean(),
    });
    defineJob({
      name: "declared-csv",
      input: csv({ fields: { price: "number" } }),
      map(row, emit: Emit<number, number>) {
        expectTypeOf(row).toEqualTypeOf<{ readonly price: number }>();
        emit(row.price, 1);
      },
      reduce: sum(),
    });
    defineJob({
      name: "fields",
      input: splitFields({ fields: [3, 1] }),
      map(record, emit: Emit<string, string>) {
        expectTypeOf(record).toEqualTypeOf<readonly [string, string]>();
        emit(record[0], record[1]);
      },
      reduce: identity(),
    });
  });
});

describe("types of built-in mappers", () => {
  it("follow from the record", () => {
    const counted = defineJob({
      name: "count",
      input: words(),
      map: countEach(),
      combine: sum(),
      reduce: sum(),
    });
    expectTypeOf<OutputPair<typeof counted>>().toEqualTypeOf<[key: string, value: number]>();
    const summed = defineJob({
      name: "sum",
      input: access,
      map: keyBy(["path", "status"], pick("bytes")),
      combine: sum(),
      reduce: sum(),
    });
    expectTypeOf<OutputPair<typeof summed>[1]>().toEqualTypeOf<number>();
    expectTypeOf<OutputPair<typeof summed>[0]>().toEqualTypeOf<readonly [string, number]>();
    const sorted = defineJob({
      name: "sort",
      input: fixedRecords({ bytes: 100, keyBytes: 10 }),
      map: keyBy("key", pick("value")),
      partitioner: rangePartitioner(),
      reduce: identity(),
      output: fixedRecords({ bytes: 100 }),
    });
    expectTypeOf<OutputPair<typeof sorted>>().toEqualTypeOf<[key: Uint8Array, value: Uint8Array]>();
    // @ts-expect-error a field that the record does not have
    defineJob({ name: "a", input: access, map: keyBy("nothing", pick("bytes")), reduce: sum() });
    // @ts-expect-error a sum of strings
    defineJob({ name: "a", input: access, map: keyBy("path", pick("path")), combine: sum(), reduce: sum() });
  });
});

describe("built-in mappers", () => {
  const record = { path: "/a", status: 200, bytes: 7 };

  it("are ordinary functions", () => {
    expect(emittedBy(countEach(), "word")).toEqual([["word", 1]]);
    expect(emittedBy(countEach("path"), record)).toEqual([["/a", 1]]);
    expect(emittedBy(countEach("path", "status"), record)).toEqual([[["/a", 200], 1]]);
    expect(emittedBy(keyBy("path"), record)).toEqual([["/a", record]]);
    expect(emittedBy(keyBy("path", pick("bytes")), record)).toEqual([["/a", 7]]);
    expect(emittedBy(keyBy(["path"], pick("bytes", "status")), record)).toEqual([
      [["/a"], { bytes: 7, status: 200 }],
    ]);
    expect(emittedBy(pick("bytes"), record)).toEqual([[null, 7]]);
    expect(emittedBy(keyBy(1, pick(0)), ["a", "b"])).toEqual([["b", "a"]]);
  });

  it("do not take what a record inherits for a field of it", () => {
    expect(emittedBy(pick("constructor"), record)).toEqual([[null, undefined]]);
    const odd = JSON.parse('{"__proto__": 1, "a": "k"}') as { a: string };
    expect(emittedBy(keyBy("a", pick("__proto__")), odd)).toEqual([["k", 1]]);
  });

  it("say what they do", () => {
    expect(mapperSpecOf(countEach())).toEqual({ kind: "countEach", fields: undefined });
    expect(mapperSpecOf(keyBy("a", pick("b")))).toEqual({
      kind: "keyBy",
      fields: ["a"],
      isTuple: false,
      pick: ["b"],
    });
    expect(isIdentity(identity())).toBe(true);
    expect(isIdentity(() => undefined)).toBe(false);
    expect(mapperSpecOf(() => undefined)).toBe(undefined);
  });

  it("refuse what is no field", () => {
    expect(() => keyBy({} as never)).toThrow(/keyBy/);
    expect(() => pick(...([] as unknown as ["a"]))).toThrow(/at least one field/);
    expect(() => keyBy("a", countEach() as never)).toThrow(/pick/);
  });
});

describe("the identity reducer", () => {
  it("emits every value under its key", () => {
    const pairs: unknown[] = [];
    const reduce = identity() as (
      key: unknown,
      values: Iterable<unknown>,
      emit: Emit<string, number>,
    ) => void;
    reduce("k", [1, 2], (key, value) => pairs.push([key, value]));
    expect(pairs).toEqual([
      ["k", 1],
      ["k", 2],
    ]);
  });
});

describe("declarations of fields", () => {
  it.each([
    [() => jsonLines({ fields: {} }), /1 to 64 fields/],
    [() => jsonLines({ fields: { a: "text" } as unknown as FieldDeclaration }), /must be declared/],
    [() => csv({ fields: { a: 1 } as unknown as FieldDeclaration }), /must be declared/],
    [() => splitFields({ fields: [] }), /1 to 64 fields/],
    [() => splitFields({ fields: [-1] }), /whole numbers/],
    [() => splitFields({ fields: [0], delimiter: "\n" }), /delimiter/],
    [() => splitFields({ fields: [0], delimiter: "é" }), /delimiter/],
    [() => words({ pattern: "x" as unknown as RegExp }), /regular expression/],
    [() => fixedRecords({ bytes: 0 }), /bytes/],
    [() => fixedRecords({ bytes: 4, keyBytes: 5 }), /keyBytes/],
  ])("refuse what says nothing sensible (%#)", (declare, reason) => {
    expect(declare).toThrow(reason);
  });

  it("become plain data", () => {
    expect(access.reader).toEqual({
      kind: "jsonLines",
      fields: [
        { name: "path", type: "string", isOptional: false },
        { name: "status", type: "int32", isOptional: false },
        { name: "bytes", type: "number", isOptional: false },
        { name: "isCached", type: "boolean", isOptional: false },
        { name: "referrer", type: "string", isOptional: true },
      ],
    });
    expect(words({ pattern: /\p{L}+/giu }).reader).toMatchObject({
      pattern: { source: "\\p{L}+", flags: "iu" },
    });
  });
});
