import { describe, expect, expectTypeOf, it } from "vitest";
import {
  count,
  defineJob,
  type Emit,
  jsonLines,
  mean,
  min,
  type OutputPair,
  rangePartitioner,
  sum,
  textLines,
  tsv,
  wholeFiles,
} from "../src/index.js";

interface Hit {
  readonly path: string;
  readonly bytes: number;
}

describe("types of a job", () => {
  it("flow from the reader to map, and from emit to reduce, without being written twice", () => {
    defineJob({
      name: "flow",
      input: jsonLines<Hit>(),
      map(hit, emit: Emit<string, number>, context) {
        expectTypeOf(hit).toEqualTypeOf<Hit>();
        expectTypeOf(context.params).toEqualTypeOf<Readonly<Record<string, string>>>();
        expectTypeOf(context.split.offset).toEqualTypeOf<number>();
        emit(hit.path, hit.bytes);
      },
      combine(key, values) {
        expectTypeOf(key).toEqualTypeOf<string>();
        expectTypeOf(values).toEqualTypeOf<Iterable<number>>();
        return [...values].length;
      },
      reduce(key, values, emit: Emit<string, string>) {
        expectTypeOf(key).toEqualTypeOf<string>();
        expectTypeOf(values).toEqualTypeOf<Iterable<number>>();
        emit(key, String([...values].length));
      },
    });
  });

  it("let aggregators stand for combine and reduce, whatever order the fields are written in", () => {
    defineJob({
      name: "word-count",
      combine: sum(),
      reduce: sum(),
      input: textLines(),
      output: tsv(),
      map(line, emit: Emit<string, number>) {
        expectTypeOf(line).toEqualTypeOf<string>();
        emit(line, 1);
      },
    });
    defineJob({
      name: "mean",
      input: wholeFiles(),
      map(file, emit: Emit<readonly [string, number], number>) {
        emit([file.path, 1], file.text.length);
      },
      reduce: mean(),
    });
  });

  it("refuse a combiner that changes the type", () => {
    defineJob({
      name: "wrong",
      input: textLines(),
      reduce: count(),
      map(line, emit: Emit<string, string>) {
        emit(line, line);
      },
      // @ts-expect-error sum() folds numbers, but map emits strings
      combine: sum(),
    });
    defineJob({
      name: "wrong",
      input: textLines(),
      reduce: count(),
      map(line, emit: Emit<string, number>) {
        emit(line, 1);
      },
      // @ts-expect-error the function gives a string for numbers
      combine: (_key, values) => [...values].join(""),
    });
    const counting = () =>
      defineJob({
        name: "wrong",
        input: textLines(),
        // @ts-expect-error counting counts again is not counting
        combine: count(),
        map(line, emit: Emit<string, number>) {
          emit(line, 1);
        },
      });
    expect(counting).toThrow("combinable aggregator");
  });

  it("refuse a reducer for other values than map emits, and keys that are not keys", () => {
    defineJob({
      name: "wrong",
      input: textLines(),
      // @ts-expect-error sum() takes numbers, but map emits strings
      map(line, emit: Emit<string, string>) {
        emit(line, line);
      },
      reduce: sum(),
    });
    defineJob({
      name: "wrong",
      input: textLines(),
      // @ts-expect-error an object is not a key
      map(line, emit: Emit<{ line: string }, number>) {
        emit({ line }, 1);
      },
    });
  });

  it("give reduce the group's key and partitioners the whole key", () => {
    defineJob({
      name: "secondary-sort",
      input: textLines(),
      map(line, emit: Emit<readonly [station: string, year: number], number>) {
        emit([line, 1], 2);
      },
      groupBy: (key) => key[0],
      partitioner: rangePartitioner(),
      reduce(station, values, emit: Emit<string, number>) {
        expectTypeOf(station).toEqualTypeOf<string>();
        for (const value of values) emit(station, value);
      },
    });
  });

  it("take the parameters' type from a Standard Schema", () => {
    const schema = {
      "~standard": {
        version: 1 as const,
        vendor: "test",
        validate: (value: unknown) => ({ value: value as { top: number } }),
      },
    };
    defineJob({
      name: "params",
      input: textLines(),
      params: schema,
      map(line, emit: Emit<string, number>, context) {
        expectTypeOf(context.params).toEqualTypeOf<{ top: number }>();
        emit(line, context.params.top);
      },
      reduce: min(),
    });
  });

  it("say what a job's output is made of", () => {
    const counts = defineJob({
      name: "counts",
      input: textLines(),
      map(line, emit: Emit<string, number>) {
        emit(line, 1);
      },
      reduce: sum(),
    });
    expectTypeOf<OutputPair<typeof counts>>().toEqualTypeOf<[key: string, value: number]>();
    const lengths = defineJob({
      name: "lengths",
      input: textLines(),
      map(line, emit: Emit<string, number>) {
        emit(line, 1);
      },
      reduce(_key, values, emit: Emit<number, Date>) {
        for (const value of values) emit(value, new Date(0));
      },
    });
    expectTypeOf<OutputPair<typeof lengths>>().toEqualTypeOf<[key: number, value: Date]>();
    const mapOnly = defineJob({
      name: "map-only",
      input: textLines(),
      map(line, emit: Emit<string, bigint>) {
        emit(line, 1n);
      },
    });
    expectTypeOf<OutputPair<typeof mapOnly>>().toEqualTypeOf<[key: string, value: bigint]>();
  });

  it("restrict the names of outputs to the declared ones", () => {
    defineJob({
      name: "outputs",
      input: textLines(),
      outputs: { errors: jsonLines() },
      map(line, emit: Emit<string, number>, context) {
        context.output("errors").write(line);
        // @ts-expect-error there is no output of this name
        context.output("erors").write(line);
        emit(line, 1);
      },
    });
  });
});
