export { defaultLimits, type SnapshotLimits } from "./limits.js";
export type { SnapshotName, SnapshotSignal } from "./signal.js";
export { type Collected, SnapshotCollector } from "./snapshot-collector.js";
export {
  type SnapshotEffect,
  type SnapshotInput,
  SnapshotNode,
  type SnapshotNodeDependencies,
  type SnapshotNodeOptions,
} from "./snapshot-node.js";
export type { ChannelPart, Snapshot, SnapshotPart } from "./snapshot-part.js";
