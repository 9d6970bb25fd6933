/** `pnpm bench`: see `usage`. Results go to standard output, progress to standard error. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseSize } from "./byte-sizes.js";
import { type ContestResult, runContest } from "./contest.js";
import { type DataFile, type DataRequest, dataFile } from "./data/data-file.js";
import { sortRecordBytes } from "./data/sort-records.js";
import { measureManyKeys } from "./many-keys.js";
import { type BenchOptions, parseOptions, usage } from "./options.js";
import { measureScale } from "./scale.js";
import { contestText } from "./table.js";
import { type Work, type WorkName, works } from "./works.js";

const workNames: readonly WorkName[] = ["words", "sort", "json", "index", "startup"];

try {
  const words = process.argv.slice(2);
  if (words.includes("--help") || words.includes("-h")) console.log(usage);
  else process.exitCode = await bench(parseOptions(words));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function bench(options: BenchOptions): Promise<number> {
  switch (options.verb) {
    case "gen":
      return generate(options);
    case "profile":
      return profile(options);
    case "timeline":
      return timeline(options);
    case "scale":
      return report(await measureScale(options, progress), options);
    case "keys":
      console.log(await measureManyKeys(options.dir));
      return 0;
    case "peers":
      return report(await runWorks(workNames.slice(0, 4), options), options);
    case "all":
      return report(await runWorks(workNames, options), options);
    default:
      return report(await runWorks([options.verb], options), options);
  }
}

function generate(options: BenchOptions): number {
  const { dir, seed } = options;
  const requests: readonly DataRequest[] = [
    { kind: "zipf", bytes: options.zipf, seed, dir },
    { kind: "sort", bytes: options.sort * sortRecordBytes, seed, dir },
    { kind: "json", bytes: options.json, seed, dir },
  ];
  for (const request of requests) {
    const file = dataFile(request);
    const state = file.isNew ? "made" : "there already";
    console.log(`${file.path}: ${file.bytes} bytes, ${file.records} records, ${state}`);
  }
  return 0;
}

async function runWorks(names: readonly WorkName[], options: BenchOptions): Promise<ContestResult[]> {
  const results: ContestResult[] = [];
  for (const name of names) {
    const work = works[name];
    const result = await runContest({
      title: work.title,
      input: inputOf(work, options),
      contenders: work.contenders(options),
      repeats: options.repeats,
      dir: join(options.dir, "work"),
      onRun: progress,
    });
    results.push(result);
  }
  return results;
}

function inputOf(work: Work, options: BenchOptions): DataFile {
  const { dir, seed } = options;
  const isFixed = work.name === "startup";
  const usual = options.verb === "peers" ? work.bytesOfTarget : work.bytesDefault;
  const bytes = isFixed ? work.bytesDefault : (options.size ?? usual);
  return dataFile({ kind: work.data, bytes, seed, dir });
}

async function profile(options: BenchOptions): Promise<number> {
  // Before the record path is loaded, so that the profile names sources.
  process.setSourceMapsEnabled(true);
  const { profileRecordPath, profileText } = await import("./profile.js");
  const work = works[options.subject];
  const input = inputOf(work, options);
  const job = jobNamed(options);
  const request = { job, input: input.path, inputBytes: input.bytes, dir: options.dir };
  for (const phase of await profileRecordPath({ ...request, partitions: 2 * options.workers })) {
    console.log(`${profileText(phase, input.bytes)}\n`);
  }
  console.error(`flame graphs: ${join(options.dir, `${job}-*.svg`)}`);
  return 0;
}

async function timeline(options: BenchOptions): Promise<number> {
  const { measureTimeline, timelineOf } = await import("./measure-timeline.js");
  const { dir, workers, isRemote, splitBytes, earlyFetch } = options;
  const input = inputOf(works[options.subject], options).path;
  const memoryBytes = options.memory === undefined ? undefined : parseSize(options.memory);
  const request = {
    job: jobNamed(options),
    input,
    dir,
    workers,
    isRemote,
    memoryBytes,
    splitBytes,
    earlyFetch,
  };
  for (let repeat = 0; repeat < options.repeats; repeat += 1) {
    console.log(`${timelineOf(request, await measureTimeline(request))}\n`);
  }
  return 0;
}

function jobNamed({ job }: BenchOptions): string {
  return job === "index" ? "inverted-index" : job === "startup" ? "words" : job;
}

/** 1 when an answer was wrong or a contender failed. */
function report(results: readonly ContestResult[], options: BenchOptions): number {
  const machine = `${availableParallelism()} cores, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  if (options.isJson) console.log(JSON.stringify({ machine, results }, undefined, 2));
  else console.log(`${machine}\n\n${results.map(contestText).join("\n\n")}`);
  const isWrong = results.some(({ standings }) => standings.some((standing) => !standing.isAnswerRight));
  const hasFailed = results.some(({ leftOut }) => leftOut.some((entry) => entry.hasFailed));
  return isWrong || hasFailed ? 1 : 0;
}

function progress(text: string): void {
  console.error(`  ${text}`);
}
