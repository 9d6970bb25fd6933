/** How the coordinators agree: who leads, how far each has got, how long the disks take, what may still fail. */
import type { ClusterReplica, ConsensusView, ReplicaView } from "@fanfold/protocol";
import type { JSX } from "preact";
import { LineChart } from "../charts/line-chart.js";
import { countText, durationText, timeText } from "../figures.js";
import { useData } from "../live/data.js";
import { cluster } from "../live/news.js";
import { Badge } from "../parts/badge.js";
import { type Column, DataTable } from "../parts/data-table.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Section, Waiting } from "../parts/section.js";
import { Tile, Tiles } from "../parts/tile.js";

const colors = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"] as const;
/** What is shown is asked for again this often while the page is open. */
const stepMs = 2_000;

export function Consensus(): JSX.Element {
  const beat = cluster.value === undefined ? 0 : Math.floor(Date.now() / stepMs);
  const { data, error } = useData<ConsensusView>("/v1/consensus", `${beat} ${cluster.value?.leader}`);
  if (data === undefined)
    return (
      <>
        <h1>Consensus</h1>
        <Waiting error={error} />
      </>
    );
  const now = data.cluster;
  const latest = Math.max(0, ...now.replicas.map(({ decidedIndex }) => decidedIndex ?? 0));
  const leading = data.replicas.find(({ id }) => id === now.leader) ?? data.replicas[0];
  return (
    <>
      <h1>Consensus</h1>
      <p
        class={`verdict ${now.toleratedFailures < 0 ? "bad" : now.toleratedFailures === 0 && now.replicas.length > 1 ? "warn" : "good"}`}
      >
        {data.tolerance}
      </p>
      <Tiles>
        <Tile name="Leader" value={now.leader ?? "none"} note={`ballot ${now.ballot}`} />
        <Tile name="Decided" value={countText(latest)} note="commands in the log" />
        <Tile name="Reigns" value={countText(data.reigns.length)} note={reignNote(data)} />
        <Tile
          name="Disk, median"
          value={durationText(leading?.syncMs.p50 ?? 0)}
          note={`p99 ${durationText(leading?.syncMs.p99 ?? 0)} at ${leading?.id ?? "–"}`}
        />
      </Tiles>
      <Section title="Replicas">
        <DataTable
          caption="Replicas"
          columns={replicaColumns(data, latest)}
          rows={now.replicas}
          keyOf={({ id }) => id}
        />
      </Section>
      <div class="charts two">
        {leading !== undefined && <Lag view={leading} />}
        <Disks replicas={data.replicas} />
      </div>
      <Section
        title="Ballots over time"
        note="A ballot is the number that a leader asks for votes with; a new one means that somebody stood for election."
      >
        <BallotTable replicas={data.replicas} />
      </Section>
      <JsonTwin path="/v1/consensus" />
    </>
  );
}

function reignNote({ reigns }: ConsensusView): string {
  const last = reigns.at(-1);
  return last === undefined ? "" : `${last.leader} since ${timeText(last.atMs)}`;
}

function replicaColumns(data: ConsensusView, latest: number): readonly Column<ClusterReplica>[] {
  const syncOf = (id: string): ReplicaView["syncMs"] | undefined =>
    data.replicas.find((replica) => replica.id === id)?.syncMs;
  const sync = (id: string, name: "p50" | "p95" | "p99"): string => {
    const value = syncOf(id)?.[name];
    return value === undefined ? "–" : durationText(value);
  };
  return [
    {
      name: "Replica",
      show: ({ id, url }) => (
        <>
          {id} <code>{url}</code>
        </>
      ),
      sort: ({ id }) => id,
    },
    { name: "Role", show: ({ role, reachable }) => <Badge state={reachable ? role : "unreachable"} /> },
    {
      name: "Decided",
      show: ({ decidedIndex }) => (decidedIndex === null ? "–" : countText(decidedIndex)),
      isNumber: true,
    },
    {
      name: "Behind by",
      show: ({ decidedIndex }) => (decidedIndex === null ? "–" : countText(latest - decidedIndex)),
      isNumber: true,
    },
    { name: "Disk median", show: ({ id }) => sync(id, "p50"), isNumber: true },
    { name: "p95", show: ({ id }) => sync(id, "p95"), isNumber: true },
    { name: "p99", show: ({ id }) => sync(id, "p99"), isNumber: true },
    { name: "Writes", show: ({ id }) => countText(syncOf(id)?.count ?? 0), isNumber: true },
  ];
}

function Lag({ view }: { readonly view: ReplicaView }): JSX.Element {
  return (
    <LineChart
      title={`Decided index by replica, as ${view.id} hears`}
      times={view.samples.map(({ atMs }) => atMs)}
      lines={view.members.map((id, i) => ({
        name: id,
        color: colors[i % colors.length]!,
        values: view.samples.map(({ decided }) => decided[i] ?? null),
      }))}
      text={countText}
      isStepped
    />
  );
}

/** The replicas' own clocks: their samples are put on one axis. */
function Disks({ replicas }: { readonly replicas: readonly ReplicaView[] }): JSX.Element {
  const byTime = new Map<number, (number | null)[]>();
  replicas.forEach(({ syncMs }, i) => {
    for (const { atMs, p50 } of syncMs.recent) {
      const second = Math.floor(atMs / 1_000) * 1_000;
      const row = byTime.get(second) ?? replicas.map(() => null);
      row[i] = p50;
      byTime.set(second, row);
    }
  });
  const times = [...byTime.keys()].sort((a, b) => a - b);
  return (
    <LineChart
      title="Time until a record is durable, median a second"
      times={times}
      lines={replicas.map(({ id }, i) => ({
        name: id,
        color: colors[i % colors.length]!,
        values: times.map((time) => byTime.get(time)?.[i] ?? null),
      }))}
      text={durationText}
    />
  );
}

interface BallotRow {
  readonly atMs: number;
  readonly ballot: string;
  readonly leader: string | null;
  readonly seenBy: string;
}

function BallotTable({ replicas }: { readonly replicas: readonly ReplicaView[] }): JSX.Element {
  const rows = replicas.flatMap(({ id, ballots }) =>
    ballots.map((each): BallotRow => ({ ...each, seenBy: id })),
  );
  rows.sort((a, b) => b.atMs - a.atMs);
  return (
    <DataTable
      caption="Ballots over time"
      columns={[
        {
          name: "Time",
          show: ({ atMs }) => <time class="nowrap">{timeText(atMs)}</time>,
          sort: ({ atMs }) => atMs,
        },
        {
          name: "Ballot",
          show: ({ ballot }) => (ballot.startsWith("0.") ? "none yet" : <code>{ballot}</code>),
          sort: ({ ballot }) => ballot,
        },
        { name: "Leader", show: ({ leader }) => leader ?? "none", sort: ({ leader }) => leader ?? "" },
        { name: "Seen by", show: ({ seenBy }) => seenBy, sort: ({ seenBy }) => seenBy },
      ]}
      rows={rows}
      keyOf={({ atMs, seenBy, ballot, leader }) => `${atMs} ${seenBy} ${ballot} ${leader}`}
      pageRows={20}
    />
  );
}
