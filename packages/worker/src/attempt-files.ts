/** The files of one attempt: its work folder on this worker's disk, and what it stages beside the job's output. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { formatAttemptId, type TaskAssignment } from "@fanfold/scheduler";
import { stagingDirOf } from "@fanfold/storage";
import type { JobFolders } from "./job-folders.js";

export class AttemptFiles {
  readonly #folders: JobFolders;

  constructor(folders: JobFolders) {
    this.#folders = folders;
  }

  /** @throws whatever the file system says. */
  create(assignment: TaskAssignment): { readonly workDir: string; readonly outputDir: string } {
    const outputDir = this.#outputDirOf(assignment);
    const workDir = this.#folders.createWorkDir(assignment.attempt);
    // Staging was made when the job was planned. Where it is gone the job is over, and must not come back to life.
    mkdirSync(outputDir, { recursive: assignment.out === null });
    return { workDir, outputDir };
  }

  /** Of an attempt that is not to win: all of it. Never throws: what is left goes with the job. */
  remove(assignment: TaskAssignment): void {
    try {
      this.#folders.removeWorkDir(assignment.attempt);
      rmSync(this.#outputDirOf(assignment), { recursive: true, force: true });
    } catch {
      // Storage that cannot be reached now; the job's staging folder is removed as a whole later on.
    }
  }

  #outputDirOf(assignment: TaskAssignment): string {
    const { attempt, out } = assignment;
    if (out === null) return this.#folders.outputDir(attempt);
    return join(stagingDirOf(out, attempt.jobId), "attempts", formatAttemptId(attempt));
  }
}
