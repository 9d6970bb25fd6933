export { WorkerDaemon } from "./daemon.js";
export { Executor, type ExecutorMeans } from "./executor.js";
export { loadInlineExecutor } from "./executor-code.js";
export { scrubbedEnvironment, withoutOwnVariables } from "./executor-environment.js";
export type { ExecutorHandle, PoolDependencies } from "./executor-pool.js";
export type {
  ExecutorHandshake,
  ExecutorProcessHandlers,
  ExecutorProcessOptions,
} from "./executor-process.js";
export { readHostLoad } from "./host-load.js";
export { isForeignFanfoldError, loadJob, resolveParams } from "./load-job.js";
export { listInputs, type OutputService, outputService, publishOutput } from "./output-service.js";
export type { NodeLog } from "./ports.js";
export { userStack } from "./user-stack.js";
export type { WorkerDependencies, WorkerOptions } from "./worker-options.js";
