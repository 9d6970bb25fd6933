/**
 * Checks that a job may be run as a cluster runs it: cut anywhere, in any order, some tasks twice, combined or not. A
 * job that breaks one of these laws is right on a small input by luck.
 */
import { type AnyJob, FanfoldError, type JobDefinition } from "@fanfold/job";
import { resolveParams } from "@fanfold/worker";
import { type Answer, type Difference, firstDifference, textOf } from "./answer.js";
import { type LawInput, runArranged } from "./arranged-run.js";
import { type Arrangement, comparisons, describeArrangement, type Law, lawTexts } from "./arrangement.js";

/** The record that a job's `map` takes. */
export type RecordOf<J> =
  J extends JobDefinition<infer I, infer _K, infer _V, infer _G, infer _K2, infer _V2, infer _P, infer _N>
    ? I
    : never;

export interface LawOptions<J> {
  /** A small input: records as `map` takes them. Some dozens, with some keys in common, show most mistakes. */
  readonly records: readonly RecordOf<J>[];
  /** As `runJob` takes them. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Laws that the job is not meant to keep, such as `recordOrder` for one that collects values as they come. */
  readonly except?: readonly Law[];
  /** How far numbers may differ, relative to the larger; default 0. Sums of fractions need some: 1e-9. */
  readonly tolerance?: number;
}

/** Runs of the job while the smallest input that shows a broken law is looked for. */
const shrinkRunsMax = 200;
/** Records of that input that are shown. */
const shownRecordsMax = 10;

/**
 * Runs the job on the records in some twenty ways that must not change its answer, in this process.
 *
 * @throws `LAW_BROKEN` naming the law, the first key that differs with both its values, and the smallest input found
 * that shows it; what the job's own code throws; `PARAMS_INVALID`.
 * @example
 * const job = defineJob({ name: "words", input: words(), map: countEach(), combine: sum(), reduce: sum() });
 * await checkLaws(job, { records: ["a", "b", "a"] });
 */
export async function checkLaws<J extends AnyJob>(job: J, options: LawOptions<J>): Promise<void> {
  const { records, except = [], tolerance = 0 } = options;
  const params = await resolveParams(job, options.params ?? {});
  const input: LawInput = { job, records, params };
  const answers = new Map<string, Answer>();
  for (const comparison of comparisons(job.reduce !== undefined, job.combine !== undefined)) {
    if (except.includes(comparison.law)) continue;
    const { one, other } = comparison;
    const isBroken = async (some: readonly unknown[]): Promise<Difference | undefined> => {
      const tried = { ...input, records: some };
      return firstDifference(await runArranged(tried, one), await runArranged(tried, other), tolerance);
    };
    const first = firstDifference(
      await answerOf(answers, input, one),
      await answerOf(answers, input, other),
      tolerance,
    );
    if (first === undefined) continue;
    const smallest = await shrink(records, first, isBroken);
    throw brokenLaw(job, comparison.law, describeArrangement(comparison), smallest);
  }
}

async function answerOf(
  answers: Map<string, Answer>,
  input: LawInput,
  arrangement: Arrangement,
): Promise<Answer> {
  const name = JSON.stringify(arrangement);
  const known = answers.get(name);
  if (known !== undefined) return known;
  const answer = await runArranged(input, arrangement);
  answers.set(name, answer);
  return answer;
}

interface Smallest {
  readonly records: readonly unknown[];
  readonly difference: Difference;
}

/**
 * Takes away records, half of them at a time and then fewer, as long as the law stays broken (Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", 2002, without the complements).
 */
async function shrink(
  records: readonly unknown[],
  difference: Difference,
  isBroken: (records: readonly unknown[]) => Promise<Difference | undefined>,
): Promise<Smallest> {
  let smallest: Smallest = { records, difference };
  let runs = 0;
  for (let size = Math.ceil(records.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.records.length && runs < shrinkRunsMax; ) {
      const fewer = [...smallest.records.slice(0, at), ...smallest.records.slice(at + size)];
      runs += 1;
      const still = fewer.length === 0 ? undefined : await isBroken(fewer);
      if (still === undefined) at += size;
      else smallest = { records: fewer, difference: still };
    }
  }
  return smallest;
}

function brokenLaw(
  job: AnyJob,
  law: Law,
  [oneWay, otherWay]: readonly [string, string],
  { records, difference }: Smallest,
): FanfoldError {
  const { key, one, other } = difference;
  const shown = records.slice(0, shownRecordsMax).map((record) => `    ${textOf(record)}`);
  const more = records.length > shownRecordsMax ? [`    … and ${records.length - shownRecordsMax} more`] : [];
  const message = [
    `Job "${job.name}" breaks the law "${law}": ${lawTexts[law]}.`,
    `  ${key}`,
    `    with ${oneWay}: ${one}`,
    `    with ${otherWay}: ${other}`,
    `  the smallest input found that shows it (${records.length} of the records):`,
    ...shown,
    ...more,
  ].join("\n");
  return new FanfoldError("LAW_BROKEN", message, {
    details: { law, key, one, other, records: records.length },
  });
}
