/** The workers that the leader knows. */
import type { WorkerView } from "@fanfold/protocol";
import type { JSX } from "preact";
import { bytesText, countText, durationText, timeText } from "../figures.js";
import { workers } from "../live/news.js";
import { Badge } from "../parts/badge.js";
import { type Column, DataTable } from "../parts/data-table.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Progress } from "../parts/progress.js";
import { Tile, Tiles } from "../parts/tile.js";

/** From here on, a worker that stays silent is most likely dead. */
const phiSuspect = 8;

const columns: readonly Column<WorkerView>[] = [
  {
    name: "Worker",
    show: ({ name, workerId }) => (
      <>
        {name} <code>{workerId}</code>
      </>
    ),
    sort: ({ name }) => name,
  },
  {
    name: "State",
    show: ({ state, quarantine }) => (
      <>
        <Badge state={state} />
        {quarantine !== null && (
          <div class="note">
            {quarantine.text}; no tasks until {timeText(quarantine.untilMs)}
            {quarantine.times > 1 && ` (quarantine ${quarantine.times})`}
          </div>
        )}
      </>
    ),
    sort: ({ state }) => state,
  },
  {
    name: "Slots",
    show: ({ running, slots, name }) => (
      <Progress done={Math.min(running, slots)} running={0} total={slots} label={`Slots of ${name} in use`} />
    ),
    sort: ({ running }) => running,
  },
  {
    name: "In use",
    show: ({ running, slots }) => `${running} / ${slots}`,
    sort: ({ running }) => running,
    isNumber: true,
  },
  {
    name: "Memory",
    show: ({ load }) => (load === null ? "–" : bytesText(load.rssBytes)),
    sort: ({ load }) => load?.rssBytes ?? 0,
    isNumber: true,
  },
  {
    name: "Host free",
    show: ({ load }) =>
      load === null ? "–" : `${bytesText(load.hostAvailableBytes)} of ${bytesText(load.hostBytes)}`,
    sort: ({ load }) => load?.hostAvailableBytes ?? 0,
    isNumber: true,
  },
  {
    name: "Load",
    show: ({ load }) => (load === null ? "–" : `${load.load1.toFixed(1)} on ${load.cores} cores`),
    sort: ({ load }) => load?.load1 ?? 0,
    isNumber: true,
  },
  {
    name: "Phi",
    show: ({ phi }) => <span class={phi >= phiSuspect ? "bad" : undefined}>{phi.toFixed(1)}</span>,
    sort: ({ phi }) => phi,
    isNumber: true,
  },
  {
    name: "Last heard",
    show: ({ silenceMs }) => `${durationText(silenceMs)} ago`,
    sort: ({ silenceMs }) => silenceMs,
    isNumber: true,
  },
  {
    name: "Since",
    show: ({ joinedMs }) => timeText(joinedMs),
    sort: ({ joinedMs }) => joinedMs,
    isNumber: true,
  },
];

export function Workers(): JSX.Element {
  const all = workers.value;
  const slots = all.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = all.reduce((sum, worker) => sum + Math.min(worker.slots, worker.running), 0);
  const memory = all.reduce((sum, { load }) => sum + (load?.rssBytes ?? 0), 0);
  const hosts = new Set(all.map(({ hostId }) => hostId)).size;
  return (
    <>
      <h1>Workers</h1>
      <Tiles>
        <Tile name="Workers" value={countText(all.length)} note={`on ${countText(hosts)} hosts`} />
        <Tile name="Slots busy" value={`${busy} / ${slots}`} />
        <Tile name="Memory" value={bytesText(memory)} note="daemons and executors" />
        <Tile
          name="Draining"
          value={countText(all.filter(({ state }) => state === "draining").length)}
          note={`${countText(all.filter(({ state }) => state === "quarantined").length)} quarantined`}
        />
      </Tiles>
      <DataTable
        caption="Workers"
        columns={columns}
        rows={all}
        keyOf={({ workerId }) => workerId}
        empty="No worker is connected. Start one: fanfold worker"
      />
      <p class="note">
        Phi grades how surely a silent worker is dead: at 1 one suspicion in ten is wrong, at 8 one in a
        hundred million. A worker drains when it is told to end: it finishes what it runs and takes nothing
        new. It is quarantined when tasks fail on it that end well elsewhere, or when it and its peers cannot
        reach each other: it gets no tasks for a while, and is tried again.
      </p>
      <JsonTwin path="/v1/workers" />
    </>
  );
}
