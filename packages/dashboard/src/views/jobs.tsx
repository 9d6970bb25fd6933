/** All jobs that are remembered, with search. */
import type { JobsView } from "@fanfold/protocol";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { countText } from "../figures.js";
import { fetchData, useData } from "../live/data.js";
import { jobs } from "../live/news.js";
import { JobTable } from "../parts/job-table.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Waiting } from "../parts/section.js";
import { place, replaceQuery } from "../place.js";

const states = ["pending", "running", "paused", "committing", "succeeded", "failed", "cancelled"] as const;

export function Jobs(): JSX.Element {
  const { query } = place.value;
  const search = query.get("search") ?? "";
  const state = query.get("state") ?? "";
  const asked = new URLSearchParams();
  if (search !== "") asked.set("search", search);
  if (state !== "") asked.set("state", state);
  const path = `/v1/jobs${asked.size === 0 ? "" : `?${asked}`}`;
  const shape = [...jobs.value.values()].map(({ id, state: now }) => id + now).join();
  const { data, error } = useData<JobsView>(path, shape);
  // Earlier pages stay; what is live comes with the news.
  const older = useSignal<JobsView | undefined>(undefined);
  useEffect(() => {
    older.value = undefined;
  }, [path]);
  const known = [...(data?.jobs ?? []), ...(older.value?.jobs ?? [])].map(
    (job) => jobs.value.get(job.id) ?? job,
  );
  const next = older.value === undefined ? data?.next : older.value.next;
  const more = async (): Promise<void> => {
    const page = await fetchData<JobsView>(`${path}${asked.size === 0 ? "?" : "&"}before=${next}`);
    older.value = { ...page, jobs: [...(older.value?.jobs ?? []), ...page.jobs] };
  };
  return (
    <>
      <h1>Jobs</h1>
      <search class="toolbar">
        <label class="field">
          <span class="unseen">Search by name, id or output</span>
          <input
            type="search"
            placeholder="Search by name, id or output"
            value={search}
            onInput={(event) => replaceQuery({ search: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span class="unseen">State</span>
          <select value={state} onChange={(event) => replaceQuery({ state: event.currentTarget.value })}>
            <option value="">all states</option>
            {states.map((each) => (
              <option key={each} value={each}>
                {each} {data === undefined ? "" : `(${countText(data.byState[each] ?? 0)})`}
              </option>
            ))}
          </select>
        </label>
        {data !== undefined && <output class="note">{countText(data.total)} found</output>}
      </search>
      {data === undefined ? <Waiting error={error} /> : <JobTable jobs={known} empty="No job fits." />}
      {next !== null && next !== undefined && (
        <button type="button" class="more" onClick={() => void more()}>
          Older jobs
        </button>
      )}
      <JsonTwin path={path} />
    </>
  );
}
