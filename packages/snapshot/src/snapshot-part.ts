/** What one node contributes to a snapshot. */
export interface SnapshotPart<State, Message> {
  readonly snapshot: string;
  readonly node: string;
  /** As it was at the moment of the record. */
  readonly state: State;
  /** The channels that were open at that moment. */
  readonly channels: readonly ChannelPart<Message>[];
}

export interface ChannelPart<Message> {
  /** This node's own name for it. */
  readonly channel: string;
  /** The node at the other end; null when it was never told. */
  readonly peer: string | null;
  readonly sends: boolean;
  readonly receives: boolean;
  /** This node had accepted it, and its dialler may not have known: it need not be open there. */
  readonly wasSilent: boolean;
  /** Sent to this node before the sender's record, and received after its own: on their way at the time of the cut. */
  readonly inFlight: readonly Message[];
  /** `left`: the sender closed the channel in order, with nothing more to say; it need not be part of the snapshot. */
  readonly end: "marker" | "left";
}

/** A complete one. There is no type for an incomplete one: those are never handed out. */
export interface Snapshot<State, Message> {
  readonly snapshot: string;
  readonly initiator: string;
  /** By node, sorted. */
  readonly parts: readonly SnapshotPart<State, Message>[];
}
