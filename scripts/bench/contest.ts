/**
 * Runs all contenders of a work on the same file, repeat by repeat: each repeat runs every contender once, and the
 * order rotates, so that a slow moment of the machine falls on all of them. Ratios are between runs of one repeat.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { answerDigest } from "./answer.js";
import { type Contender, missingTools } from "./contender.js";
import type { DataFile } from "./data/data-file.js";
import { type CommandRun, runCommand } from "./run-command.js";
import { type Spread, spreadOf } from "./statistics.js";

export interface ContestOptions {
  readonly title: string;
  readonly input: DataFile;
  readonly contenders: readonly Contender[];
  readonly repeats: number;
  /** Answers are written here, checked and removed. */
  readonly dir: string;
  readonly onRun: (text: string) => void;
}

export interface Standing {
  readonly name: string;
  readonly wallSeconds: Spread;
  readonly megabytesPerSecond: number;
  /** Median of the whole process tree. */
  readonly cpuSeconds: number | undefined;
  /** Largest of the whole process tree. */
  readonly memoryBytesPeak: number | undefined;
  /** Median, over the repeats, of this contender's time by the first one's: above 1 is slower than the first. */
  readonly timeRatio: number;
  readonly isAnswerRight: boolean;
}

export interface ContestResult {
  readonly title: string;
  readonly inputBytes: number;
  readonly inputRecords: number;
  readonly repeats: number;
  readonly standings: readonly Standing[];
  /** Contenders that did not finish, or whose tools are not there, and why. */
  readonly leftOut: readonly { readonly name: string; readonly why: string; readonly hasFailed: boolean }[];
}

interface Entry {
  readonly contender: Contender;
  readonly runs: CommandRun[];
  digest: string | undefined;
  isSteady: boolean;
  failure: string | undefined;
}

export async function runContest(options: ContestOptions): Promise<ContestResult> {
  const able = options.contenders.filter((contender) => missingTools(contender).length === 0);
  const entries = able.map((contender): Entry => {
    return { contender, runs: [], digest: undefined, isSteady: true, failure: undefined };
  });
  mkdirSync(options.dir, { recursive: true });
  // The first reader would pay for the disk.
  answerDigest(options.input.path, "ordered");
  for (let repeat = 0; repeat < options.repeats; repeat += 1) {
    for (const position of entries.keys()) {
      const entry = entries[(position + repeat) % entries.length]!;
      if (entry.failure === undefined) await runOnce(entry, options);
    }
  }
  const unable = options.contenders.filter((contender) => !able.includes(contender));
  return resultOf(options, entries, unable);
}

async function runOnce(entry: Entry, options: ContestOptions): Promise<void> {
  const { contender } = entry;
  const output = join(options.dir, "answer");
  rmSync(output, { recursive: true, force: true });
  // What the last one left to write must not slow this one down.
  spawnSync("sync");
  const run = await runCommand(contender.command(options.input.path, output), options.dir);
  if (run.exitCode !== 0) {
    entry.failure = `exit code ${run.exitCode}: ${run.complaint.trim()}`;
    options.onRun(`${contender.name}: failed`);
    return;
  }
  const digest = answerDigest(output, contender.layout);
  rmSync(output, { recursive: true, force: true });
  entry.isSteady &&= entry.digest === undefined || entry.digest === digest;
  entry.digest ??= digest;
  entry.runs.push(run);
  options.onRun(`${contender.name}: ${run.wallSeconds.toFixed(2)} s`);
}

function resultOf(
  options: ContestOptions,
  entries: readonly Entry[],
  unable: readonly Contender[],
): ContestResult {
  const finished = entries.filter((entry) => entry.failure === undefined);
  const right = agreedDigest(finished);
  const failed = entries.filter((entry) => entry.failure !== undefined);
  return {
    title: options.title,
    inputBytes: options.input.bytes,
    inputRecords: options.input.records,
    repeats: options.repeats,
    standings: finished.map((entry) => standingOf(entry, entries[0]!, { right, bytes: options.input.bytes })),
    leftOut: [
      ...failed.map(({ contender, failure = "" }) => ({
        name: contender.name,
        why: failure,
        hasFailed: true,
      })),
      ...unable.map((contender) => {
        const why = `not installed: ${missingTools(contender).join(", ")}`;
        return { name: contender.name, why, hasFailed: false };
      }),
    ],
  };
}

/** What most say; where nobody agrees, nobody is right. */
function agreedDigest(entries: readonly Entry[]): string | undefined {
  const votes = new Map<string, number>();
  for (const { digest } of entries) if (digest !== undefined) votes.set(digest, (votes.get(digest) ?? 0) + 1);
  const [first, second] = [...votes].sort((a, b) => b[1] - a[1]);
  return first !== undefined && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
}

function standingOf(
  entry: Entry,
  first: Entry,
  answer: { readonly right: string | undefined; readonly bytes: number },
): Standing {
  const wallSeconds = spreadOf(entry.runs.map((run) => run.wallSeconds));
  const uses = entry.runs.flatMap((run) => run.use ?? []);
  const ratios = entry.runs.flatMap((run, repeat) => {
    const firstRun = first.runs[repeat];
    return firstRun === undefined ? [] : run.wallSeconds / firstRun.wallSeconds;
  });
  return {
    name: entry.contender.name,
    wallSeconds,
    megabytesPerSecond: answer.bytes / 1e6 / wallSeconds.median,
    cpuSeconds: uses.length === 0 ? undefined : spreadOf(uses.map((use) => use.cpuSeconds)).median,
    memoryBytesPeak: uses.length === 0 ? undefined : Math.max(...uses.map((use) => use.memoryBytesPeak)),
    timeRatio: spreadOf(ratios).median,
    isAnswerRight: entry.isSteady && entry.digest === answer.right,
  };
}
