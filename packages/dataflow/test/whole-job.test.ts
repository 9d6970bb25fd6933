import { collect, defineJob, type Emit, first, max, min, sum, textLines } from "@fanfold/job";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder, runJob } from "./memory-ports.js";

let folder: { path: string; remove: () => void };
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const lines = ["the quick brown fox", "the lazy dog", "", "__proto__ constructor the dog"];

test("word count gives each word once, in order within its partition, with its count", async () => {
  const job = defineJob({
    name: "words",
    input: textLines(),
    map(line, emit: Emit<string, number>) {
      for (const word of line.split(" ")) emit(word, 1);
    },
    combine: sum(),
    reduce: sum(),
  });
  const run = await runJob(job, folder.path, { splits: [lines, lines.slice(1)], partitions: 3 });
  const counts = Object.fromEntries(run.partitions.flat());
  const expected: Record<string, number> = Object.create(null);
  for (const line of [...lines, ...lines.slice(1)]) {
    for (const word of line.split(" ")) expected[word] = (expected[word] ?? 0) + 1;
  }
  expect(counts).toEqual(Object.fromEntries(Object.entries(expected)));
  for (const pairs of run.partitions) {
    const keys = pairs.map(([key]) => key as string);
    expect(keys).toEqual([...keys].sort());
  }
});

test("values of a key come by split, then by position within it", async () => {
  const job = defineJob({
    name: "order",
    input: textLines(),
    map(line, emit: Emit<string, string>) {
      emit("k", line);
    },
    reduce: collect(),
  });
  const run = await runJob(job, folder.path, { splits: [["a", "b"], ["c"], ["d", "e"]], partitions: 1 });
  expect(run.partitions).toEqual([[["k", ["a", "b", "c", "d", "e"]]]]);
});

test("min, max and first combine strings as well as numbers", async () => {
  for (const [aggregator, wanted] of [
    [min<number | string>() as never, "a"],
    [max<number | string>() as never, "c"],
    [first<number | string>() as never, "b"],
  ] as const) {
    const job = defineJob({
      name: "extremes",
      input: textLines(),
      map(line, emit: Emit<string, string>) {
        emit("k", line);
      },
      combine: aggregator,
      reduce: aggregator,
    });
    const run = await runJob(job, folder.path, { splits: [["b", "a"], ["c"]], partitions: 1 });
    expect(run.partitions).toEqual([[["k", wanted]]]);
    folder.remove();
    folder = makeFolder();
  }
});

test("groupBy gives one group a prefix, its values in order of the whole key", async () => {
  const job = defineJob({
    name: "secondary-sort",
    input: textLines(),
    map(line, emit: Emit<[string, number], string>) {
      const [user, time] = line.split(" ") as [string, string];
      emit([user, Number(time)], line);
    },
    groupBy: ([user]) => user,
    reduce(user, values, emit: Emit<string, string[]>) {
      emit(user, [...values]);
    },
  });
  const splits = [
    ["b 10", "a 9"],
    ["a 10", "b 2", "a 1"],
  ];
  const run = await runJob(job, folder.path, { splits, partitions: 4 });
  expect(Object.fromEntries(run.partitions.flat())).toEqual({
    a: ["a 1", "a 9", "a 10"],
    b: ["b 2", "b 10"],
  });
});
