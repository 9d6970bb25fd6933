/** The manifest of a published output: `_SUCCESS`, a JSON file that says what belongs to it and where it came from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { inputError } from "./os-error.js";

export const manifestName = "_SUCCESS";
/** The manifest of a further folder of a job whose own output folder may not be there yet. */
export const pendingName = "_PENDING";

export interface ManifestFile {
  /** Name in the output folder. */
  readonly name: string;
  readonly bytes: number;
  readonly records: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  readonly stage: "map" | "reduce";
  readonly task: number;
  readonly attempt: number;
}

export interface Manifest {
  /** Version of Fanfold that wrote it. */
  readonly fanfold: string;
  readonly jobId: string;
  readonly jobName: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly files: readonly ManifestFile[];
  readonly counters: Readonly<Record<string, number>>;
  readonly totals: Readonly<Record<string, number>>;
  /** Of a further folder of a job: the job's own. The two appear together, the job's own last. */
  readonly main?: string;
  /** Of a job's own folder: its further ones. */
  readonly folders?: readonly string[];
}

/**
 * The manifest of the output in `out`.
 *
 * @throws `INPUT_NOT_FOUND` when there is none, `INPUT_UNREADABLE`, `INPUT_CORRUPT` when it is no manifest.
 */
export function readManifest(out: string, name: string = manifestName): Manifest {
  const path = join(out, name);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw inputError(path, error);
  }
  const manifest = parseJson(text);
  if (isManifest(manifest)) return manifest;
  throw new FanfoldError("INPUT_CORRUPT", `${path} is not the manifest of an output`, { details: { path } });
}

/** The manifest in a folder, pending or not; nothing where there is none that can be read. */
export function manifestIfAny(out: string): Manifest | undefined {
  for (const name of [manifestName, pendingName]) {
    try {
      return readManifest(out, name);
    } catch {
      // The next may be there.
    }
  }
  return undefined;
}

export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== "object" || value === null) return false;
  return (
    "jobId" in value && typeof value.jobId === "string" && "files" in value && Array.isArray(value.files)
  );
}
