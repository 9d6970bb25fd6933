/**
 * Where a job's output goes, and the folder beside it in which it is prepared.
 *
 * Until the job is decided, everything it writes lies in the staging folder, which has the target's parent as its own: so
 * it is on the same filesystem, and one rename publishes it. Attempts write to folders of their own there; a zombie
 * that goes on after the staging folder is gone finds no folder to write to.
 */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { FanfoldError, isPortableName } from "@fanfold/job";
import { osCodeOf, outputError } from "./os-error.js";

/** Longest name of a target that is spelled out in the name of its staging folder; names end at 255 bytes. */
const spelledNameMax = 100;
const replacedPrefix = "replaced-";

export interface TargetOptions {
  /** An existing output will be replaced when the new one is published. */
  readonly force: boolean;
}

/**
 * Refuses a target that could not be published to, before any work is done. Writes (and removes) an empty folder beside
 * it, since permissions alone do not tell.
 *
 * @param out absolute path of the folder to be.
 * @throws `OUTPUT_EXISTS`, `OUTPUT_UNWRITABLE`, `DISK_FULL`.
 */
export function checkTarget(out: string, options: TargetOptions): void {
  const stats = targetStats(out);
  if (stats !== undefined && !options.force) throw outputExists(out);
  if (stats !== undefined && !stats.isDirectory()) throw fileInTheWay(out);
  if (stats !== undefined && isAround(realpathSync(out), process.cwd())) {
    const message = `${out} cannot be replaced: it is the current folder, or holds it`;
    throw new FanfoldError("OUTPUT_UNWRITABLE", message, { details: { path: out } });
  }
  try {
    rmdirSync(mkdtempSync(`${stagingDirOf(out, "check")}-`));
  } catch (error) {
    throw outputError(dirname(out), error);
  }
}

/** The staging folder of a job, beside its target: `.<name>.fanfold-<job id>`. */
export function stagingDirOf(out: string, jobId: string): string {
  if (!isPortableName(jobId))
    throw new FanfoldError("MESSAGE_INVALID", `not a job id: ${JSON.stringify(jobId)}`);
  const name = basename(out);
  const isShort = Buffer.byteLength(name) <= spelledNameMax;
  const short = isShort ? name : createHash("sha256").update(name).digest("hex").slice(0, 32);
  return join(dirname(out), `.${short}.fanfold-${jobId}`);
}

/** Makes the staging folder if it is not there, and returns it. @throws `OUTPUT_UNWRITABLE`, `DISK_FULL`. */
export function prepareStaging(out: string, jobId: string): string {
  const staging = stagingDirOf(out, jobId);
  makeFolder(staging);
  makeFolder(join(staging, "attempts"));
  return staging;
}

/** The folder of one attempt's output files. */
export function attemptOutputDir(staging: string, stage: number, task: number, attempt: number): string {
  return join(staging, "attempts", `${stage}-${task}-${attempt}`);
}

/**
 * Makes the folder of one attempt's output files, empty, and returns it.
 *
 * @throws `OUTPUT_UNWRITABLE`, also when the staging folder is gone since the job has ended; `DISK_FULL`.
 */
export function prepareAttemptOutputDir(
  staging: string,
  stage: number,
  task: number,
  attempt: number,
): string {
  const folder = attemptOutputDir(staging, stage, task, attempt);
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    throw outputError(folder, error);
  }
  makeFolder(folder);
  return folder;
}

/**
 * Removes all that a failed or cancelled job has prepared; may be called again at any time. An output that was moved
 * aside to be replaced is put back.
 *
 * @throws `OUTPUT_UNWRITABLE`
 */
export function discardStaging(out: string, jobId: string): void {
  const staging = stagingDirOf(out, jobId);
  try {
    const [replaced] = replacedIn(staging);
    if (replaced !== undefined && targetStats(out) === undefined) renameSync(replaced, out);
    rmSync(staging, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    throw outputError(staging, error);
  }
}

/** Outputs that were moved aside to be replaced, the first of them first. */
export function replacedIn(staging: string): string[] {
  try {
    const names = readdirSync(staging).filter((name) => name.startsWith(replacedPrefix));
    return names.sort().map((name) => join(staging, name));
  } catch (error) {
    if (osCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** A name for the output to be moved aside to. */
export function nextReplacedDir(staging: string): string {
  return join(staging, `${replacedPrefix}${String(replacedIn(staging).length).padStart(5, "0")}`);
}

/** What is at the target, without following links. @throws `OUTPUT_UNWRITABLE` */
export function targetStats(out: string): Stats | undefined {
  try {
    return lstatSync(out);
  } catch (error) {
    if (osCodeOf(error) === "ENOENT") return undefined;
    throw outputError(out, error);
  }
}

export function outputExists(out: string): FanfoldError {
  const message = `output exists: ${out}; choose another folder, or replace it by --force`;
  return new FanfoldError("OUTPUT_EXISTS", message, { details: { path: out } });
}

export function fileInTheWay(out: string): FanfoldError {
  const message = `cannot write ${out}: it exists and is not a folder`;
  return new FanfoldError("OUTPUT_UNWRITABLE", message, { details: { path: out } });
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (osCodeOf(error) !== "EEXIST") throw outputError(path, error);
  }
}

function isAround(folder: string, inner: string): boolean {
  const way = relative(folder, inner);
  return way !== ".." && !way.startsWith("../");
}
