export { Coordinator, type CoordinatorDependencies, type CoordinatorOptions } from "./coordinator.js";
export type { CommandLog, NodeLog } from "./ports.js";
