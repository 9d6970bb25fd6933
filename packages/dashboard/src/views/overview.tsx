/** The cluster at a glance. */
import type { JSX } from "preact";
import { countText } from "../figures.js";
import { cluster, events, jobs, workers } from "../live/news.js";
import { EventTable } from "../parts/event-table.js";
import { isOver } from "../parts/job-figures.js";
import { JobTable } from "../parts/job-table.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Section } from "../parts/section.js";
import { Tile, Tiles } from "../parts/tile.js";

const recentMax = 8;

export function Overview(): JSX.Element {
  const all = [...jobs.value.values()];
  const live = all.filter((job) => !isOver(job));
  const over = all.filter(isOver);
  const failed = over.filter(({ state }) => state === "failed").length;
  const slots = workers.value.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.value.reduce((sum, worker) => sum + Math.min(worker.slots, worker.running), 0);
  const { leader = null, toleratedFailures = 0, replicas = [] } = cluster.value ?? {};
  const spare = toleratedFailures < 0 ? "no quorum" : `${toleratedFailures} more may fail`;
  return (
    <>
      <h1>Overview</h1>
      <Tiles>
        <Tile
          name="Running jobs"
          value={countText(live.length)}
          note={`${countText(over.length)} in the history`}
        />
        <Tile name="Slots busy" value={`${busy} / ${slots}`} note={`${workers.value.length} workers`} />
        <Tile
          name="Failed jobs"
          value={countText(failed)}
          note={failed === 0 ? "none remembered" : "see below"}
        />
        <Tile name="Leader" value={leader ?? "none"} note={`${replicas.length} coordinators, ${spare}`} />
      </Tiles>
      <Section title="Running">
        <JobTable jobs={live} empty="Nothing runs. Submit a job: fanfold submit job.ts input --out dir" />
      </Section>
      <Section title="Lately" note={<a href="#/jobs">all jobs</a>}>
        <JobTable jobs={over.slice(0, recentMax)} empty="No job has ended yet." />
      </Section>
      <Section title="Latest events" note={<a href="#/events">all events</a>}>
        <EventTable events={events.value.slice(-recentMax)} hasJobs />
      </Section>
      <JsonTwin path="/v1/cluster" />
    </>
  );
}
