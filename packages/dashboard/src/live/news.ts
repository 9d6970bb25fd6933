/**
 * Keeps the page up to date: one stream, opened anew as often as it ends (a leader change ends it), going on where the
 * last one left off; what it tells is put into signals that views read.
 */
import type { AttemptsView, HistoryEvent } from "@fanfold/history";
import type { ClusterSummary, JobLogEntry, WorkerView } from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import { batch, type Signal, signal } from "@preact/signals";
import { AttemptStore } from "./attempt-store.js";
import { fetchData, report } from "./data.js";
import { readEvents, type ServerEvent } from "./event-source.js";
import { ask, learnOrigins, moveOn, RequestError, token } from "./session.js";

export type Standing = "connecting" | "live" | "noLeader" | "lost" | "saved";

export const standing: Signal<Standing> = signal<Standing>(report === undefined ? "connecting" : "saved");
/** Id of the replica that answers. */
export const answeredBy: Signal<string> = signal("");
/** Newest first. */
export const jobs: Signal<ReadonlyMap<string, JobSummary>> = signal<ReadonlyMap<string, JobSummary>>(
  new Map(),
);
export const cluster: Signal<ClusterSummary | undefined> = signal<ClusterSummary | undefined>(undefined);
export const workers: Signal<readonly WorkerView[]> = signal<readonly WorkerView[]>([]);
/** Oldest first. */
export const events: Signal<readonly HistoryEvent[]> = signal<readonly HistoryEvent[]>([]);
/** Of the job that is looked at; lines that came since it was. */
export const newLines: Signal<readonly JobLogEntry[]> = signal<readonly JobLogEntry[]>([]);
export const attempts: AttemptStore = new AttemptStore();
/** Changes with `attempts`. */
export const attemptsChanged: Signal<number> = signal(0);

const eventsMax = 4_000;
const linesMax = 5_000;
const retryMinMs = 150;
const retryMaxMs = 3_000;
const fetchAttemptsMs = 400;

let watched: string | undefined;
let lastEventId = "";
let stream: AbortController | undefined;

/** Follows the cluster, and this job in detail, until another is named. */
export function watch(jobId: string | undefined): void {
  if (report !== undefined) {
    void fetchSavedAttempts(report.jobId);
    return;
  }
  if (jobId === watched && stream !== undefined) return;
  watched = jobId;
  newLines.value = [];
  attempts.clear();
  attemptsChanged.value += 1;
  stream?.abort();
  stream = new AbortController();
  void follow(stream.signal, jobId);
}

/** Opens the stream again, for instance with another token. */
export function restart(): void {
  const jobId = watched;
  stream?.abort();
  stream = undefined;
  lastEventId = "";
  watch(jobId);
}

async function follow(signal: AbortSignal, jobId: string | undefined): Promise<void> {
  let retryMs = retryMinMs;
  while (!signal.aborted && token.peek() !== "") {
    try {
      const query = jobId === undefined ? "" : `?job=${encodeURIComponent(jobId)}`;
      const headers: Record<string, string> = lastEventId === "" ? {} : { "last-event-id": lastEventId };
      const response = await ask(`/v1/stream${query}`, { headers, signal });
      retryMs = retryMinMs;
      await readEvents(response, (event) => take(event, jobId));
    } catch (error) {
      if (error instanceof RequestError && error.status === 401) return;
      if (!signal.aborted) moveOn();
    }
    if (signal.aborted) return;
    standing.value = retryMs > retryMinMs * 4 ? "lost" : "connecting";
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(retryMaxMs, retryMs * 2);
  }
}

function take({ event, id, data }: ServerEvent, jobId: string | undefined): void {
  if (id !== undefined) lastEventId = id;
  const value = JSON.parse(data) as Record<string, unknown>;
  batch(() => {
    switch (event) {
      case "hello":
        answeredBy.value = String(value["replica"]);
        standing.value = value["isLeader"] === true ? "live" : "noLeader";
        void catchUpEvents();
        return;
      case "cluster":
        takeCluster(value as unknown as { cluster: ClusterSummary; workers: readonly WorkerView[] });
        return;
      case "jobs":
        takeJobs(value as unknown as { jobs: readonly JobSummary[]; isAll: boolean });
        return;
      case "events":
        addEvents(value["events"] as readonly HistoryEvent[]);
        return;
      case "logs":
        newLines.value = [...newLines.peek(), ...(value["entries"] as JobLogEntry[])].slice(-linesMax);
        return;
      case "attempts":
        if (jobId !== undefined) void fetchAttempts(jobId);
        return;
    }
  });
}

function takeCluster(news: { cluster: ClusterSummary; workers: readonly WorkerView[] }): void {
  cluster.value = news.cluster;
  workers.value = news.workers;
  learnOrigins(news.cluster.replicas.map(({ url }) => url));
}

function takeJobs({ jobs: told, isAll }: { jobs: readonly JobSummary[]; isAll: boolean }): void {
  const merged = new Map(isAll ? [] : jobs.peek());
  for (const job of told) merged.set(job.id, job);
  jobs.value = new Map([...merged].sort(([, a], [, b]) => b.times.submittedMs - a.times.submittedMs));
}

function addEvents(told: readonly HistoryEvent[]): void {
  const known = new Set(events.peek().map(({ id, text }) => id + text));
  const fresh = told.filter(({ id, text }) => !known.has(id + text));
  if (fresh.length > 0) events.value = [...events.peek(), ...fresh].slice(-eventsMax);
}

let isCaughtUp = false;

/** What happened before the page was opened. */
async function catchUpEvents(): Promise<void> {
  if (isCaughtUp) return;
  isCaughtUp = true;
  const told = await fetchData<{ events: readonly HistoryEvent[] }>("/v1/events").catch(() => undefined);
  const later = events.peek();
  events.value = [];
  addEvents([...(told?.events ?? []), ...later]);
}

let isFetching = false;
let isStale = false;

/** Fetches the rows that are new, page by page; one round at a time. */
async function fetchAttempts(jobId: string): Promise<void> {
  if (isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  try {
    for (let hasMore = true; hasMore && watched === jobId; ) {
      const path = `/v1/jobs/${jobId}/attempts?since=${attempts.version}`;
      const view = await fetchData<AttemptsView>(path);
      if (watched !== jobId) break;
      if (attempts.source !== "" && view.source !== attempts.source && attempts.version > 0) {
        // Another replica answers: its numbers are its own.
        attempts.source = view.source;
        attempts.clear();
        continue;
      }
      attempts.take(view);
      attemptsChanged.value += 1;
      hasMore = view.hasMore;
    }
    await new Promise((resolve) => setTimeout(resolve, fetchAttemptsMs));
  } catch {
    // The stream says so too, and comes again.
  } finally {
    isFetching = false;
  }
  if (isStale && watched !== undefined) {
    isStale = false;
    void fetchAttempts(watched);
  }
}

async function fetchSavedAttempts(jobId: string): Promise<void> {
  if (attempts.length > 0) return;
  const pages = await fetchData<readonly AttemptsView[]>(`/v1/jobs/${jobId}/attempts`);
  for (const page of pages) attempts.take(page);
  attemptsChanged.value += 1;
}
