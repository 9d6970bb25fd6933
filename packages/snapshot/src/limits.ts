/** What one node keeps for snapshots, at most. */
export interface SnapshotLimits {
  /** Snapshots under way at a time; a further one is aborted. Each multiplies the recording of a busy channel. */
  readonly activeMax: number;
  /** Messages recorded for one snapshot, over all channels; one that needs more is aborted. */
  readonly messagesMax: number;
  /** Ended snapshots that are remembered, so that a late marker of one does not begin it again. */
  readonly endedMax: number;
  /** Ticks after which a snapshot of which no end has been heard is aborted. */
  readonly lifetimeTicks: number;
}

export const defaultLimits: SnapshotLimits = {
  activeMax: 8,
  messagesMax: 100_000,
  endedMax: 256,
  lifetimeTicks: 120,
};
