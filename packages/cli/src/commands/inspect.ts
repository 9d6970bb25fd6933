/** `fanfold inspect`: what a picture of a cluster shows, whether it adds up, and what changed between two. */
import { checkPicture } from "@fanfold/protocol";
import { ExitError } from "../exit-codes.js";
import { pictureChanges } from "../picture-changes.js";
import { pictureText } from "../picture-text.js";
import { readSnapshotFile } from "../snapshot-file.js";
import { terminalSafe } from "../terminal-safe.js";

export function inspectSnapshot(
  path: string,
  other: string | undefined,
  options: { readonly json: boolean },
): void {
  const file = readSnapshotFile(path);
  if (other !== undefined) {
    const changes = pictureChanges(file.picture, readSnapshotFile(other).picture);
    const text = changes.length === 0 ? "nothing has changed" : changes.join("\n");
    print(options.json ? JSON.stringify({ changes }, null, 2) : text);
    return;
  }
  const violations = checkPicture(file.picture);
  if (options.json)
    print(JSON.stringify({ takenAt: file.takenAt, violations, picture: file.picture }, null, 2));
  else print(pictureText(file, violations));
  if (violations.length > 0)
    throw new ExitError(1, `${violations.length} invariant(s) do not hold`, { isTold: true });
}

function print(text: string): void {
  process.stdout.write(`${terminalSafe(text)}\n`);
}
