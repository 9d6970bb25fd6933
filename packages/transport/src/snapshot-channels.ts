/**
 * Carries the signals of cluster pictures over real links: the shell around `SnapshotNode`. A node has one; every link
 * of it is opened here before anything else passes, and everything that arrives is shown here first.
 */
import {
  type MessageSummary,
  type NodeMessage,
  type NodeState,
  type PicturePart,
  summarize,
} from "@fanfold/protocol";
import {
  type SnapshotEffect,
  type SnapshotInput,
  type SnapshotName,
  SnapshotNode,
  type SnapshotSignal,
} from "@fanfold/snapshot";

export interface SnapshotChannelsOptions {
  /** Unlike that of any other node. */
  readonly id: string;
  readonly bornAfter?: readonly SnapshotName[];
}

export interface SnapshotChannelsHandlers {
  /** The node's state as of now. */
  recordState(): NodeState;
  /** Bring this to the initiator. */
  onPart(initiator: string, part: PicturePart): void;
  onAborted(snapshot: string, reason: string): void;
}

/** Most of the time nobody takes a picture: what a message is about need not be put into words. */
const unseen: MessageSummary = { type: "unseen" };

export interface OpenedChannel {
  readonly peer?: string;
  /** Sends a signal on it, behind what has been sent before. Left out where nothing is sent on it. */
  readonly send?: (signal: SnapshotSignal) => void;
  /** Default true. */
  readonly receives?: boolean;
  readonly greeting?: readonly SnapshotName[];
  readonly awaitsDialler?: boolean;
}

export class SnapshotChannels {
  readonly #node: SnapshotNode<NodeState, MessageSummary>;
  readonly #handlers: SnapshotChannelsHandlers;
  readonly #senders = new Map<string, (signal: SnapshotSignal) => void>();

  constructor(options: SnapshotChannelsOptions, handlers: SnapshotChannelsHandlers) {
    this.#handlers = handlers;
    this.#node = new SnapshotNode(options, { recordState: () => handlers.recordState() });
  }

  /** Snapshots under way: what a greeting says. */
  get names(): readonly SnapshotName[] {
    return this.#node.names;
  }

  awaited(snapshot: string): readonly string[] {
    return this.#node.awaited(snapshot);
  }

  start(snapshot: string): void {
    this.#step({ type: "start", snapshot });
  }

  open(channel: string, { peer, send, receives = true, greeting, awaitsDialler }: OpenedChannel): void {
    if (send !== undefined) this.#senders.set(channel, send);
    this.#step({
      ...{ type: "channelOpened", channel, sends: send !== undefined, receives },
      ...(peer === undefined ? {} : { peer }),
      ...(greeting === undefined ? {} : { greeting }),
      ...(awaitsDialler === undefined ? {} : { awaitsDialler }),
    });
  }

  name(channel: string, peer: string): void {
    this.#step({ type: "peerNamed", channel, peer });
  }

  /** Before the message is acted on. */
  received(channel: string, message: NodeMessage): void {
    this.#step({ type: "message", channel, message: this.#node.isRecording ? summarize(message) : unseen });
  }

  signal(channel: string, signal: SnapshotSignal): void {
    this.#step({ type: "signal", channel, signal });
  }

  close(channel: string, inOrder: boolean, reason: string): void {
    this.#step({ type: "channelClosed", channel, inOrder, reason });
    this.#senders.delete(channel);
  }

  complete(snapshot: string): void {
    this.#step({ type: "complete", snapshot });
  }

  abort(snapshot: string, reason: string): void {
    this.#step({ type: "abort", snapshot, reason });
  }

  abortAll(reason: string): void {
    for (const { snapshot } of this.#node.names) this.abort(snapshot, reason);
  }

  leave(): void {
    this.#step({ type: "leave" });
    this.#senders.clear();
  }

  tick(): void {
    this.#step({ type: "tick" });
  }

  #step(input: SnapshotInput<MessageSummary>): void {
    for (const effect of this.#node.step(input)) this.#perform(effect);
  }

  #perform(effect: SnapshotEffect<NodeState, MessageSummary>): void {
    switch (effect.type) {
      case "send":
        this.#senders.get(effect.channel)?.(effect.signal);
        return;
      case "report":
        this.#handlers.onPart(effect.initiator, effect.part);
        return;
      case "aborted":
        this.#handlers.onAborted(effect.snapshot, effect.reason);
        return;
    }
  }
}
