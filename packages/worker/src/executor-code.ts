/** An executor's code for a process that is none; loaded when it is asked for, since it carries the record path. */
import type { PoolDependencies } from "./executor-pool.js";

/** For `WorkerDependencies.startExecutor`: executors in the daemon's own process. */
export async function loadInlineExecutor(): Promise<PoolDependencies["startExecutor"]> {
  return (await import("./inline-executor.js")).startInlineExecutor;
}
