export {
  Coordinator,
  type CoordinatorDependencies,
  type CoordinatorOptions,
  type ReplicaPlace,
} from "./coordinator.js";
export type { LogFile, LogFiles } from "./log-files.js";
export type { CommandLog, NodeLog } from "./ports.js";
