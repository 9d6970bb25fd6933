/**
 * Decides which lines of jobs are kept, and which are known already. Workers keep what they told, coordinators what
 * they heard, clients what they have shown; so a new leader can be told again, and nobody sees a line twice.
 */
import type { JobLogEntry } from "./job-log-schema.js";

/** Lines kept a job; the latest. */
export const logLinesMax = 10_000;
/** And their length in UTF-16 units, so that a job of long lines stays in bounds too. */
export const logCharsMax: number = 2 * 1024 * 1024;
/** Jobs whose lines are kept: those that logged last. */
export const loggedJobsMax = 100;

interface JobLines {
  /** By worker and sequence; in the order they came. */
  readonly lines: Map<string, JobLogEntry>;
  chars: number;
}

export class JobLogRing {
  /** The job that logged last comes last. */
  readonly #jobs = new Map<string, JobLines>();

  /** Keeps what is new, and returns it by job. */
  add(entries: readonly JobLogEntry[]): ReadonlyMap<string, readonly JobLogEntry[]> {
    const news = new Map<string, JobLogEntry[]>();
    for (const entry of entries) {
      const { jobId } = entry.attempt;
      if (!this.#keep(jobId, entry)) continue;
      const group = news.get(jobId);
      if (group === undefined) news.set(jobId, [entry]);
      else group.push(entry);
    }
    for (const jobId of news.keys()) this.#trim(jobId);
    return news;
  }

  /** Lines of a job by time. */
  of(jobId: string): readonly JobLogEntry[] {
    const lines = [...(this.#jobs.get(jobId)?.lines.values() ?? [])];
    return lines.sort((a, b) => a.atMs - b.atMs);
  }

  jobIds(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  clear(): void {
    this.#jobs.clear();
  }

  #keep(jobId: string, entry: JobLogEntry): boolean {
    const job = this.#jobs.get(jobId) ?? { lines: new Map<string, JobLogEntry>(), chars: 0 };
    const name = `${entry.workerId}/${entry.sequence}`;
    if (job.lines.has(name)) return false;
    job.lines.set(name, entry);
    job.chars += lengthOf(entry);
    this.#jobs.delete(jobId);
    this.#jobs.set(jobId, job);
    return true;
  }

  #trim(jobId: string): void {
    const job = this.#jobs.get(jobId);
    for (const [name, entry] of job?.lines ?? []) {
      if (job === undefined || (job.lines.size <= logLinesMax && job.chars <= logCharsMax)) break;
      job.lines.delete(name);
      job.chars -= lengthOf(entry);
    }
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > loggedJobsMax && oldest !== undefined) this.#jobs.delete(oldest);
  }
}

function lengthOf({ message, fields }: JobLogEntry): number {
  return message.length + (fields?.length ?? 0);
}
