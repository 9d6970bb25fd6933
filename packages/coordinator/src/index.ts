export {
  Coordinator,
  type CoordinatorDependencies,
  type CoordinatorOptions,
  type ReplicaPlace,
} from "./coordinator.js";
export type { CommandLog, NodeLog } from "./ports.js";
