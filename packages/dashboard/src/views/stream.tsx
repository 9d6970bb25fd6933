/** The task stream of a job, and its attempts as a table. */
import type { JobView } from "@fanfold/protocol";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { TaskStream } from "../charts/task-stream.js";
import { bytesText, countText, durationText } from "../figures.js";
import { attempts, attemptsChanged } from "../live/news.js";
import { Badge } from "../parts/badge.js";
import { type Column, DataTable } from "../parts/data-table.js";
import { isOver } from "../parts/job-figures.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Empty, Section } from "../parts/section.js";
import { hrefOf } from "../place.js";
import { JobFrame } from "./job-head.js";

const legend = [
  ["map", "map"],
  ["reduce", "reduce"],
  ["sample", "sample"],
  ["running", "running"],
  ["bad", "failed"],
  ["warn", "lost with its worker, or could not fetch"],
  ["spare", "stopped, or another was first"],
] as const;

/** Rows of the table; a hundred thousand of them would help nobody. */
const tableRowsMax = 2_000;

export function Stream({ jobId }: { readonly jobId: string }): JSX.Element {
  return <JobFrame jobId={jobId}>{(view) => <StreamBody view={view} />}</JobFrame>;
}

function StreamBody({ view }: { readonly view: JobView }): JSX.Element {
  const { job, plan } = view;
  const picked = useSignal<number | undefined>(undefined);
  const kindOf = (stage: number): string => plan[stage]?.kind ?? "map";
  const has = attemptsChanged.value >= 0 && attempts.length > 0;
  return (
    <>
      <Section
        title="Task stream"
        note={
          <span class="legend-line">
            {legend.map(([tone, name]) => (
              <span key={tone}>
                <i style={{ background: `var(--tone-${tone})` }} aria-hidden="true" /> {name}
              </span>
            ))}
          </span>
        }
      >
        {has ? (
          <TaskStream
            kindOf={kindOf}
            isRunning={!isOver(job)}
            endMs={job.times.finishedMs ?? undefined}
            onPick={(row) => {
              picked.value = row;
            }}
          />
        ) : (
          <Empty>No attempt is known.</Empty>
        )}
        {attempts.unrecorded > 0 && (
          <p class="note">{countText(attempts.unrecorded)} attempts more are not remembered.</p>
        )}
        <Picked row={picked.value} jobId={job.id} />
      </Section>
      <Section title="Attempts" note="Those that took longest, by default.">
        <AttemptTable />
      </Section>
      <JsonTwin path={`/v1/jobs/${job.id}/attempts?since=0&limit=200`} />
    </>
  );
}

function Picked({
  row,
  jobId,
}: {
  readonly row: number | undefined;
  readonly jobId: string;
}): JSX.Element | null {
  if (row === undefined || row >= attempts.length) return null;
  const { stage, task, attempt, recordsIn, bytesIn, bytesOut, spilledBytes } = attempts.columns;
  const logs = hrefOf(["jobs", jobId, "logs"], { task: String(task[row]) });
  return (
    <p class="picked" role="status">
      <Badge state={attempts.stateOf(row)} /> stage {stage[row]} task {task[row]} attempt {attempt[row]} on{" "}
      {attempts.workerOf(row)} took {durationText(durationOf(row))}: {countText(recordsIn[row] ?? 0)} records,{" "}
      {bytesText(bytesIn[row] ?? 0)} in, {bytesText(bytesOut[row] ?? 0)} out,{" "}
      {bytesText(spilledBytes[row] ?? 0)} spilled. <a href={logs}>Its log</a>
    </p>
  );
}

function durationOf(row: number): number {
  const { startMs, endMs } = attempts.columns;
  const end = Number.isNaN(endMs[row]!) ? Date.now() : endMs[row]!;
  return Math.max(0, end - (Number.isNaN(startMs[row]!) ? end : startMs[row]!));
}

const columns: readonly Column<number>[] = [
  {
    name: "Stage",
    show: (row) => attempts.columns.stage[row],
    sort: (row) => attempts.columns.stage[row]!,
    isNumber: true,
  },
  {
    name: "Task",
    show: (row) => attempts.columns.task[row],
    sort: (row) => attempts.columns.task[row]!,
    isNumber: true,
  },
  {
    name: "Attempt",
    show: (row) => attempts.columns.attempt[row],
    sort: (row) => attempts.columns.attempt[row]!,
    isNumber: true,
  },
  {
    name: "State",
    show: (row) => <Badge state={attempts.stateOf(row)} />,
    sort: (row) => attempts.stateOf(row),
  },
  { name: "Worker", show: (row) => attempts.workerOf(row), sort: (row) => attempts.workerOf(row) },
  { name: "Took", show: (row) => durationText(durationOf(row)), sort: durationOf, isNumber: true },
  {
    name: "Records in",
    show: (row) => countText(attempts.columns.recordsIn[row] ?? 0),
    sort: (row) => attempts.columns.recordsIn[row]!,
    isNumber: true,
  },
  {
    name: "Bytes in",
    show: (row) => bytesText(attempts.columns.bytesIn[row] ?? 0),
    sort: (row) => attempts.columns.bytesIn[row]!,
    isNumber: true,
  },
  {
    name: "Spilled",
    show: (row) => bytesText(attempts.columns.spilledBytes[row] ?? 0),
    sort: (row) => attempts.columns.spilledBytes[row]!,
    isNumber: true,
  },
];

function AttemptTable(): JSX.Element {
  const rows = Array.from({ length: attemptsChanged.value < 0 ? 0 : attempts.length }, (_, row) => row);
  // By how long each took as of now, looked up once.
  const tookMs = Float64Array.from(rows, durationOf);
  rows.sort((a, b) => tookMs[b]! - tookMs[a]!);
  return (
    <DataTable
      caption="Attempts"
      columns={columns}
      rows={rows.slice(0, tableRowsMax)}
      keyOf={(row) => row}
      pageRows={25}
    />
  );
}
