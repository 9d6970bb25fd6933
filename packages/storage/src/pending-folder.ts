/**
 * Several folders of one job appear together although no rename can move two: the further ones are renamed first, with
 * a manifest called `_PENDING` that names the job's own folder; the rename of that one is what makes all of them count;
 * then each `_PENDING` becomes `_SUCCESS`. A reader that meets `_PENDING` can tell from the job's own folder which it is.
 */
import { existsSync, renameSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { manifestIfAny, manifestName, pendingName, readManifest } from "./manifest.js";
import { osCodeOf } from "./os-error.js";

/** The job's own folder is there: its further folder counts from now on. May be repeated. */
export async function settlePending(folder: string, jobId: string): Promise<void> {
  if (manifestIfAny(folder)?.jobId !== jobId) return;
  try {
    renameSync(join(folder, pendingName), join(folder, manifestName));
  } catch (error) {
    if (osCodeOf(error) === "ENOENT") return;
    throw error;
  }
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Refuses a folder that a job is about to publish together with another one that is not there yet.
 *
 * @throws `INPUT_UNREADABLE`
 */
export function checkNotPending(folder: string): void {
  if (!existsSync(join(folder, pendingName))) return;
  const { main, jobId } = readManifest(folder, pendingName);
  if (main !== undefined && manifestIfAny(main)?.jobId === jobId) return;
  const message = `${folder} is being published by job ${jobId}, together with ${main ?? "another folder"}: it does not count yet`;
  throw new FanfoldError("INPUT_UNREADABLE", message, { details: { path: folder } });
}
