/** The plan of a job: its stages as boxes, from left to right in the order they depend on each other. */
import type { JobSummary } from "@fanfold/scheduler";
import type { JSX } from "preact";
import { bytesText, countText } from "../figures.js";
import { hrefOf } from "../place.js";

interface PlannedStage {
  readonly id: number;
  readonly kind: string;
  readonly input: { readonly type: string; readonly from?: number };
  readonly after: readonly number[];
}

const box = { width: 176, height: 86, gapX: 76, gapY: 22 };

export function StageGraph(props: {
  readonly jobId: string;
  readonly plan: readonly PlannedStage[];
  readonly stages: JobSummary["stages"];
}): JSX.Element {
  const { jobId, plan, stages } = props;
  const spots = layOut(plan);
  const columns = Math.max(0, ...[...spots.values()].map(({ column }) => column)) + 1;
  const rows = Math.max(0, ...[...spots.values()].map(({ row }) => row)) + 1;
  const width = columns * (box.width + box.gapX) - box.gapX;
  const height = rows * (box.height + box.gapY) - box.gapY;
  const corner = (id: number): { x: number; y: number } => {
    const { column = 0, row = 0 } = spots.get(id) ?? {};
    return { x: column * (box.width + box.gapX), y: row * (box.height + box.gapY) };
  };
  return (
    <div class="stage-graph">
      <svg width={width + 4} height={height + 4} viewBox={`-2 -2 ${width + 4} ${height + 4}`}>
        <title>Stages of the job and what each waits for</title>
        {plan.flatMap((stage) =>
          sourcesOf(stage).map((from) => {
            const [a, b] = [corner(from), corner(stage.id)];
            const [x1, y1, x2, y2] = [a.x + box.width, a.y + box.height / 2, b.x, b.y + box.height / 2];
            const middle = (x1 + x2) / 2;
            const isShuffle = stage.input.from === from;
            return (
              <g key={`${from}-${stage.id}`} class={isShuffle ? "edge shuffle" : "edge"}>
                <path d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} />
                {isShuffle && (
                  <text x={middle} y={(y1 + y2) / 2 - 6} text-anchor="middle">
                    shuffle
                  </text>
                )}
              </g>
            );
          }),
        )}
        {plan.map((stage) => (
          <StageBox
            key={stage.id}
            jobId={jobId}
            stage={stage}
            summary={stages[stage.id]}
            at={corner(stage.id)}
          />
        ))}
      </svg>
    </div>
  );
}

function StageBox(props: {
  readonly jobId: string;
  readonly stage: PlannedStage;
  readonly summary: JobSummary["stages"][number] | undefined;
  readonly at: { readonly x: number; readonly y: number };
}): JSX.Element {
  const { jobId, stage, summary, at } = props;
  const share = summary === undefined || summary.tasks === 0 ? 0 : summary.done / summary.tasks;
  const isTroubled = summary !== undefined && summary.failed > 0 && share < 1;
  const tone =
    summary === undefined
      ? "idle"
      : isTroubled
        ? "bad"
        : share === 1
          ? "good"
          : summary.running > 0
            ? "busy"
            : "idle";
  const tasks =
    summary === undefined
      ? "not planned yet"
      : `${countText(summary.done)} / ${countText(summary.tasks)} tasks${summary.failed > 0 ? `, ${countText(summary.failed)} failed` : ""}`;
  return (
    <a href={hrefOf(["jobs", jobId, "stages", stage.id])} class={`stage-box ${tone}`}>
      <g transform={`translate(${at.x} ${at.y})`}>
        <rect class="box" width={box.width} height={box.height} rx="8" />
        <rect class="track" x="12" y={box.height - 18} width={box.width - 24} height="5" rx="2.5" />
        <rect class="fill" x="12" y={box.height - 18} width={(box.width - 24) * share} height="5" rx="2.5" />
        <text x="12" y="24" class="name">{`${stage.id} · ${stage.kind}`}</text>
        <text x="12" y="43">
          {tasks}
        </text>
        <text x="12" y="59" class="dim">
          {summary === undefined
            ? ""
            : `${bytesText(summary.bytesIn)} in, ${bytesText(summary.bytesOut)} out`}
        </text>
      </g>
    </a>
  );
}

function sourcesOf({ input, after }: PlannedStage): number[] {
  return [...new Set([...(input.from === undefined ? [] : [input.from]), ...after])];
}

/** A stage stands right of all that it waits for. */
export function layOut(plan: readonly PlannedStage[]): Map<number, { column: number; row: number }> {
  const spots = new Map<number, { column: number; row: number }>();
  const filled: number[] = [];
  for (const stage of plan) {
    const column = Math.max(0, ...sourcesOf(stage).map((from) => (spots.get(from)?.column ?? -1) + 1));
    const row = filled[column] ?? 0;
    filled[column] = row + 1;
    spots.set(stage.id, { column, row });
  }
  return spots;
}
