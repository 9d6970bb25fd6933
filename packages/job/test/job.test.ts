import { describe, expect, it } from "vitest";
import {
  type Aggregator,
  type AnyJob,
  checkJob,
  collect,
  compilePlan,
  count,
  distinct,
  FanfoldError,
  first,
  jsonLines,
  max,
  mean,
  min,
  rangePartitioner,
  sum,
  textLines,
  topK,
} from "../src/index.js";

/** Folds as the engine does, whatever the state's type is. */
function fold<V, R>(aggregator: Aggregator<V, R>, values: readonly V[]): R {
  const add = aggregator.add as (state: unknown, value: V) => unknown;
  let state = aggregator.initial();
  for (const value of values) state = add(state, value);
  return (aggregator.finish as (state: unknown) => R)(state);
}

describe("aggregators", () => {
  it("fold numbers", () => {
    expect(fold(sum(), [1, 2, 3.5])).toBe(6.5);
    expect(fold(count(), ["a", null, 3])).toBe(3);
    expect(fold(mean(), [1, 2, 6])).toBe(3);
    expect(fold(min(), [3, 1, 2])).toBe(1);
    expect(fold(max(), [3, 1, 2])).toBe(3);
  });

  it("compare whatever has an order", () => {
    expect(fold(min<string>(), ["b", "a"])).toBe("a");
    expect(fold(max<bigint>(), [1n, 3n, 2n])).toBe(3n);
    expect(fold(max<Date>(), [new Date(1), new Date(5)])).toEqual(new Date(5));
  });

  it("keep the first, all, and the different values in order", () => {
    expect(fold(first<string | undefined>(), [undefined, "b"])).toBeUndefined();
    expect(fold(collect<number>(), [2, 1, 2])).toEqual([2, 1, 2]);
    const keys = [
      0,
      -0,
      Number.NaN,
      Number.NaN,
      "0",
      0n,
      ["a"],
      ["a"],
      new Date(1),
      new Date(1),
      new Uint8Array([1]),
    ];
    expect(fold(distinct(), keys)).toEqual([0, Number.NaN, "0", 0n, ["a"], new Date(1), new Uint8Array([1])]);
    expect(fold(distinct(), [["a", "b"], ["a,b"], [["a"], "b"], [["a", "b"]]])).toHaveLength(4);
  });

  it("keep the k largest, of equals the earlier, and hold no more", () => {
    expect(fold(topK(3), [5, 1, 9, 7, 3])).toEqual([9, 7, 5]);
    const by = topK(2, (pair: readonly [string, number]) => pair[1]);
    expect(
      fold(by, [
        ["a", 1],
        ["b", 2],
        ["c", 2],
        ["d", 1],
      ]),
    ).toEqual([
      ["b", 2],
      ["c", 2],
    ]);
    expect(() => topK(0)).toThrow(FanfoldError);
  });

  it("refuse to add up what is not a number", () => {
    expect(() => fold(sum(), ["1" as never])).toThrow(/sum\(\) takes numbers/);
  });
});

const job = { name: "j", input: textLines(), map: () => undefined } as unknown as AnyJob;

describe("a definition", () => {
  it.each([
    ["no object", 3],
    ["no name", { ...job, name: "" }],
    ["a name with a slash", { ...job, name: "../x" }],
    ["no reader", { ...job, input: "file.txt" }],
    ["no map", { ...job, map: undefined }],
    ["an unknown field", { ...job, reducer: sum() }],
    ["a combiner without a reducer", { ...job, combine: sum() }],
    ["a combiner that is none", { ...job, combine: mean(), reduce: mean() }],
    ["a reducer that is none", { ...job, reduce: 3 }],
    ["half a reducer", { ...job, reduce: sum(), reducers: 1.5 }],
    ["an output that is no writer", { ...job, output: { reader: {} } }],
    ["a reserved output name", { ...job, outputs: { part: jsonLines() } }],
  ])("with %s is refused", (_what, definition) => {
    expect(() => checkJob(definition as unknown as AnyJob)).toThrow(/Not a job/);
  });

  it("compiles to the stages it needs", () => {
    const kinds = (definition: object): readonly string[] =>
      compilePlan(definition as AnyJob).stages.map((stage) => stage.kind);
    expect(kinds(job)).toEqual(["map"]);
    expect(kinds({ ...job, reduce: sum() })).toEqual(["map", "reduce"]);
    const plan = compilePlan({ ...job, reduce: sum(), partitioner: rangePartitioner() } as unknown as AnyJob);
    expect(plan.stages.map((stage) => [stage.kind, stage.after])).toEqual([
      ["sample", []],
      ["map", [0]],
      ["reduce", [1]],
    ]);
  });
});

describe("an error", () => {
  it("survives the wire with its code, details and the user's stack", () => {
    const cause = new TypeError("inner");
    const error = new FanfoldError("USER_CODE_FAILED", "map threw", { details: { offset: 3 }, cause });
    const back = FanfoldError.fromReport(JSON.parse(JSON.stringify(error.toReport())));
    expect(back).toMatchObject({ code: "USER_CODE_FAILED", message: "map threw", details: { offset: 3 } });
    expect(back.stack).toBe(cause.stack);
    expect(FanfoldError.from(back)).toBe(back);
    expect(FanfoldError.from("text").code).toBe("INTERNAL");
  });
});
