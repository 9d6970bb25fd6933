/**
 * Server-sent events (WHATWG HTML, 9.2): what changes, told to every page that is open, a few times a second. A stream
 * says *that* something large has changed (attempts) and *what* when it is small (jobs, events, log lines). Events have
 * ids that are the same at every replica, so `Last-Event-ID` goes on where another replica left off; everything else
 * is told anew on each connection. A reader that does not keep up is cut off, and comes back to a fresh start.
 */
import type { ServerResponse } from "node:http";
import type { HistoryEvent } from "@fanfold/history";
import type { JobLogEntry } from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";

/** Pages that are open at a time, over all users of this coordinator. */
export const streamsMax = 200;
/** How often readers hear. */
const flushMs = 250;
/** How often the figures of running jobs and of the cluster are looked at. */
const beatMs = 1_000;
/** A comment in a quiet stream, so that middlemen do not take it for dead. */
const quietMsMax = 10_000;
/** What a slow reader may have waiting. */
const unsentBytesMax: number = 4 * 1024 * 1024;
/** Jobs told at the start; a page asks for older ones by itself. */
const firstJobsMax = 200;
/** Lines and events waiting for the next flush; older ones are dropped, and the page asks for them. */
const queuedMax = 2_000;

export interface StreamSources {
  /** Changes when what this replica can tell becomes another's to tell. */
  standing(): string;
  hello(): object;
  cluster(): object;
  jobs(): readonly JobSummary[];
  job(jobId: string): JobSummary | undefined;
  attemptsVersion(jobId: string): number;
  eventsAfter(id: string): readonly HistoryEvent[];
}

interface Stream {
  readonly response: ServerResponse;
  /** Whose attempts and lines it wants. */
  readonly jobId: string | undefined;
  readonly standing: string;
  lastMs: number;
  cluster: string;
}

export class EventStreams {
  readonly #sources: StreamSources;
  readonly #streams = new Set<Stream>();
  readonly #jobs = new Set<string>();
  readonly #attempts = new Set<string>();
  #events: HistoryEvent[] = [];
  readonly #logs = new Map<string, JobLogEntry[]>();
  #timer: NodeJS.Timeout | undefined;
  #beatMs = 0;

  constructor(sources: StreamSources) {
    this.#sources = sources;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** The headers are written; the stream lives until its reader goes. */
  open(response: ServerResponse, jobId: string | undefined, lastEventId: string | undefined): void {
    const standing = this.#sources.standing();
    const stream: Stream = { response, jobId, standing, lastMs: performance.now(), cluster: "" };
    this.#streams.add(stream);
    response.once("close", () => this.#closed(stream));
    this.#send(stream, "hello", this.#sources.hello());
    this.#tellCluster(stream);
    this.#send(stream, "jobs", { jobs: this.#sources.jobs().slice(0, firstJobsMax), isAll: true });
    if (jobId !== undefined)
      this.#send(stream, "attempts", { jobId, version: this.#sources.attemptsVersion(jobId) });
    if (lastEventId !== undefined) this.#sendEvents(stream, this.#sources.eventsAfter(lastEventId));
    this.#timer ??= setInterval(() => this.#flush(), flushMs);
  }

  jobChanged(jobId: string): void {
    if (this.#streams.size > 0) this.#jobs.add(jobId);
  }

  attemptsChanged(jobId: string): void {
    if (this.#streams.size > 0) this.#attempts.add(jobId);
  }

  eventAdded(event: HistoryEvent): void {
    if (this.#streams.size === 0) return;
    this.#events.push(event);
    if (this.#events.length > queuedMax) this.#events.shift();
  }

  jobLog(entries: readonly JobLogEntry[]): void {
    if (this.#streams.size === 0) return;
    for (const entry of entries) {
      const { jobId } = entry.attempt;
      const queued = this.#logs.get(jobId);
      if (queued === undefined) this.#logs.set(jobId, [entry]);
      else if (queued.length < queuedMax) queued.push(entry);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const { response } of this.#streams) response.end();
    this.#streams.clear();
  }

  #closed(stream: Stream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    const nowMs = performance.now();
    const isBeat = nowMs - this.#beatMs >= beatMs;
    if (isBeat) {
      this.#beatMs = nowMs;
      for (const job of this.#sources.jobs()) if (job.times.finishedMs === null) this.#jobs.add(job.id);
    }
    const jobs = [...this.#jobs].flatMap((jobId) => this.#sources.job(jobId) ?? []);
    const standing = this.#sources.standing();
    for (const stream of [...this.#streams]) {
      // Somebody else knows more now: the reader comes again and is passed on.
      if (stream.standing !== standing) stream.response.end();
      else this.#tell(stream, jobs, isBeat, nowMs);
    }
    this.#jobs.clear();
    this.#attempts.clear();
    this.#events = [];
    this.#logs.clear();
  }

  #tell(stream: Stream, jobs: readonly JobSummary[], isBeat: boolean, nowMs: number): void {
    const { jobId } = stream;
    if (jobs.length > 0) this.#send(stream, "jobs", { jobs, isAll: false });
    if (isBeat) this.#tellCluster(stream);
    if (jobId !== undefined && this.#attempts.has(jobId))
      this.#send(stream, "attempts", { jobId, version: this.#sources.attemptsVersion(jobId) });
    const lines = jobId === undefined ? undefined : this.#logs.get(jobId);
    if (lines !== undefined) this.#send(stream, "logs", { jobId, entries: lines });
    this.#sendEvents(stream, this.#events);
    if (nowMs - stream.lastMs > quietMsMax) this.#write(stream, ":\n\n");
  }

  #tellCluster(stream: Stream): void {
    const cluster = JSON.stringify(this.#sources.cluster());
    if (cluster === stream.cluster) return;
    stream.cluster = cluster;
    this.#write(stream, `event: cluster\ndata: ${cluster}\n\n`);
  }

  #sendEvents(stream: Stream, events: readonly HistoryEvent[]): void {
    const last = events.at(-1);
    if (last !== undefined) this.#send(stream, "events", { events }, last.id);
  }

  #send(stream: Stream, event: string, data: object, id?: string): void {
    const idLine = id === undefined ? "" : `id: ${id}\n`;
    this.#write(stream, `event: ${event}\n${idLine}data: ${JSON.stringify(data)}\n\n`);
  }

  #write(stream: Stream, text: string): void {
    const { response } = stream;
    stream.lastMs = performance.now();
    if (response.writableLength > unsentBytesMax) response.destroy();
    else response.write(text);
  }
}
