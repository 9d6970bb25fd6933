export { toleranceText } from "./cluster-view.js";
export {
  Coordinator,
  type CoordinatorDependencies,
  type CoordinatorOptions,
  type ReplicaPlace,
} from "./coordinator.js";
export type { LogFile, LogFiles } from "./log-files.js";
export type { CommandLog, NodeLog } from "./ports.js";
export type { CoordinatorInside, CoordinatorWatcher, WatchedEvent } from "./watcher.js";
