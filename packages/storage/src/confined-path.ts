/**
 * Decides whether a path stays inside a folder, links followed. Names that come in messages have no separators, so the
 * text of a path cannot leave; but job code runs as the worker's user and may have put a link where a folder is to be,
 * and what then is read, replaced or removed by the daemon would be somebody else's.
 *
 * It is a check of what is there now: code that replaces a folder between the check and the use is not held by it, nor by
 * anything else that runs as the same user (docs/security.md).
 */
import { lstatSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { osCodeOf } from "./os-error.js";

/**
 * The path, if it and every folder on the way lie in `root`; what is not there yet cannot lead elsewhere.
 *
 * @throws `PATH_ESCAPES`
 */
export function confined(root: string, path: string): string {
  if (isConfined(root, path)) return path;
  const message = `${path} leads out of ${root}: it is neither read nor written`;
  throw new FanfoldError("PATH_ESCAPES", message, { details: { path } });
}

export function isConfined(root: string, path: string): boolean {
  if (path.includes("\0")) return false;
  const from = real(root);
  const to = from === undefined ? undefined : real(path);
  if (from === undefined || to === undefined) return false;
  const way = relative(from, to);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** With links followed as far as there is something, and the rest behind it; undefined for a link to nowhere. */
function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    // What is written to a link to nowhere comes to be where it points.
    if (osCodeOf(error) !== "ENOENT" || isLink(path)) return undefined;
    const parent = real(dirname(path));
    return parent === undefined ? undefined : join(parent, basename(path));
  }
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}
