/** A job's summary: errors first, then the plan, the figures, and what came out. */
import type { HistoryEvent } from "@fanfold/history";
import type { JobView } from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import type { JSX } from "preact";
import { StageGraph } from "../charts/stage-graph.js";
import { bytesText, countText, durationText, memoryText, timeText } from "../figures.js";
import { useData } from "../live/data.js";
import { events } from "../live/news.js";
import { type Column, DataTable } from "../parts/data-table.js";
import { EventTable } from "../parts/event-table.js";
import { elapsedMs, taskTotals, userLine } from "../parts/job-figures.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Empty, Section } from "../parts/section.js";
import { Tile, Tiles } from "../parts/tile.js";
import { hrefOf } from "../place.js";
import { JobFrame } from "./job-head.js";

type Stage = JobSummary["stages"][number];

export function Job({ jobId }: { readonly jobId: string }): JSX.Element {
  return (
    <JobFrame jobId={jobId}>
      {(view) => (
        <>
          <Trouble view={view} />
          <Figures view={view} />
          <Section title="Plan" note="Each box is a stage; choose one for its durations and its skew.">
            <StageGraph jobId={jobId} plan={view.plan} stages={view.job.stages} />
            <StageTable job={view.job} />
          </Section>
          <div class="columns">
            <Counters job={view.job} />
            <Specification view={view} />
          </div>
          <Outputs job={view.job} />
          <JsonTwin path={`/v1/jobs/${jobId}`} />
        </>
      )}
    </JobFrame>
  );
}

/** What went wrong comes first, with the user's own file and line. */
function Trouble({ view: { job } }: { readonly view: JobView }): JSX.Element | null {
  const told =
    useData<{ events: readonly HistoryEvent[] }>(`/v1/jobs/${job.id}/events`, job.state).data?.events ?? [];
  const late = events.value.filter(
    ({ jobId, id }) => jobId === job.id && !told.some((known) => known.id === id),
  );
  const failures = [...told, ...late].filter(
    ({ level, kind }) => level === "error" && kind.startsWith("attempt"),
  );
  if (job.error === null) {
    if (failures.length === 0) return null;
    return (
      <Section title="Failed attempts" note="The tasks are tried again; the job goes on.">
        <EventTable events={failures.slice(-5)} hasJobs={false} />
      </Section>
    );
  }
  const { code, message, stack, details } = job.error;
  const line = userLine(stack);
  return (
    <section class="trouble" aria-label="Error">
      <header>
        <h2>
          <span class="code">{code}</span>
          {line !== undefined && (
            <code class="user-line" title={line.file}>
              {line.text}
            </code>
          )}
        </h2>
      </header>
      <p class="message">{message}</p>
      {details !== undefined && Object.keys(details).length > 0 && (
        <p class="note">
          {Object.entries(details)
            .map(([name, value]) => `${name}: ${String(value)}`)
            .join(" · ")}
        </p>
      )}
      {stack !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre tabIndex={0}>{stack}</pre>
      )}
      {failures.length > 0 && <EventTable events={failures.slice(-5)} hasJobs={false} />}
    </section>
  );
}

function Figures({ view: { job } }: { readonly view: JobView }): JSX.Element {
  const { done, tasks, running, failed, lost } = taskTotals(job);
  const map = job.stages.find(({ kind }) => kind === "map");
  const perSecond = job.stages.reduce((sum, stage) => sum + stage.bytesInPerSecond, 0);
  const records = job.outputs.reduce((sum, file) => sum + file.records, 0);
  const bytes = job.outputs.reduce((sum, file) => sum + file.bytes, 0);
  const took = elapsedMs(job, Date.now());
  const busyMs = job.stages.reduce((sum, { metrics }) => sum + (metrics["wallMs"] ?? 0), 0);
  return (
    <Tiles>
      <Tile
        name="Tasks"
        value={`${countText(done)} / ${countText(tasks)}`}
        note={`${countText(running)} running`}
      />
      <Tile
        name="Read"
        value={bytesText(map?.bytesIn ?? 0)}
        note={
          job.times.finishedMs === null
            ? `${bytesText(perSecond)}/s now`
            : `${countText(map?.recordsIn ?? 0)} records`
        }
      />
      <Tile name="Written" value={bytesText(bytes)} note={`${countText(records)} records`} />
      <Tile
        name="Time"
        value={durationText(took)}
        note={
          busyMs === 0
            ? ""
            : `${durationText(busyMs)} in tasks, ${(busyMs / Math.max(1, took)).toFixed(1)} at a time`
        }
      />
      <Tile
        name="Attempts failed"
        value={countText(failed)}
        note={`${countText(lost)} lost with a worker${job.skippedRecords > 0 ? `, ${countText(job.skippedRecords)} records skipped` : ""}`}
      />
    </Tiles>
  );
}

function StageTable({ job }: { readonly job: JobSummary }): JSX.Element {
  const columns: readonly Column<Stage>[] = [
    {
      name: "Stage",
      show: ({ id, kind }) => <a href={hrefOf(["jobs", job.id, "stages", id])}>{`${id} ${kind}`}</a>,
      sort: ({ id }) => id,
    },
    { name: "Done", show: ({ done, tasks }) => `${countText(done)} / ${countText(tasks)}`, isNumber: true },
    { name: "Running", show: ({ running }) => countText(running), isNumber: true },
    { name: "Failed", show: ({ failed }) => countText(failed), isNumber: true },
    { name: "Lost", show: ({ lost }) => countText(lost), isNumber: true },
    {
      name: "Backups won",
      show: ({ backupsWon, backups }) => `${countText(backupsWon)} / ${countText(backups)}`,
      isNumber: true,
    },
    { name: "Records in", show: ({ recordsIn }) => countText(recordsIn), isNumber: true },
    { name: "Bytes in", show: ({ bytesIn }) => bytesText(bytesIn), isNumber: true },
    { name: "Records out", show: ({ recordsOut }) => countText(recordsOut), isNumber: true },
    { name: "Bytes out", show: ({ bytesOut }) => bytesText(bytesOut), isNumber: true },
    {
      name: "Took",
      show: ({ startedMs, finishedMs }) =>
        startedMs === null
          ? "–"
          : durationText((finishedMs ?? job.times.finishedMs ?? Date.now()) - startedMs),
      isNumber: true,
    },
  ];
  return (
    <DataTable
      caption="Stages"
      columns={columns}
      rows={job.stages}
      keyOf={({ id }) => id}
      empty="The input is being listed."
    />
  );
}

function Counters({ job }: { readonly job: JobSummary }): JSX.Element {
  const entries = Object.entries(job.counters);
  return (
    <Section title="Counters">
      {entries.length === 0 ? (
        <Empty>The job counts nothing of its own.</Empty>
      ) : (
        <DataTable
          caption="The job's own counters"
          columns={[
            { name: "Name", show: ([name]) => name, sort: ([name]) => name },
            {
              name: "Value",
              show: ([, value]) => countText(value),
              sort: ([, value]) => value,
              isNumber: true,
            },
          ]}
          rows={entries}
          keyOf={([name]) => name}
        />
      )}
    </Section>
  );
}

function Specification({ view }: { readonly view: JobView }): JSX.Element {
  const { spec, job, splits, partitions } = view;
  const more = spec.inputsTotal - spec.inputs.length;
  const { memoryBytes, maxAttempts, force } = spec.options;
  return (
    <Section title="What was submitted">
      <dl class="facts">
        <dt>Code</dt>
        <dd>
          <code title={spec.bundle}>{spec.bundle.slice(0, 16)}…</code>
        </dd>
        <dt>Input</dt>
        <dd>
          {spec.inputs.slice(0, 5).map((input) => (
            <code key={input}>{input}</code>
          ))}
          {spec.inputs.length > 5 || more > 0
            ? ` and ${countText(more + Math.max(0, spec.inputs.length - 5))} more`
            : ""}{" "}
          <span class="note">{spec.reader}</span>
        </dd>
        <dt>Cut into</dt>
        <dd>
          {splits === null ? "" : `${countText(splits)} splits, `}
          {partitions === null ? "–" : `${countText(partitions)} partitions`}
        </dd>
        <dt>Limits</dt>
        <dd>
          {memoryText(memoryBytes)} an attempt,{" "}
          {maxAttempts === undefined ? "4 tries" : `${maxAttempts} tries`}
          {force ? ", replaces its output" : ""}
        </dd>
        <dt>Submitted</dt>
        <dd>{timeText(job.times.submittedMs)}</dd>
        {job.times.finishedMs !== null && (
          <>
            <dt>Ended</dt>
            <dd>{timeText(job.times.finishedMs)}</dd>
          </>
        )}
      </dl>
    </Section>
  );
}

function Outputs({ job }: { readonly job: JobSummary }): JSX.Element {
  return (
    <Section title="Output" note={job.out === null ? undefined : <code>{job.out}</code>}>
      <DataTable
        caption="Published files"
        columns={[
          { name: "File", show: ({ name }) => <code>{name}</code>, sort: ({ name }) => name },
          {
            name: "Records",
            show: ({ records }) => countText(records),
            sort: ({ records }) => records,
            isNumber: true,
          },
          {
            name: "Bytes",
            show: ({ bytes }) => bytesText(bytes),
            sort: ({ bytes }) => bytes,
            isNumber: true,
          },
          { name: "SHA-256", show: ({ sha256 }) => <code title={sha256}>{sha256.slice(0, 16)}…</code> },
        ]}
        rows={job.outputs}
        keyOf={({ name }) => name}
        pageRows={20}
        empty={noOutputTexts[job.state] ?? "Published all at once, when the job has succeeded."}
      />
    </Section>
  );
}

const noOutputTexts: Partial<Readonly<Record<JobSummary["state"], string>>> = {
  succeeded: "The job wrote no files.",
  failed: "Nothing was published: the job has failed.",
  cancelled: "Nothing was published: the job was cancelled.",
};
