/**
 * Where a worker keeps what belongs to a job: `<data>/jobs/<job>/<attempt>` for work and segments, and
 * `<data>/records/<job>` for typed results. Names come from checked messages; they hold no separators.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";

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

  /** Makes it anew, empty. */
  createWorkDir(attempt: AttemptId): string {
    const dir = this.workDir(attempt);
    // Nearly always it is not there: to find that out costs less than to remove it.
    if (mkdirSync(dir, { recursive: true }) === undefined) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir, { recursive: true });
    }
    return dir;
  }

  removeWorkDir(attempt: AttemptId): void {
    rmSync(this.workDir(attempt), { recursive: true, force: true });
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

  #jobDir(jobId: string): string {
    return join(this.#dataDir, "jobs", jobId);
  }
}
