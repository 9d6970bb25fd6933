/** Events: of one job, or of the cluster and all of its jobs. */
import type { HistoryEvent } from "@fanfold/history";
import type { JSX } from "preact";
import { useData } from "../live/data.js";
import { events } from "../live/news.js";
import { EventTable } from "../parts/event-table.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Waiting } from "../parts/section.js";
import { JobFrame } from "./job-head.js";

export function Events(): JSX.Element {
  return (
    <>
      <h1>Events</h1>
      <EventTable events={events.value} hasJobs />
      <JsonTwin path="/v1/events" />
    </>
  );
}

export function JobEvents({ jobId }: { readonly jobId: string }): JSX.Element {
  return <JobFrame jobId={jobId}>{() => <JobEventsBody jobId={jobId} />}</JobFrame>;
}

function JobEventsBody({ jobId }: { readonly jobId: string }): JSX.Element {
  const path = `/v1/jobs/${jobId}/events`;
  const live = events.value.filter((event) => event.jobId === jobId);
  const { data, error } = useData<{ events: readonly HistoryEvent[] }>(path, live.length);
  if (data === undefined) return <Waiting error={error} />;
  return (
    <>
      <EventTable events={data.events} hasJobs={false} />
      <JsonTwin path={path} />
    </>
  );
}
