/**
 * Where a worker keeps what belongs to a job: `<data>/jobs/<job>/<attempt>` for work and segments, and
 * `<data>/records/<job>` for typed results. Names come from checked messages; they hold no separators,
 * and links that job code may have put there are not followed out of it.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import { confined, isConfined } from "@fanfold/storage";

/** The segment file of a map attempt, in its work folder. */
export const segmentFileName = "segment";

export class JobFolders {
  readonly #dataDir: string;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    mkdirSync(join(dataDir, "jobs"), { recursive: true });
  }

  workDir(attempt: AttemptId): string {
    return join(this.#jobDir(attempt.jobId), formatAttemptId(attempt));
  }

  /** Makes it anew, empty. @throws `PATH_ESCAPES` */
  createWorkDir(attempt: AttemptId): string {
    const dir = this.#inside(this.workDir(attempt));
    // Nearly always it is not there: to find that out costs less than to remove it.
    if (mkdirSync(dir, { recursive: true }) === undefined) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
    }
    return dir;
  }

  /** A link is removed, and what it leads to is left alone. */
  removeWorkDir(attempt: AttemptId): void {
    const dir = this.workDir(attempt);
    if (isConfined(this.#dataDir, dirname(dir))) rmSync(dir, { recursive: true, force: true });
  }

  /** The segment that a map attempt has left, for others to read. @throws `PATH_ESCAPES` */
  segmentOf(attempt: AttemptId): string {
    return this.#inside(join(this.workDir(attempt), segmentFileName));
  }

  /** Output of a job that publishes nothing. */
  outputDir(attempt: AttemptId): string {
    return join(this.#jobDir(attempt.jobId), "output", formatAttemptId(attempt));
  }

  recordsDir(jobId: string): string {
    return join(this.#dataDir, "records", jobId);
  }

  /** In an order of its own: file systems list a folder in any. */
  heldJobs(): string[] {
    return readdirSync(join(this.#dataDir, "jobs")).sort();
  }

  /** Segments and work of a job; its typed results stay. */
  removeJob(jobId: string): void {
    rmSync(this.#jobDir(jobId), { recursive: true, force: true });
  }

  /** For a worker that does not come back: its next life has another name, and nobody asks that one for these. */
  removeAll(): void {
    for (const jobId of this.heldJobs()) this.removeJob(jobId);
  }

  #inside(path: string): string {
    return confined(this.#dataDir, path);
  }

  #jobDir(jobId: string): string {
    return join(this.#dataDir, "jobs", jobId);
  }
}
