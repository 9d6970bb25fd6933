/** What nodes say to each other about snapshots: in-band, on the channels that also carry the application's messages. */

export type SnapshotSignal =
  /**
   * Sent on every outgoing channel the moment a node has recorded its state, before any other message. What came
   * before it on the channel was sent before the sender's record, what comes after it afterwards.
   */
  | {
      readonly type: "marker";
      readonly snapshot: string;
      /** Where parts go. */
      readonly initiator: string;
      /** The node that sends this marker. */
      readonly from: string;
    }
  /** Passed on once by everybody: nothing of this snapshot is to be used. */
  | { readonly type: "aborted"; readonly snapshot: string; readonly reason: string }
  /** Passed on once by everybody: the initiator has all parts, and nobody need remember it. */
  | { readonly type: "completed"; readonly snapshot: string };

/** A snapshot that a node has recorded its state for; what a greeting lists. */
export interface SnapshotName {
  readonly snapshot: string;
  readonly initiator: string;
}
