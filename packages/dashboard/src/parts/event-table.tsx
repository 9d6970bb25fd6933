/** Events, newest first. */
import type { HistoryEvent } from "@fanfold/history";
import type { JSX } from "preact";
import { timeText } from "../figures.js";
import { hrefOf } from "../place.js";
import { Badge } from "./badge.js";
import { type Column, DataTable } from "./data-table.js";

const columns: readonly Column<HistoryEvent>[] = [
  {
    name: "Time",
    show: ({ atMs }) => <time class="nowrap">{timeText(atMs)}</time>,
    sort: ({ atMs }) => atMs,
  },
  { name: "Level", show: ({ level }) => <Badge state={level} />, sort: ({ level }) => level },
  { name: "What", show: ({ kind }) => <span class="nowrap">{kind}</span>, sort: ({ kind }) => kind },
  { name: "", show: ({ text }) => <span class="prose">{text}</span> },
];

const jobColumn: Column<HistoryEvent> = {
  name: "Job",
  show: ({ jobId }) => (jobId === null ? "" : <a href={hrefOf(["jobs", jobId])}>{jobId}</a>),
  sort: ({ jobId }) => jobId ?? "",
};

export function EventTable(props: {
  readonly events: readonly HistoryEvent[];
  readonly hasJobs: boolean;
  readonly pageRows?: number;
}): JSX.Element {
  const { events, hasJobs, pageRows = 200 } = props;
  return (
    <DataTable
      caption="Events"
      columns={hasJobs ? [...columns.slice(0, 3), jobColumn, ...columns.slice(3)] : columns}
      rows={[...events].reverse()}
      keyOf={({ id, text }) => `${id} ${text}`}
      empty="Nothing has happened."
      pageRows={pageRows}
    />
  );
}
