/**
 * What `import … from "fanfold"` means inside a bundled job: all that defines a job. Running jobs from inside a job
 * is refused at run time with a clear error, so that a file which both defines and runs still bundles.
 */
import { FanfoldError } from "@fanfold/job";

export * from "@fanfold/job";
export { type DaemonConfig, defineConfig, type FanfoldConfig } from "./config.js";

function refuse(name: string): never {
  throw new FanfoldError(
    "JOB_API_IN_JOB",
    `${name}() cannot be called while a job file is being loaded or run.`,
  );
}

/** @throws `JOB_API_IN_JOB` always. */
export function runJob(): never {
  refuse("runJob");
}

/** @throws `JOB_API_IN_JOB` always. */
export function submitJob(): never {
  refuse("submitJob");
}

/** @throws `JOB_API_IN_JOB` always. */
export function retryJob(): never {
  refuse("retryJob");
}
