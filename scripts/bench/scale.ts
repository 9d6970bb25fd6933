/** How fanfold scales: time with one worker and with two, memory at one and at ten times the input. */
import { join } from "node:path";
import { type Contender, fanfold } from "./contender.js";
import { type ContestResult, runContest } from "./contest.js";
import { type DataFile, dataFile } from "./data/data-file.js";
import type { BenchOptions } from "./options.js";

const bytesDefault = 256 * 1024 * 1024;

export async function measureScale(
  options: BenchOptions,
  onRun: (text: string) => void,
): Promise<ContestResult[]> {
  const { dir, seed, repeats, memory } = options;
  const bytes = options.size ?? bytesDefault;
  const large = dataFile({ kind: "zipf", bytes, seed, dir });
  const small = dataFile({ kind: "zipf", bytes: Math.ceil(bytes / 10), seed, dir });
  const results: ContestResult[] = [];
  for (const job of ["words", "words-kernel", "inverted-index"]) {
    const withWorkers = (workers: number): Contender =>
      fanfold(`${job}, ${workers} worker${workers === 1 ? "" : "s"}`, job, { workers, memory });
    const contest = (input: DataFile, contenders: Contender[], about: string): Promise<ContestResult> =>
      runContest({
        title: `scale of ${job}: ${about}`,
        input,
        contenders,
        repeats,
        dir: join(dir, "work"),
        onRun,
      });
    const pair = [withWorkers(2), withWorkers(1)];
    results.push(await contest(large, pair, "the whole input, two workers and one"));
    results.push(await contest(small, pair, "a tenth of it, for the memory"));
  }
  return results;
}
