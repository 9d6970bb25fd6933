import { type AnyJob, FanfoldError, textLines } from "@fanfold/job";
import { afterEach, beforeEach } from "vitest";
import { type MapAttemptOptions, type MapAttemptResult, runMapAttempt } from "../src/index.js";
import { attemptOptions, MemorySinks, makeFolder, memorySource, splitOf } from "./memory-ports.js";

/** A folder of the test at hand; made anew for each. */
export let folder: { path: string; remove: () => void };
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

export function mapOptions(job: AnyJob, records: readonly unknown[], partitions: number): MapAttemptOptions {
  const options = attemptOptions(job, folder.path, "map", 4);
  return { ...options, split: splitOf(records), partitions, boundaries: undefined };
}

export interface Outcome {
  readonly result: MapAttemptResult | undefined;
  readonly error: FanfoldError;
  readonly sinks: MemorySinks;
}

/** Runs a map attempt and gives its result or its error. */
export async function mapWith(
  job: AnyJob,
  records: readonly unknown[],
  extra: Partial<MapAttemptOptions> = {},
): Promise<Outcome> {
  const sinks = new MemorySinks();
  const options = { ...mapOptions(job, records, 2), ...extra };
  try {
    const result = await runMapAttempt(options, { source: memorySource(records), sinks });
    return { result, error: new FanfoldError("INTERNAL", "did not fail"), sinks };
  } catch (thrown) {
    return { result: undefined, error: thrown as FanfoldError, sinks };
  }
}

export const base = { name: "t", input: textLines() };
export const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
