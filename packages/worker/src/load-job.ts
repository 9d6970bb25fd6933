/** From a bundle on disk to a checked job definition. */
import { pathToFileURL } from "node:url";
import { type AnyJob, checkJob, FanfoldError, type SchemaIssue } from "@fanfold/job";

/**
 * Imports a bundle. The module runs once a process, whatever number of attempts use it.
 *
 * @throws `JOB_LOAD_FAILED` when its top level throws, `JOB_NO_DEFAULT_EXPORT`, `JOB_INVALID`.
 */
export async function loadJob(bundlePath: string, jobFile: string): Promise<AnyJob> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(bundlePath).href)) as { readonly default?: unknown };
  } catch (cause) {
    // Read while source maps are on: afterwards it would name the bundle's lines.
    if (cause instanceof Error) void cause.stack;
    if (cause instanceof FanfoldError) throw cause;
    const known = FanfoldError.from(cause, "JOB_LOAD_FAILED");
    if (isForeignFanfoldError(cause)) throw new FanfoldError(cause.code, `${jobFile}: ${known.message}`);
    const message = `${jobFile} cannot be loaded: ${nameOf(cause)}${known.message}`;
    throw new FanfoldError("JOB_LOAD_FAILED", message, { cause });
  }
  if (module.default === undefined) {
    const message = `${jobFile} has no default export. A job file ends in: export default defineJob({ … }).`;
    throw new FanfoldError("JOB_NO_DEFAULT_EXPORT", message);
  }
  return checkJob(module.default as AnyJob);
}

/** A bundle carries its own copy of `FanfoldError`: the same class by name and code, not by identity. */
export function isForeignFanfoldError(thrown: unknown): thrown is FanfoldError {
  return thrown instanceof Error && thrown.name === "FanfoldError" && "code" in thrown;
}

/**
 * The parameters as the job sees them: what its schema makes of the given ones, or those themselves.
 *
 * @throws `PARAMS_INVALID` with every issue on a line.
 */
export async function resolveParams(job: AnyJob, given: unknown): Promise<unknown> {
  if (job.params === undefined) return given;
  const result = await job.params["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  const lines = result.issues.map((issue) => `  ${pathText(issue)}${issue.message}`);
  throw new FanfoldError("PARAMS_INVALID", `The parameters do not fit the job:\n${lines.join("\n")}`);
}

function pathText(issue: SchemaIssue): string {
  if (issue.path === undefined || issue.path.length === 0) return "";
  const keys = issue.path.map((part) => String(typeof part === "object" ? part.key : part));
  return `${keys.join(".")}: `;
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ` : "";
}
