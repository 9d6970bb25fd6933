/** One stage in figures: how long its tasks took, how much they read, and what to make of it. */
import { attemptStates } from "./attempt-columns.js";
import type { JobHistory } from "./job-history.js";
import { type Histogram, histogramOf, type Quantiles, quantilesOf } from "./quantiles.js";
import { type FinishedTask, type SkewVerdict, skewVerdict } from "./skew-verdict.js";

export interface Distribution {
  readonly quantiles: Quantiles;
  readonly histogram: Histogram;
}

export interface StageView {
  readonly jobId: string;
  readonly stage: number;
  readonly kind: "sample" | "map" | "reduce";
  /** Of winning attempts whose start is known. */
  readonly durationsMs: Distribution;
  readonly bytesIn: Distribution;
  readonly recordsIn: Distribution;
  readonly verdict: SkewVerdict;
  readonly slowest: readonly FinishedTask[];
  readonly byState: Readonly<Record<string, number>>;
  /** Finished attempts that are not in these figures, since there was no room for them or they were before this replica's time. */
  readonly missing: number;
}

const slowestMax = 20;

export function stageView(
  history: JobHistory | undefined,
  stage: { readonly id: number; readonly kind: StageView["kind"]; readonly done: number },
): StageView {
  const tasks: FinishedTask[] = [];
  const byState: Record<string, number> = {};
  const columns = history?.attempts;
  for (let row = 0; history !== undefined && columns !== undefined && row < columns.length; row++) {
    if (columns.stage[row] !== stage.id) continue;
    const state = attemptStates[columns.state[row]!]!;
    byState[state] = (byState[state] ?? 0) + 1;
    if (state !== "won" || Number.isNaN(columns.startMs[row]!)) continue;
    tasks.push({
      task: columns.task[row]!,
      workerId: history.workers[columns.worker[row]!]!,
      durationMs: Math.max(0, columns.endMs[row]! - columns.startMs[row]!),
      bytesIn: columns.metrics.bytesIn[row]!,
      recordsIn: columns.metrics.recordsIn[row]!,
    });
  }
  const durationsMs = distributionOf(tasks, ({ durationMs }) => durationMs);
  const bytesIn = distributionOf(tasks, (task) => task.bytesIn);
  return {
    jobId: history?.jobId ?? "",
    stage: stage.id,
    kind: stage.kind,
    durationsMs,
    bytesIn,
    recordsIn: distributionOf(tasks, (task) => task.recordsIn),
    verdict: skewVerdict(stage.kind, tasks, durationsMs.quantiles, bytesIn.quantiles),
    slowest: tasks.sort((a, b) => b.durationMs - a.durationMs).slice(0, slowestMax),
    byState,
    missing: Math.max(0, stage.done - (byState["won"] ?? 0)),
  };
}

function distributionOf(
  tasks: readonly FinishedTask[],
  measure: (task: FinishedTask) => number,
): Distribution {
  const values = Float64Array.from(tasks, measure);
  return { quantiles: quantilesOf(values), histogram: histogramOf(values) };
}
