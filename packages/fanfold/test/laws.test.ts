import { collect, count, defineJob, type Emit, FanfoldError, mean, sum, textLines } from "fanfold";
import { checkLaws, type Law } from "fanfold/laws";
import { describe, expect, it } from "vitest";

const records = ["a b a", "b c", "a", "c c b", "d a", "b", "e d c b a", "a b"];

const wordCount = defineJob({
  name: "word-count",
  input: textLines(),
  map(line, emit: Emit<string, number>) {
    for (const word of line.split(" ")) emit(word, 1);
  },
  combine: sum(),
  reduce: sum(),
});

async function broken(
  job: Parameters<typeof checkLaws>[0],
  lines: readonly string[] = records,
): Promise<FanfoldError> {
  const error: unknown = await checkLaws(job, { records: lines as never }).catch((thrown: unknown) => thrown);
  if (!(error instanceof FanfoldError)) throw new Error(`no law is broken, but: ${String(error)}`);
  expect(error.code).toBe("LAW_BROKEN");
  return error;
}

async function expectBroken(job: Parameters<typeof checkLaws>[0], law: Law): Promise<void> {
  expect((await broken(job)).details["law"]).toBe(law);
}

describe("checkLaws", () => {
  it("is content with a job that keeps all laws", async () => {
    await checkLaws(wordCount, { records });
    await checkLaws(wordCount, { records: [] });
  });

  it("names the combiner that counts instead of adding up, the key, both values, and a minimal input", async () => {
    const { combine: _sum, ...rest } = wordCount;
    const error = await broken(
      defineJob({ ...rest, combine: (_key: string, values: Iterable<number>) => [...values].length }),
    );
    expect(error.details).toEqual({ law: "combiner", key: 'key "b"', one: "3", other: "2", records: 3 });
    expect(error.message).toContain('breaks the law "combiner"');
    expect(error.message).toContain("with no combiner: 3\n    with the combiner applied twice: 2");
    expect(error.message).toMatch(/that shows it \(3 of the records\):\n( {4}"[^"]*b[^"]*"\n?){3}$/);
  });

  it("finds a combiner that gives a mean of means", async () => {
    const lengths = defineJob({
      name: "mean-length",
      input: textLines(),
      map(line, emit: Emit<string, number>) {
        emit("length", line.length);
      },
      combine: (_key, values) => {
        const all = [...values];
        return all.reduce((total, value) => total + value, 0) / all.length;
      },
      reduce: mean(),
    });
    await expectBroken(lengths, "combiner");
  });

  it("finds a map that keeps something from one record to the next", async () => {
    const numbered = defineJob({
      name: "numbered",
      input: textLines(),
      setup: () => {
        next = 0;
      },
      map(line, emit: Emit<number, string>) {
        emit(next, line);
        next += 1;
      },
      reduce: count(),
    });
    let next = 0;
    await expectBroken(numbered, "splits");
  });

  it("finds a reduce that keeps something from one key to the next", async () => {
    let seen = 0;
    const ranked = defineJob({
      name: "ranked",
      input: textLines(),
      setup: () => {
        seen = 0;
      },
      map(line, emit: Emit<string, number>) {
        for (const word of line.split(" ")) emit(word, 1);
      },
      reduce(key, _values, emit: Emit<string, number>) {
        seen += 1;
        emit(key, seen);
      },
    });
    await expectBroken(ranked, "reducers");
  });

  it("finds a reduce that depends on the order of the records, unless that is meant", async () => {
    const collected = defineJob({
      name: "collected",
      input: textLines(),
      map(line, emit: Emit<string, string>) {
        emit(line.slice(0, 1), line);
      },
      reduce: collect(),
    });
    await expectBroken(collected, "recordOrder");
    await checkLaws(collected, { records, except: ["recordOrder"] });
  });

  it("finds chance, the number of the attempt, and what a module remembers of earlier attempts", async () => {
    let lines = 0;
    const weights = [
      (): number => Math.random(),
      (context: { readonly task: { readonly attempt: number } }): number => context.task.attempt,
      (): number => {
        lines += 1;
        return lines;
      },
    ];
    for (const weight of weights) {
      const job = defineJob({
        name: "weighed",
        input: textLines(),
        map(line, emit: Emit<string, number>, context) {
          emit(line, weight(context));
        },
        reduce: sum(),
      });
      await expectBroken(job, "attempts");
    }
  });

  it("lets sums of fractions differ as far as it is told to", async () => {
    const fractions = defineJob({
      name: "fractions",
      input: textLines(),
      map(line, emit: Emit<string, number>) {
        for (let n = 1; n <= line.length; n += 1) emit("sum", 1 / (n + line.length * 0.1));
      },
      reduce: sum(),
    });
    await expectBroken(fractions, "recordOrder");
    await checkLaws(fractions, { records, tolerance: 1e-9 });
  });

  it("shrinks a large input to the records that matter", async () => {
    const { combine: _sum, ...rest } = wordCount;
    const many = Array.from({ length: 300 }, (_, n) => (n === 170 || n === 260 ? "needle" : `word${n}`));
    const job = defineJob({
      ...rest,
      combine: (key: string, values: Iterable<number>) => {
        const total = [...values].reduce((all, value) => all + value, 0);
        return key === "needle" ? Math.min(total, 1) : total;
      },
    });
    const error = await broken(job, many);
    expect(error.details).toMatchObject({
      law: "combiner",
      key: 'key "needle"',
      one: "2",
      other: "1",
      records: 2,
    });
  });

  it("passes on what the job's own code throws, and refuses parameters that do not fit", async () => {
    const throwing = defineJob({
      name: "throwing",
      input: textLines(),
      map() {
        throw new Error("no such luck");
      },
    });
    await expect(checkLaws(throwing, { records })).rejects.toThrow("no such luck");
  });
});
