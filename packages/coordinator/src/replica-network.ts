/**
 * Links between coordinators. Each dials all others and sends on the links it dialled, so that every direction has a
 * link of its own and a half-open one cannot mislead. Nothing is queued for a peer that is away: Paxos says it again.
 */
import { type ErrorReport, FanfoldError } from "@fanfold/job";
import {
  frameBytesMax,
  type PeerMessage,
  type ReplicaMessage,
  type ReplicaRole,
  replicaCodec,
} from "@fanfold/protocol";
import type { Link, LinkHandlers, Route, Surroundings } from "@fanfold/transport";
import { PeerDialler } from "./peer-dialler.js";
import type { NodeLog } from "./ports.js";
import { isOtherCluster, type OwnPlace, type ReplicaHello, refusalOf } from "./replica-greeting.js";

export const replicaPath = "/v1/replica";
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
  /** Which cluster this is; null until that is known. */
  readonly clusterId: () => string | null;
}

export interface ReplicaNetworkHandlers {
  /** Links, and what comes over them, for pictures of the cluster. */
  readonly snapshot: PeerLinks;
  /** What throws `MESSAGE_INVALID` closes that link and nothing else. */
  onMessage(from: string, message: PeerMessage): void;
  /** This process must end: it does not belong to this cluster. */
  onFatal(error: Error): void;
}

/** Each direction between two replicas has links of its own. */
export interface PeerLinks {
  /** A link on which this one sends. */
  peerReached(id: string, send: (message: ReplicaMessage) => void): void;
  peerGone(id: string, reason: string): void;
  /** A link on which the other sends; the name it gets here. */
  peerCame(id: string): string;
  peerLeft(link: string, reason: string): void;
  /** Of every message behind the greeting, first; true when it was meant for pictures of the cluster. */
  heardPeer(link: string, message: ReplicaMessage): boolean;
}

export interface PeerStatus {
  readonly role: ReplicaRole;
  readonly decidedIndex: number;
  /** Whether the peer hears this replica too. */
  readonly hearsUs: boolean;
}

interface HeardStatus extends PeerStatus {
  readonly heardMs: number;
}

export class ReplicaNetwork {
  readonly #options: ReplicaNetworkOptions;
  readonly #handlers: ReplicaNetworkHandlers;
  readonly #log: NodeLog;
  readonly #diallers = new Map<string, PeerDialler>();
  readonly #statuses = new Map<string, HeardStatus>();
  /** Links that peers dialled and were welcomed on, with the cluster they then said they are of. */
  readonly #accepted = new Map<
    Link<ReplicaMessage>,
    { readonly from: string; readonly clusterId: string | null }
  >();
  /** Peers that say they are of another cluster, and of which. */
  readonly #strangers = new Map<string, string>();
  /** What was said last of a peer that is not welcome, so that it is said once. */
  readonly #told = new Map<string, string>();

  constructor(options: ReplicaNetworkOptions, handlers: ReplicaNetworkHandlers, log: NodeLog) {
    this.#options = options;
    this.#handlers = handlers;
    this.#log = log;
  }

  route(): Route {
    return {
      path: replicaPath,
      token: this.#options.token,
      access: "replicate",
      accept: (upgrade) =>
        upgrade<ReplicaMessage, ReplicaMessage>(replicaCodec, (link) => this.#accept(link)),
    };
  }

  start(): void {
    for (const [id, url] of this.#options.peers) {
      if (id === this.#options.id) continue;
      const dialler = new PeerDialler(
        {
          id,
          url,
          path: replicaPath,
          token: this.#options.token,
          frameBytesMax,
          surroundings: this.#options.surroundings,
        },
        {
          own: () => this.#own(),
          onRefused: (error, clusterId) => this.#refusedBy(id, error, clusterId),
          onWelcome: () => {
            this.#strangers.delete(id);
            this.#handlers.snapshot.peerReached(id, (message) => dialler.link?.send(message));
          },
          onLost: (reason) => this.#handlers.snapshot.peerGone(id, reason),
        },
        this.#log,
      );
      this.#diallers.set(id, dialler);
      dialler.start();
    }
  }

  send(to: string, message: ReplicaMessage): void {
    this.sendAll(to, [message]);
  }

  /** Sends all of them, or none. */
  sendAll(to: string, messages: readonly ReplicaMessage[]): void {
    const link = this.#diallers.get(to)?.link;
    if (link === undefined || link.bufferedBytes > unsentBytesMax) return;
    for (const message of messages) link.send(message);
  }

  broadcast(message: ReplicaMessage): void {
    for (const id of this.#diallers.keys()) this.send(id, message);
  }

  /** Tells the others how this replica is, and whom it hears; every beat. Links to who is deaf are made anew. */
  tellStatus(role: ReplicaRole, decidedIndex: number): void {
    const hears = [...this.#options.peers.keys()].filter((id) => this.statusOf(id) !== undefined);
    this.broadcast({ type: "replicaStatus", role, decidedIndex, hears });
    for (const [id, dialler] of this.#diallers) dialler.noteHearsUs(this.statusOf(id)?.hearsUs === true);
  }

  /** What a peer last said of itself; undefined when that is too long ago. */
  statusOf(id: string): PeerStatus | undefined {
    const status = this.#statuses.get(id);
    return status !== undefined &&
      this.#options.surroundings.clock.elapsedMs() - status.heardMs < statusAgeMaxMs
      ? status
      : undefined;
  }

  /** Why a peer cannot be reached, for people. */
  problemOf(id: string): string | undefined {
    return this.#diallers.get(id)?.problem;
  }

  /** The cluster has its name: links of before, on which the peer was not known to be of another one, are cut. */
  clusterNamed(): void {
    const { clusterId } = this.#own();
    for (const [link, peer] of this.#accepted) {
      if (isOtherCluster(peer.clusterId, clusterId)) link.close("another cluster");
    }
  }

  close(): void {
    for (const dialler of this.#diallers.values()) dialler.close();
  }

  #own(): OwnPlace {
    const { id, peers, clusterId } = this.#options;
    return { id, peers, clusterId: clusterId() };
  }

  #accept(link: Link<ReplicaMessage>): LinkHandlers<ReplicaMessage> {
    let from: string | undefined;
    let name = "";
    return {
      onMessage: (message) => {
        if (message.type === "replicaHello") {
          if (from !== undefined) this.#handlers.snapshot.peerLeft(name, "it said hello again");
          from = this.#greet(message, link);
          if (from !== undefined) name = this.#handlers.snapshot.peerCame(from);
        } else if (from === undefined) link.close("say hello first");
        else if (!this.#handlers.snapshot.heardPeer(name, message)) this.#take(from, message, link);
      },
      onClose: (reason) => {
        if (from !== undefined) this.#handlers.snapshot.peerLeft(name, reason);
        this.#accepted.delete(link);
        const isLast = ![...this.#accepted.values()].some((peer) => peer.from === from);
        if (from !== undefined && isLast) this.#statuses.delete(from);
      },
    };
  }

  #take(from: string, message: ReplicaMessage, link: Link<ReplicaMessage>): void {
    switch (message.type) {
      case "replicaStatus": {
        const { role, decidedIndex, hears } = message;
        const hearsUs = hears.includes(this.#options.id);
        this.#statuses.set(from, {
          role,
          decidedIndex,
          hearsUs,
          heardMs: this.#options.surroundings.clock.elapsedMs(),
        });
        return;
      }
      case "replicaHello":
      case "replicaWelcome":
      case "replicaRefused":
      case "snapshotSignal":
      case "snapshotPart":
        return;
      default:
        this.#hand(from, message, link);
    }
  }

  #hand(from: string, message: PeerMessage, link: Link<ReplicaMessage>): void {
    try {
      this.#handlers.onMessage(from, message);
    } catch (error) {
      if (!(error instanceof FanfoldError) || error.code !== "MESSAGE_INVALID") throw error;
      this.#log.error({ peer: from }, `closed the link of a peer: ${error.message}`);
      link.close("malformed message");
    }
  }

  #greet(hello: ReplicaHello, link: Link<ReplicaMessage>): string | undefined {
    const own = this.#own();
    const { id, clusterId } = own;
    const error = refusalOf(hello, own);
    if (error === undefined) {
      this.#told.delete(hello.id);
      this.#accepted.set(link, { from: hello.id, clusterId: hello.clusterId });
      link.send({ type: "replicaWelcome", id, clusterId });
      return hello.id;
    }
    if (this.#told.get(hello.id) !== error.message) {
      this.#told.set(hello.id, error.message);
      this.#log.error({ peer: hello.id, code: error.code }, `refused a peer: ${error.message}`);
    }
    link.send({ type: "replicaRefused", id, clusterId, error });
    link.close("not welcome");
    return undefined;
  }

  /** One stranger among the peers has the wrong folder; when they are a quorum, it is this replica that has it. */
  #refusedBy(peer: string, error: ErrorReport, theirs: string | null): void {
    const { id, clusterId, peers } = this.#own();
    if (error.details?.["reason"] !== "otherCluster" || theirs === null || theirs === clusterId) return;
    this.#strangers.set(peer, theirs);
    const alike = [...this.#strangers.values()].filter((other) => other === theirs).length;
    if (alike < Math.floor(peers.size / 2) + 1) return;
    const message = `The data folder of replica ${id} is of cluster ${clusterId}, but its peers are of cluster ${theirs}. Nothing was changed: check --data-dir and --peers.`;
    this.#handlers.onFatal(
      new FanfoldError("FOLDER_MISMATCH", message, { details: { cluster: clusterId ?? "", peers: theirs } }),
    );
  }
}
