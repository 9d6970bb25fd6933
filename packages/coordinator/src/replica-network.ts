/**
 * Links between coordinators. Each dials all others and sends on the links it dialled, so that every direction has a
 * link of its own and a half-open one cannot mislead. Nothing is queued for a peer that is away: Paxos says it again.
 */
import { frameBytesMax, type ReplicaMessage, type ReplicaRole, replicaCodec } from "@fanfold/protocol";
import type { Cancel, Link, Route, Surroundings } from "@fanfold/transport";
import type { NodeLog } from "./ports.js";

const replicaPath = "/v1/replica";
/** Pauses between attempts to reach a peer. */
const redialMinMs = 50;
const redialMaxMs = 1_000;
/** A peer that has not been heard of for so long is shown as out of reach. */
const statusAgeMaxMs = 2_000;
/** What a slow peer may have waiting; beyond it messages are dropped, as a network would. */
const unsentBytesMax: number = 64 * 1024 * 1024;

export interface ReplicaNetworkOptions {
  readonly id: string;
  /** Where to reach each member, this one included. */
  readonly peers: ReadonlyMap<string, string>;
  readonly token: string;
  readonly surroundings: Surroundings;
}

export interface ReplicaNetworkHandlers {
  onMessage(from: string, message: Exclude<ReplicaMessage, { type: "replicaHello" | "replicaStatus" }>): void;
}

export interface PeerStatus {
  readonly role: ReplicaRole;
  readonly decidedIndex: number;
  readonly heardMs: number;
}

export class ReplicaNetwork {
  readonly #options: ReplicaNetworkOptions;
  readonly #handlers: ReplicaNetworkHandlers;
  readonly #log: NodeLog;
  readonly #links = new Map<string, Link<ReplicaMessage>>();
  readonly #statuses = new Map<string, PeerStatus>();
  readonly #timers = new Set<Cancel>();
  #isClosed = false;

  constructor(options: ReplicaNetworkOptions, handlers: ReplicaNetworkHandlers, log: NodeLog) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
  }

  route(): Route {
    return {
      path: replicaPath,
      token: this.#options.token,
      accept: (upgrade) =>
        upgrade<ReplicaMessage, ReplicaMessage>(replicaCodec, (link) => this.#accept(link)),
    };
  }

  start(): void {
    for (const [id, url] of this.#options.peers)
      if (id !== this.#options.id) this.#dial(id, url, redialMinMs);
  }

  send(to: string, message: ReplicaMessage): void {
    const link = this.#links.get(to);
    if (link === undefined || link.bufferedBytes > unsentBytesMax) return;
    link.send(message);
  }

  broadcast(message: ReplicaMessage): void {
    for (const id of this.#links.keys()) this.send(id, message);
  }

  /** What a peer last said of itself; undefined when that is too long ago. */
  statusOf(id: string): PeerStatus | undefined {
    const status = this.#statuses.get(id);
    return status !== undefined &&
      this.#options.surroundings.clock.elapsedMs() - status.heardMs < statusAgeMaxMs
      ? status
      : undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
    for (const link of this.#links.values()) link.close("the coordinator is going");
  }

  #dial(id: string, url: string, pauseMs: number): void {
    if (this.#isClosed) return;
    const { clock, network } = this.#options.surroundings;
    const again = (nextMs: number): void => {
      this.#links.delete(id);
      if (this.#isClosed) return;
      const cancel = clock.after(pauseMs, () => {
        this.#timers.delete(cancel);
        this.#dial(id, url, nextMs);
      });
      this.#timers.add(cancel);
    };
    const { token } = this.#options;
    network
      .dial<ReplicaMessage, ReplicaMessage>({ url, path: replicaPath, token, frameBytesMax }, replicaCodec, {
        // Replies come on the link that the peer dialled.
        onMessage: () => undefined,
        onClose: (reason) => {
          this.#log.debug({ peer: id }, `link to the peer lost: ${reason}`);
          // A peer that hangs up at once will do so again.
          again(Math.min(pauseMs * 2, redialMaxMs));
        },
      })
      .then(
        (link) => {
          link.send({ type: "replicaHello", id: this.#options.id, members: [...this.#options.peers.keys()] });
          this.#links.set(id, link);
          if (this.#isClosed) link.close("the coordinator is going");
        },
        () => again(Math.min(pauseMs * 2, redialMaxMs)),
      );
  }

  #accept(link: Link<ReplicaMessage>): { onMessage(message: ReplicaMessage): void; onClose(): void } {
    let from: string | undefined;
    return {
      onMessage: (message) => {
        if (message.type === "replicaHello") {
          from = this.#greet(message, link);
          return;
        }
        if (from === undefined) {
          link.close("say hello first");
          return;
        }
        if (message.type === "replicaStatus") {
          const { role, decidedIndex } = message;
          this.#statuses.set(from, {
            role,
            decidedIndex,
            heardMs: this.#options.surroundings.clock.elapsedMs(),
          });
          return;
        }
        this.#handlers.onMessage(from, message);
      },
      onClose: () => {
        if (from !== undefined) this.#statuses.delete(from);
      },
    };
  }

  #greet(
    hello: Extract<ReplicaMessage, { type: "replicaHello" }>,
    link: Link<ReplicaMessage>,
  ): string | undefined {
    const mine = [...this.#options.peers.keys()].sort();
    const theirs = [...hello.members].sort();
    const isMember = hello.id !== this.#options.id && this.#options.peers.has(hello.id);
    if (isMember && mine.join() === theirs.join()) return hello.id;
    const why = isMember
      ? `it takes ${theirs.join(", ")} for the members, but here they are ${mine.join(", ")}`
      : `"${hello.id}" is not another member of ${mine.join(", ")}`;
    this.#log.error({ peer: hello.id }, `refused a peer: ${why}; check --id and --peers`);
    link.close("not a member here");
    return undefined;
  }
}
