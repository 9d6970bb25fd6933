/** Jobs as a table. */
import type { JobSummary } from "@fanfold/scheduler";
import type { JSX } from "preact";
import { bytesText, countText, durationText, timeText } from "../figures.js";
import { hrefOf } from "../place.js";
import { Badge } from "./badge.js";
import { type Column, DataTable } from "./data-table.js";
import { elapsedMs, taskTotals } from "./job-figures.js";
import { Progress } from "./progress.js";

function readBytes(job: JobSummary): number {
  return job.stages.find(({ kind }) => kind === "map")?.bytesIn ?? 0;
}

const columns: readonly Column<JobSummary>[] = [
  {
    name: "Job",
    show: ({ id, name }) => (
      <a class="job-name" href={hrefOf(["jobs", id])}>
        {name} <code>{id}</code>
      </a>
    ),
    sort: ({ name }) => name,
  },
  { name: "State", show: ({ state }) => <Badge state={state} />, sort: ({ state }) => state },
  {
    name: "Tasks",
    show: (job) => {
      const { done, running, tasks, failed } = taskTotals(job);
      return (
        <>
          <Progress done={done} running={running} total={tasks} label={`Tasks of ${job.name}`} />
          <span class="task-count">
            {tasks === 0 ? "not planned yet" : `${countText(done)} / ${countText(tasks)}`}
            {failed > 0 && <span class="bad"> {countText(failed)} failed</span>}
          </span>
        </>
      );
    },
    sort: (job) => taskTotals(job).tasks,
  },
  { name: "Read", show: (job) => bytesText(readBytes(job)), sort: readBytes, isNumber: true },
  {
    name: "Took",
    show: (job) => durationText(elapsedMs(job, Date.now())),
    sort: (job) => elapsedMs(job, Date.now()),
    isNumber: true,
  },
  {
    name: "Submitted",
    show: ({ times }) => <time class="nowrap">{timeText(times.submittedMs)}</time>,
    sort: ({ times }) => times.submittedMs,
    isNumber: true,
  },
];

export function JobTable(props: {
  readonly jobs: readonly JobSummary[];
  readonly empty: string;
}): JSX.Element {
  return (
    <DataTable
      caption="Jobs"
      columns={columns}
      rows={props.jobs}
      keyOf={({ id }) => id}
      empty={props.empty}
    />
  );
}
