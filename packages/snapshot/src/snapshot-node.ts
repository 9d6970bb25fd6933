/**
 * Decides when a node records its state, and which messages it records as having been on their way, so that the
 * records of all nodes fit together: whatever one of them shows as received, another shows as sent.
 *
 * The intuition: a marker on a channel draws a line between what was sent before the sender's record and what was sent
 * after it. A node records the moment it hears of a snapshot, before it acts on anything sent after somebody else's
 * record; and what then still arrives on a channel before that channel's marker was on its way at the time of the cut.
 * (Chandy, Lamport, "Distributed Snapshots: Determining Global States of Distributed Systems", TOCS 1985, section 3:
 * the marker-sending and the marker-receiving rule.)
 *
 * Beyond the paper, whose channels are given and never fail:
 * - Channels open at any time. The acceptor speaks first and names the snapshots it has recorded (`names`); the dialler,
 *   which sends nothing before that, records for them, and then sends its own markers first of all; only when it has
 *   spoken does the acceptor say more. So nothing that is sent before a cut is received on a channel that opened after it.
 * - A node may join by such a channel, which then is all it has: `names` of the greeting are behind it from its birth.
 * - A channel closed in order ends as by a marker. One that breaks aborts every snapshot that it is part of, everywhere.
 * - Several snapshots go on at once, each as if it were alone.
 */
import { defaultLimits, type SnapshotLimits } from "./limits.js";
import { type OpenChannel, Recording } from "./recording.js";
import type { SnapshotName, SnapshotSignal } from "./signal.js";
import type { SnapshotPart } from "./snapshot-part.js";

export type SnapshotInput<Message> =
  /** This node is to start one. `snapshot` must be new in the whole system: put the node's name and a count into it. */
  | { readonly type: "start"; readonly snapshot: string }
  /**
   * A channel is there, before anything else is sent or received on it. At the dialler, when it has heard the acceptor's
   * greeting: `greeting` is what that said, `names` of the acceptor's node. At the acceptor, when it sends its greeting;
   * `awaitsDialler` means that it will say nothing more until it has heard from the dialler.
   */
  | {
      readonly type: "channelOpened";
      readonly channel: string;
      readonly peer?: string;
      readonly sends: boolean;
      readonly receives: boolean;
      readonly greeting?: readonly SnapshotName[];
      readonly awaitsDialler?: boolean;
    }
  /** The dialler of an accepted channel has spoken, and said who it is. */
  | { readonly type: "peerNamed"; readonly channel: string; readonly peer: string }
  /** `inOrder`: its sender had nothing more to say, and everything it said has been received. */
  | {
      readonly type: "channelClosed";
      readonly channel: string;
      readonly inOrder: boolean;
      readonly reason: string;
    }
  /** The application has received this; give it **before** the application acts on it. */
  | { readonly type: "message"; readonly channel: string; readonly message: Message }
  /** A signal has been received, in its place among the channel's messages. */
  | { readonly type: "signal"; readonly channel: string; readonly signal: SnapshotSignal }
  | { readonly type: "abort"; readonly snapshot: string; readonly reason: string }
  /** The initiator has all parts. */
  | { readonly type: "complete"; readonly snapshot: string }
  /** This node ends in order: it gives the parts it still owes, and its channels are closed. */
  | { readonly type: "leave" }
  /** Some time has passed; snapshots whose end nobody tells are aborted after `lifetimeTicks`. */
  | { readonly type: "tick" };

/** In order, and at once: before the application sends or receives anything else. */
export type SnapshotEffect<State, Message> =
  /** On that channel, in-band. */
  | { readonly type: "send"; readonly channel: string; readonly signal: SnapshotSignal }
  /** This node's part is complete; bring it to the initiator, by any way, unless it is aborted meanwhile. */
  | { readonly type: "report"; readonly initiator: string; readonly part: SnapshotPart<State, Message> }
  /** Drop what there is of it. Also said of one that this node has only heard of. */
  | { readonly type: "aborted"; readonly snapshot: string; readonly reason: string };

export interface SnapshotNodeOptions {
  readonly id: string;
  readonly limits?: Partial<SnapshotLimits>;
  /** The names in the greeting or order that brought this node to life: it was born after those cuts. */
  readonly bornAfter?: readonly SnapshotName[];
}

export interface SnapshotNodeDependencies<State> {
  /** The node's state as of now, which later changes must not change. Called in the midst of `step`. */
  recordState(): State;
}

export class SnapshotNode<State, Message> {
  readonly #id: string;
  readonly #limits: SnapshotLimits;
  readonly #recordState: () => State;
  readonly #channels = new Map<string, OpenChannel>();
  readonly #active = new Map<string, Recording<State, Message>>();
  /** Under way, but this node was born after its record. */
  readonly #bornAfter = new Map<string, SnapshotName>();
  /** In order of their end. */
  readonly #ended = new Set<string>();
  #effects: SnapshotEffect<State, Message>[] = [];

  constructor(options: SnapshotNodeOptions, dependencies: SnapshotNodeDependencies<State>) {
    this.#id = options.id;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#recordState = () => dependencies.recordState();
    for (const name of options.bornAfter ?? []) this.#bornAfter.set(name.snapshot, name);
  }

  /** Snapshots under way that this node has recorded: what it greets with, first of all, on a channel it accepts. */
  get names(): readonly SnapshotName[] {
    const recorded = [...this.#active.values()].map(({ snapshot, initiator }) => ({ snapshot, initiator }));
    return [...recorded, ...this.#bornAfter.values()];
  }

  /** Whether messages are looked at now. */
  get isRecording(): boolean {
    return this.#active.size > 0;
  }

  /** Whose markers this node waits for: what to say when a snapshot takes too long. */
  awaited(snapshot: string): readonly string[] {
    return this.#active.get(snapshot)?.awaited ?? [];
  }

  step(input: SnapshotInput<Message>): readonly SnapshotEffect<State, Message>[] {
    this.#take(input);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #take(input: SnapshotInput<Message>): void {
    switch (input.type) {
      case "start":
        this.#hear({ snapshot: input.snapshot, initiator: this.#id });
        return;
      case "channelOpened":
        this.#open(input);
        return;
      case "peerNamed":
        this.#name(input.channel, input.peer);
        return;
      case "channelClosed":
        this.#close(input.channel, input.inOrder, input.reason);
        return;
      case "message":
        this.#record(input.channel, input.message);
        return;
      case "signal":
        this.#signal(input.channel, input.signal);
        return;
      case "abort":
        this.#end(input.snapshot, input.reason);
        return;
      case "complete":
        this.#end(input.snapshot, undefined);
        return;
      case "leave":
        this.#leave();
        return;
      case "tick":
        this.#tick();
        return;
    }
  }

  /** The marker-sending rule: the state first, then a marker on every channel before anything else. */
  #hear(name: SnapshotName): void {
    const { snapshot, initiator } = name;
    if (this.#knows(snapshot)) return;
    if (this.#active.size >= this.#limits.activeMax) {
      this.#end(snapshot, `${this.#id} has ${this.#limits.activeMax} snapshots under way`);
      return;
    }
    this.#active.set(snapshot, new Recording(name, this.#recordState(), this.#channels.values()));
    for (const { channel, sends } of this.#channels.values()) {
      if (sends) this.#send(channel, { type: "marker", snapshot, initiator, from: this.#id });
    }
    this.#report(snapshot);
  }

  #knows(snapshot: string): boolean {
    return this.#active.has(snapshot) || this.#bornAfter.has(snapshot) || this.#ended.has(snapshot);
  }

  #open(input: Extract<SnapshotInput<Message>, { type: "channelOpened" }>): void {
    // Recorded before the channel is there: it opens after the cut here, as it did at the other end.
    for (const name of input.greeting ?? []) this.#hear(name);
    const { channel, peer = null, sends, receives, awaitsDialler = false } = input;
    this.#channels.set(channel, { channel, peer, sends, receives, isSilent: awaitsDialler });
    if (!sends) return;
    for (const { snapshot, initiator } of this.names)
      this.#send(channel, { type: "marker", snapshot, initiator, from: this.#id });
  }

  #name(channel: string, peer: string): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    known.peer = peer;
    known.isSilent = false;
  }

  #close(channel: string, inOrder: boolean, reason: string): void {
    this.#channels.delete(channel);
    for (const recording of [...this.#active.values()]) {
      if (!recording.has(channel)) continue;
      if (inOrder) {
        recording.end(channel, "left");
        this.#report(recording.snapshot);
      } else this.#end(recording.snapshot, reason);
    }
  }

  #record(channel: string, message: Message): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    known.isSilent = false;
    for (const recording of [...this.#active.values()]) {
      if (!recording.isAwaited(channel)) continue;
      recording.add(channel, message);
      if (recording.messages <= this.#limits.messagesMax) continue;
      const what = `more than ${this.#limits.messagesMax} messages on their way to ${this.#id}`;
      this.#end(recording.snapshot, what);
    }
  }

  #signal(channel: string, signal: SnapshotSignal): void {
    if (signal.type === "marker") this.#marker(channel, signal);
    else this.#end(signal.snapshot, signal.type === "aborted" ? signal.reason : undefined);
  }

  /** The marker-receiving rule. */
  #marker(channel: string, marker: Extract<SnapshotSignal, { type: "marker" }>): void {
    const { snapshot } = marker;
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    // It does not end a channel's silence: a dialler's first markers come for cuts before which it had not opened it.
    known.peer = marker.from;
    this.#hear(marker);
    const recording = this.#active.get(snapshot);
    // A channel that opened after the record is not awaited: it brings markers that say nothing new.
    if (recording === undefined || !recording.has(channel)) return;
    if (!recording.isAwaited(channel)) {
      this.#end(snapshot, `a second marker from ${marker.from} to ${this.#id}`);
      return;
    }
    recording.end(channel, "marker");
    this.#report(snapshot);
  }

  #report(snapshot: string): void {
    const recording = this.#active.get(snapshot);
    const part = recording?.takePart(this.#id);
    if (recording === undefined || part === undefined) return;
    this.#effects.push({ type: "report", initiator: recording.initiator, part });
  }

  #leave(): void {
    for (const recording of this.#active.values()) {
      recording.endAll();
      this.#report(recording.snapshot);
    }
    this.#active.clear();
    this.#bornAfter.clear();
    this.#channels.clear();
  }

  #tick(): void {
    for (const recording of [...this.#active.values()]) {
      recording.ageTicks += 1;
      if (recording.ageTicks > this.#limits.lifetimeTicks)
        this.#end(recording.snapshot, `${this.#id} heard of no end`);
    }
  }

  /** Once a snapshot; everybody passes it on once, so that it reaches all whom a marker could reach. */
  #end(snapshot: string, abortReason: string | undefined): void {
    if (this.#ended.has(snapshot)) return;
    this.#ended.add(snapshot);
    const [oldest] = this.#ended;
    if (this.#ended.size > this.#limits.endedMax && oldest !== undefined) this.#ended.delete(oldest);
    this.#active.delete(snapshot);
    this.#bornAfter.delete(snapshot);
    const signal: SnapshotSignal =
      abortReason === undefined
        ? { type: "completed", snapshot }
        : { type: "aborted", snapshot, reason: abortReason };
    for (const { channel, sends } of this.#channels.values()) if (sends) this.#send(channel, signal);
    if (abortReason !== undefined) this.#effects.push({ type: "aborted", snapshot, reason: abortReason });
  }

  #send(channel: string, signal: SnapshotSignal): void {
    this.#effects.push({ type: "send", channel, signal });
  }
}
