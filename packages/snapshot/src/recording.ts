/** One snapshot at one node, from its record to its end. */
import type { ChannelPart, SnapshotPart } from "./snapshot-part.js";

export interface OpenChannel {
  readonly channel: string;
  peer: string | null;
  readonly sends: boolean;
  readonly receives: boolean;
  /** Nothing but this node's greeting has passed over it. */
  isSilent: boolean;
}

interface RecordedChannel<Message> {
  readonly open: OpenChannel;
  readonly wasSilent: boolean;
  readonly inFlight: Message[];
  end: "marker" | "left" | undefined;
}

export class Recording<State, Message> {
  readonly snapshot: string;
  readonly initiator: string;
  ageTicks = 0;
  messages = 0;
  readonly #state: State;
  readonly #channels = new Map<string, RecordedChannel<Message>>();
  #awaited = 0;
  #isReported = false;

  /** Of a node that records now: every open channel is in the cut, and every incoming one is awaited. */
  constructor(
    name: { readonly snapshot: string; readonly initiator: string },
    state: State,
    channels: Iterable<OpenChannel>,
  ) {
    this.snapshot = name.snapshot;
    this.initiator = name.initiator;
    this.#state = state;
    for (const open of channels) {
      const end = open.receives ? undefined : "marker";
      this.#channels.set(open.channel, { open, wasSilent: open.isSilent, inFlight: [], end });
      if (open.receives) this.#awaited += 1;
    }
  }

  /** Whether the channel was open at the record. Those opened later carry nothing from before it. */
  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  isAwaited(channel: string): boolean {
    const known = this.#channels.get(channel);
    return known !== undefined && known.end === undefined;
  }

  /** At the other ends of the channels whose marker has not come; a channel's name where its peer has none. */
  get awaited(): readonly string[] {
    const open = [...this.#channels.values()].filter(({ end }) => end === undefined);
    return open.map(({ open: { channel, peer } }) => peer ?? channel);
  }

  add(channel: string, message: Message): void {
    this.#channels.get(channel)?.inFlight.push(message);
    this.messages += 1;
  }

  end(channel: string, end: "marker" | "left"): void {
    const known = this.#channels.get(channel);
    if (known === undefined || known.end !== undefined) return;
    known.end = end;
    this.#awaited -= 1;
  }

  /** This node leaves: what it has not received by now it never will. */
  endAll(): void {
    for (const channel of this.#channels.keys()) this.end(channel, "left");
  }

  /** The node's part, once: when the last awaited channel has ended. */
  takePart(node: string): SnapshotPart<State, Message> | undefined {
    if (this.#awaited > 0 || this.#isReported) return undefined;
    this.#isReported = true;
    const channels = [...this.#channels.values()].map(
      ({ open, wasSilent, inFlight, end }): ChannelPart<Message> => ({
        channel: open.channel,
        peer: open.peer,
        sends: open.sends,
        receives: open.receives,
        wasSilent,
        inFlight,
        end: end ?? "left",
      }),
    );
    return { snapshot: this.snapshot, node, state: this.#state, channels };
  }
}
