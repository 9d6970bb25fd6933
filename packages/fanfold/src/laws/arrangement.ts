/** One way of running a job: what the laws say must make no difference. */

export type Law = "splits" | "reducers" | "recordOrder" | "attempts" | "combiner";

export interface Arrangement {
  /** Into how many map tasks the records are cut. */
  readonly splits: number;
  readonly reducers: number;
  /** Shuffles the records; undefined leaves them as they are. */
  readonly orderSeed: number | undefined;
  /** Which run of its tasks this is: 2 repeats what 1 has done, tasks in the opposite order. */
  readonly attempt: number;
  /** `nested` combines a key's values in halves, and then what comes of them. */
  readonly combiner: "off" | "on" | "nested";
}

const plain: Arrangement = { splits: 3, reducers: 2, orderSeed: undefined, attempt: 1, combiner: "on" };

interface Comparison {
  readonly law: Law;
  readonly one: Arrangement;
  readonly other: Arrangement;
}

/** How the difference of two arrangements reads. */
export const lawTexts: Readonly<Record<Law, string>> = {
  splits: "the answer must not depend on how the input is cut into splits",
  reducers: "the answer must not depend on the number of reducers",
  recordOrder: "the answer must not depend on the order of the records",
  attempts: "a task that is run again must give what it gave before",
  combiner: "the answer must be the same with and without the combiner, however often it is applied",
};

/** Pairs of arrangements that must agree. */
export function comparisons(hasReduce: boolean, hasCombine: boolean): readonly Comparison[] {
  const pairs: Comparison[] = [];
  // First what the others build on: a job that answers otherwise each time breaks all laws.
  pairs.push({ law: "attempts", one: plain, other: { ...plain, attempt: 2 } });
  // Without the combiner, so that a bad one is not taken for anything else.
  const bare: Arrangement = { ...plain, combiner: hasCombine ? "off" : "on" };
  for (const splits of [1, 2, 7]) pairs.push({ law: "splits", one: bare, other: { ...bare, splits } });
  if (hasReduce) {
    for (const reducers of [1, 3, 8])
      pairs.push({ law: "reducers", one: bare, other: { ...bare, reducers } });
  }
  for (const orderSeed of [1, 2, 3])
    pairs.push({ law: "recordOrder", one: bare, other: { ...bare, orderSeed } });
  if (hasCombine) {
    for (const splits of [1, 3]) {
      const off: Arrangement = { ...bare, splits };
      pairs.push({ law: "combiner", one: off, other: { ...off, combiner: "on" } });
      pairs.push({ law: "combiner", one: off, other: { ...off, combiner: "nested" } });
    }
  }
  return pairs;
}

export function describeArrangement({ law, one, other }: Comparison): readonly [one: string, other: string] {
  switch (law) {
    case "splits":
      return [count(one.splits, "split"), count(other.splits, "split")];
    case "reducers":
      return [count(one.reducers, "reducer"), count(other.reducers, "reducer")];
    case "recordOrder":
      return ["records as given", "records in another order"];
    case "attempts":
      return ["the first attempt of each task", "the second attempt of each task"];
    case "combiner":
      return ["no combiner", other.combiner === "on" ? "the combiner" : "the combiner applied twice"];
  }
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
