/** The manifest of a published output: `_SUCCESS`, a JSON file that says what belongs to it and where it came from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FanfoldError } from "@fanfold/job";
import { inputError } from "./os-error.js";

export const manifestName = "_SUCCESS";

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
}

/**
 * The manifest of the output in `out`.
 *
 * @throws `INPUT_NOT_FOUND` when there is none, `INPUT_UNREADABLE`, `INPUT_CORRUPT` when it is no manifest.
 */
export function readManifest(out: string): Manifest {
  const path = join(out, manifestName);
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
