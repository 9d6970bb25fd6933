/** One stage: how even its tasks are, and which were slow. */
import type { FinishedTask, StageView } from "@fanfold/history";
import type { JobView } from "@fanfold/protocol";
import type { JSX } from "preact";
import { HistogramChart } from "../charts/histogram-chart.js";
import { bytesText, countText, durationText } from "../figures.js";
import { useData } from "../live/data.js";
import { Badge } from "../parts/badge.js";
import { type Column, DataTable } from "../parts/data-table.js";
import { otherMetrics } from "../parts/job-figures.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Progress } from "../parts/progress.js";
import { Section, Waiting } from "../parts/section.js";
import { hrefOf } from "../place.js";
import { JobFrame } from "./job-head.js";

const verdictTones: Readonly<Record<string, string>> = {
  tooFew: "idle",
  even: "good",
  dataSkew: "warn",
  slowWorker: "warn",
  slowTask: "warn",
};

export function Stage({ jobId, stage }: { readonly jobId: string; readonly stage: string }): JSX.Element {
  return <JobFrame jobId={jobId}>{(view) => <StageBody view={view} id={Number(stage)} />}</JobFrame>;
}

function StageBody({ view, id }: { readonly view: JobView; readonly id: number }): JSX.Element {
  const { job } = view;
  const summary = job.stages[id];
  const path = `/v1/jobs/${job.id}/stages/${id}`;
  const { data, error } = useData<StageView>(path, summary?.done ?? 0);
  if (data === undefined || summary === undefined) return <Waiting error={error} />;
  return (
    <>
      <Section title={`Stage ${id}: ${data.kind}`}>
        <Progress
          done={summary.done}
          running={summary.running}
          total={summary.tasks}
          label={`Tasks of stage ${id}`}
        />
        <p class={`verdict ${verdictTones[data.verdict.kind] ?? "idle"}`}>{data.verdict.text}</p>
        {data.missing > 0 && (
          <p class="note">
            {countText(data.missing)} finished tasks are not in these figures: they were before this
            coordinator's time, or there was no room to remember them.
          </p>
        )}
        <p class="states">
          {Object.entries(data.byState).map(([state, count]) => (
            <Badge key={state} state={state} label={`${countText(count)} ${state}`} />
          ))}
        </p>
      </Section>
      <div class="charts">
        <HistogramChart title="Duration" distribution={data.durationsMs} text={durationText} />
        <HistogramChart title="Bytes in" distribution={data.bytesIn} text={bytesText} />
        <HistogramChart title="Records in" distribution={data.recordsIn} text={countText} />
      </div>
      <Section title="Slowest tasks">
        <DataTable
          caption="Slowest tasks"
          columns={slowColumns(job.id, data)}
          rows={data.slowest}
          keyOf={({ task }) => task}
          empty="No task has finished yet."
        />
      </Section>
      <Section title="Measured" note="Sums over winning attempts.">
        <dl class="facts">
          {otherMetrics(summary.metrics).map(([name, value]) => (
            <Metric key={name} name={name} value={value} />
          ))}
        </dl>
      </Section>
      <JsonTwin path={path} />
    </>
  );
}

function Metric({ name, value }: { readonly name: string; readonly value: number }): JSX.Element {
  const text = name.endsWith("Ms")
    ? durationText(value)
    : name.endsWith("ytes")
      ? bytesText(value)
      : countText(value);
  return (
    <>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </>
  );
}

function slowColumns(jobId: string, { durationsMs, bytesIn }: StageView): readonly Column<FinishedTask>[] {
  const times = (value: number, median: number): string => `${(value / Math.max(1, median)).toFixed(1)} ×`;
  return [
    {
      name: "Task",
      show: ({ task }) => <a href={hrefOf(["jobs", jobId, "logs"], { task: String(task) })}>{task}</a>,
      sort: ({ task }) => task,
      isNumber: true,
    },
    { name: "Worker", show: ({ workerId }) => workerId, sort: ({ workerId }) => workerId },
    {
      name: "Took",
      show: ({ durationMs }) => durationText(durationMs),
      sort: ({ durationMs }) => durationMs,
      isNumber: true,
    },
    {
      name: "× median time",
      show: ({ durationMs }) => times(durationMs, durationsMs.quantiles.p50),
      isNumber: true,
    },
    {
      name: "Bytes in",
      show: (task) => bytesText(task.bytesIn),
      sort: (task) => task.bytesIn,
      isNumber: true,
    },
    { name: "× median size", show: (task) => times(task.bytesIn, bytesIn.quantiles.p50), isNumber: true },
    {
      name: "Records in",
      show: ({ recordsIn }) => countText(recordsIn),
      sort: ({ recordsIn }) => recordsIn,
      isNumber: true,
    },
  ];
}
