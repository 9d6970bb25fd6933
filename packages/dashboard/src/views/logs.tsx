/** What a job's code has logged and printed. */
import type { JobLogEntry, LogsView } from "@fanfold/protocol";
import type { JSX } from "preact";
import { countText, timeText } from "../figures.js";
import { useData } from "../live/data.js";
import { newLines } from "../live/news.js";
import { Badge } from "../parts/badge.js";
import { JsonTwin } from "../parts/json-twin.js";
import { Empty, Waiting } from "../parts/section.js";
import { place, replaceQuery } from "../place.js";
import { JobFrame } from "./job-head.js";

const shownMax = 1_000;

export function Logs({ jobId }: { readonly jobId: string }): JSX.Element {
  return <JobFrame jobId={jobId}>{() => <LogBody jobId={jobId} />}</JobFrame>;
}

function LogBody({ jobId }: { readonly jobId: string }): JSX.Element {
  const { query } = place.value;
  const text = query.get("text") ?? "";
  const level = query.get("level") ?? "";
  const task = query.get("task") ?? "";
  const path = `/v1/jobs/${jobId}/logs`;
  const { data, error } = useData<LogsView>(path);
  if (data === undefined) return <Waiting error={error} />;
  const known = new Set(data.entries.map(nameOf));
  const all = [...data.entries, ...newLines.value.filter((entry) => !known.has(nameOf(entry)))];
  const fitting = all.filter(
    (entry) =>
      (level === "" || entry.level === level) &&
      (task === "" || String(entry.attempt.task) === task) &&
      (text === "" || entry.message.toLowerCase().includes(text.toLowerCase())),
  );
  return (
    <>
      <search class="toolbar">
        <label class="field">
          <span class="unseen">Search in the lines</span>
          <input
            type="search"
            placeholder="Search in the lines"
            value={text}
            onInput={(event) => replaceQuery({ text: event.currentTarget.value })}
          />
        </label>
        <label class="field">
          <span class="unseen">Level</span>
          <select value={level} onChange={(event) => replaceQuery({ level: event.currentTarget.value })}>
            <option value="">all levels</option>
            {["debug", "info", "warn", "error"].map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label class="field short">
          <span class="unseen">Task</span>
          <input
            type="text"
            inputMode="numeric"
            placeholder="task"
            value={task}
            onInput={(event) => replaceQuery({ task: event.currentTarget.value })}
          />
        </label>
        <output class="note">
          {countText(fitting.length)} of {countText(all.length)} lines
        </output>
      </search>
      {fitting.length === 0 ? (
        <Empty>{all.length === 0 ? "The job's code has logged nothing." : "No line fits."}</Empty>
      ) : (
        <ol class="log" aria-label="Log lines, oldest first">
          {fitting.slice(-shownMax).map((entry) => (
            <Entry key={nameOf(entry)} entry={entry} />
          ))}
        </ol>
      )}
      <JsonTwin path={path} />
    </>
  );
}

function Entry({ entry }: { readonly entry: JobLogEntry }): JSX.Element {
  const { stage, task, attempt } = entry.attempt;
  return (
    <li class={entry.level}>
      <time>{timeText(entry.atMs)}</time>
      <Badge state={entry.level} />
      <span class="where" title={entry.workerId}>{`${stage}/${task}/${attempt} ${entry.source}`}</span>
      <span class="line">
        {entry.message}
        {entry.fields !== undefined && <span class="fields"> {entry.fields}</span>}
      </span>
    </li>
  );
}

function nameOf({ workerId, sequence }: JobLogEntry): string {
  return `${workerId}/${sequence}`;
}
