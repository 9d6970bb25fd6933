/** Links between workers as channels in pictures of the cluster, at the ends that a daemon has. */
import type { ShuffleReply, ShuffleRequest } from "@fanfold/protocol";
import type { Link, SnapshotChannels } from "@fanfold/transport";
import type { ShuffleCounts } from "./shuffle-counts.js";

/** One that another worker dialled: to fetch from here, or to bring a copy. */
export class AcceptedLink {
  readonly #channel: string;
  readonly #channels: SnapshotChannels;
  readonly #sent: ShuffleCounts;
  readonly #received: ShuffleCounts;
  #fetch: string | undefined;
  #copy: string | undefined;
  #isDone = false;

  constructor(channel: string, channels: SnapshotChannels, sent: ShuffleCounts, received: ShuffleCounts) {
    this.#channel = channel;
    this.#channels = channels;
    this.#sent = sent;
    this.#received = received;
  }

  /** Of every request, first. */
  heard(request: ShuffleRequest): void {
    if (request.type === "snapshotSignal") {
      this.#channels.signal(this.#channel, request.signal);
      return;
    }
    this.#channels.received(this.#channel, request);
    switch (request.type) {
      case "fetch":
        this.#channels.name(this.#channel, request.node);
        this.#fetch = request.link;
        this.#sent.open(request.link);
        return;
      case "store":
        this.#channels.name(this.#channel, request.node);
        this.#copy = request.link;
        this.#received.open(request.link, this.#channel);
        return;
      case "part":
        if (this.#copy !== undefined) this.#received.count(this.#copy, request);
        return;
    }
  }

  /** Together with the sending. */
  sent(reply: ShuffleReply): void {
    if (this.#fetch !== undefined) this.#sent.count(this.#fetch, reply);
    const isCopyOver = reply.type === "stored" || (reply.type === "missing" && this.#copy !== undefined);
    if (isCopyOver && this.#copy !== undefined)
      this.#received.end(this.#copy, reply.type === "stored" ? "done" : "broken");
    this.#isDone ||= reply.type === "done" || isCopyOver;
  }

  closed(): void {
    if (this.#fetch !== undefined) this.#sent.end(this.#fetch, "broken");
    if (this.#copy !== undefined) this.#received.end(this.#copy, "broken");
    // One that asked for nothing had nothing to lose.
    const name = this.#fetch ?? this.#copy;
    this.#channels.close(this.#channel, this.#isDone || name === undefined, `${name ?? "a link"} broke`);
  }
}

/** One that this worker dialled to bring a copy. */
export class CopyLink {
  readonly name: string;
  readonly node: string;
  readonly #holder: string;
  readonly #channels: SnapshotChannels;
  readonly #sent: ShuffleCounts;

  constructor(
    link: { readonly name: string; readonly node: string; readonly holder: string },
    channels: SnapshotChannels,
    sent: ShuffleCounts,
  ) {
    this.name = link.name;
    this.node = link.node;
    this.#holder = link.holder;
    this.#channels = channels;
    this.#sent = sent;
  }

  /** The holder's greeting has come: after this, send. */
  opened({ snapshots }: Extract<ShuffleReply, { type: "holderHello" }>, link: Link<ShuffleRequest>): void {
    this.#sent.open(this.name);
    this.#channels.open(this.name, {
      peer: this.#holder,
      send: (signal) => link.send({ type: "snapshotSignal", signal }),
      greeting: snapshots,
    });
  }

  /** Together with the sending. */
  sent(request: ShuffleRequest): void {
    if (request.type === "part") this.#sent.count(this.name, request);
  }

  /** Of everything that comes, first. True for what was meant for here. */
  heard(reply: ShuffleReply): boolean {
    if (reply.type === "snapshotSignal") {
      this.#channels.signal(this.name, reply.signal);
      return true;
    }
    this.#channels.received(this.name, reply);
    return false;
  }

  /** Nothing happens when it has been closed before. */
  closed(isDone: boolean, reason: string): void {
    this.#sent.end(this.name, isDone ? "done" : "broken");
    this.#channels.close(this.name, isDone, `${this.name} broke: ${reason}`);
  }
}
