/**
 * Says in words whether a stage's tasks are even, and if not, whether the data or the machine is to blame. A task that
 * takes long for what it reads sits on a slow worker; one that reads much is skew in the data, which no faster worker
 * cures.
 */
import type { Quantiles } from "./quantiles.js";

export interface FinishedTask {
  readonly task: number;
  readonly workerId: string;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly recordsIn: number;
}

export interface SkewVerdict {
  readonly kind: "tooFew" | "even" | "dataSkew" | "slowWorker" | "slowTask";
  readonly text: string;
}

/** Fewer tasks than this have no usual duration to compare with. */
const tasksMin = 4;
/** The slowest task against the median: below this nobody would call it skew. */
const skewRatioMin = 2;
/** Differences shorter than this do not matter to anybody. */
const slackMsMin = 250;
/** Reading this much more than the median explains a long task. */
const sizeRatioMin = 1.5;
/** Of a worker's tasks' medians against the stage's. */
const workerRatioMin = 1.5;

export function skewVerdict(
  kind: "sample" | "map" | "reduce",
  tasks: readonly FinishedTask[],
  durations: Quantiles,
  sizes: Quantiles,
): SkewVerdict {
  if (tasks.length < tasksMin) {
    const text = `Too few finished tasks to compare (${tasks.length}).`;
    return { kind: "tooFew", text };
  }
  const slowest = tasks.reduce((a, b) => (b.durationMs > a.durationMs ? b : a));
  const ratio = slowest.durationMs / Math.max(1, durations.p50);
  if (ratio < skewRatioMin || slowest.durationMs - durations.p50 < slackMsMin) {
    const text = `Even: the slowest task took ${timesText(ratio)} the median of ${secondsText(durations.p50)}.`;
    return { kind: "even", text };
  }
  const name = kind === "reduce" ? `Partition ${slowest.task}` : `Task ${slowest.task}`;
  const took = `${name} took ${secondsText(slowest.durationMs)}, ${timesText(ratio)} the median of ${secondsText(durations.p50)}`;
  const sizeRatio = slowest.bytesIn / Math.max(1, sizes.p50);
  if (sizeRatio >= sizeRatioMin) return dataSkew(kind, took, slowest, sizeRatio, sizes);
  return slowMachine(took, slowest, tasks, durations, sizeRatio);
}

function dataSkew(
  kind: "sample" | "map" | "reduce",
  took: string,
  slowest: FinishedTask,
  sizeRatio: number,
  sizes: Quantiles,
): SkewVerdict {
  const share = Math.round((100 * slowest.bytesIn) / Math.max(1, sizes.sum));
  const read = `and read ${timesText(sizeRatio)} the median's bytes, ${share} % of the stage's`;
  const advice =
    kind === "reduce"
      ? "A few keys have most of the values: combine before the shuffle, or split the hot key."
      : "The input is cut unevenly: a smaller --split-size, or files that can be split, would even it out.";
  return { kind: "dataSkew", text: `Skew in the data. ${took}, ${read}. ${advice}` };
}

function slowMachine(
  took: string,
  slowest: FinishedTask,
  tasks: readonly FinishedTask[],
  durations: Quantiles,
  sizeRatio: number,
): SkewVerdict {
  const own = tasks
    .filter(({ workerId }) => workerId === slowest.workerId)
    .map(({ durationMs }) => durationMs);
  own.sort((a, b) => a - b);
  const median = own[Math.floor((own.length - 1) / 2)] ?? 0;
  const same = `though it read ${timesText(sizeRatio)} the median's bytes`;
  if (own.length > 1 && median >= workerRatioMin * durations.p50) {
    const text = `A slow worker. ${took}, ${same}; the median on ${slowest.workerId} is ${secondsText(median)}. Look at that machine.`;
    return { kind: "slowWorker", text };
  }
  const text = `A slow task. ${took}, ${same}, and other tasks on ${slowest.workerId} are as quick as elsewhere: look at what its records do in your code.`;
  return { kind: "slowTask", text };
}

function timesText(ratio: number): string {
  return `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)} ×`;
}

function secondsText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
