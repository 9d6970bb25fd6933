export { WorkerDaemon, type WorkerDependencies, type WorkerOptions } from "./daemon.js";
export { isForeignFanfoldError, loadJob, resolveParams } from "./load-job.js";
export type { NodeLog } from "./ports.js";
export { userStack } from "./user-stack.js";
