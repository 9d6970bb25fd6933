/** A picture of a cluster as a file: JSON, so that people and their tools can read it; checked by schema when read. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { FanfoldError } from "@fanfold/job";
import { type ClusterPicture, clusterPicture } from "@fanfold/protocol";
import { safeParse } from "valibot";

const format = "fanfold-snapshot";
/** Bumped when an older `fanfold inspect` could misread a file. */
const formatVersion = 1;
/** A cluster of 2,000 workers fills some ten megabytes. */
const fileBytesMax: number = 256 * 1024 * 1024;

export interface SnapshotFile {
  readonly takenAt: string;
  readonly picture: ClusterPicture;
}

/** The file appears whole or not at all. @throws `OUTPUT_UNWRITABLE` */
export function writeSnapshotFile(path: string, { takenAt, picture }: SnapshotFile): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(temporary, "wx");
    try {
      writeSync(file, `${JSON.stringify({ format, version: formatVersion, takenAt, picture }, null, 1)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new FanfoldError("OUTPUT_UNWRITABLE", `${path} cannot be written: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

/** @throws `INPUT_NOT_FOUND`; `SNAPSHOT_INVALID` for any file that `fanfold snapshot` did not write */
export function readSnapshotFile(path: string): SnapshotFile {
  const parsed = parse(path, readText(path));
  if (typeof parsed !== "object" || parsed === null || !("format" in parsed) || parsed.format !== format)
    throw invalid(path, "it is not a snapshot of a cluster");
  const { version, takenAt, picture } = parsed as Record<string, unknown>;
  if (version !== formatVersion)
    throw invalid(path, `it has format version ${String(version)}, and this command reads ${formatVersion}`);
  const checked = safeParse(clusterPicture, picture, { abortEarly: true });
  if (!checked.success || typeof takenAt !== "string") throw invalid(path, "it is damaged");
  return { takenAt, picture: checked.output };
}

function readText(path: string): string {
  try {
    if (statSync(path).size > fileBytesMax) throw invalid(path, `it has more than ${fileBytesMax} bytes`);
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof FanfoldError) throw cause;
    throw new FanfoldError("INPUT_NOT_FOUND", `${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(path, "it is not JSON, or has been cut short");
  }
}

function invalid(path: string, why: string): FanfoldError {
  return new FanfoldError("SNAPSHOT_INVALID", `${path} cannot be read as a snapshot: ${why}.`, {
    details: { path },
  });
}
