/**
 * A coordinator as a node in pictures of the cluster, and where those that are asked of it are put together.
 *
 * Clients are no nodes: what they ask for is nowhere before the log has it, and what they are told changes nothing.
 */
import { FanfoldError } from "@fanfold/job";
import type {
  ClusterPicture,
  CoordinatorState,
  CoordinatorToWorker,
  MessageSummary,
  NodeState,
  PicturePart,
  ReplicaMessage,
  WorkerToCoordinator,
} from "@fanfold/protocol";
import { SnapshotCollector, type SnapshotName } from "@fanfold/snapshot";
import { type Cancel, type Clock, SnapshotChannels } from "@fanfold/transport";
import type { PeerLinks } from "./replica-network.js";

/** Pictures taken at a time; each costs every node a record. */
const takingMax = 4;
/** Nodes named when one was given up. */
const namedMax = 5;
/** How long one may take at most. */
export const snapshotTimeoutMaxMs = 60_000;

export interface ClusterSnapshotDependencies {
  readonly clock: Clock;
  /** Of this coordinator, as of now. */
  recordState(): CoordinatorState;
  sendPart(initiator: string, part: PicturePart): void;
}

interface Taking {
  readonly collector: SnapshotCollector<NodeState, MessageSummary>;
  readonly resolve: (picture: ClusterPicture) => void;
  readonly reject: (error: FanfoldError) => void;
  readonly stopTimer: Cancel;
}

export class ClusterSnapshot implements PeerLinks {
  readonly #id: string;
  /** Unlike that of an earlier life of this coordinator. */
  readonly #life: string;
  readonly #dependencies: ClusterSnapshotDependencies;
  readonly #channels: SnapshotChannels;
  readonly #taking = new Map<string, Taking>();
  #count = 0;
  #accepted = 0;

  constructor(id: string, life: string, dependencies: ClusterSnapshotDependencies) {
    this.#id = id;
    this.#life = life;
    this.#dependencies = dependencies;
    this.#channels = new SnapshotChannels(
      { id },
      {
        recordState: () => dependencies.recordState(),
        onPart: (initiator, part) => {
          if (initiator === this.#id) this.collect(part);
          else dependencies.sendPart(initiator, part);
        },
        onAborted: (snapshot, reason) => this.#fail(snapshot, reason),
      },
    );
  }

  get names(): readonly SnapshotName[] {
    return this.#channels.names;
  }

  /** @throws `SNAPSHOT_ABORTED`, `LIMIT_EXCEEDED` */
  take(timeoutMs: number): Promise<ClusterPicture> {
    if (this.#taking.size >= takingMax)
      return Promise.reject(
        new FanfoldError("LIMIT_EXCEEDED", `${takingMax} snapshots are being taken; try again.`),
      );
    this.#count += 1;
    const snapshot = `${this.#id}/${this.#life}/${this.#count}`;
    return new Promise((resolve, reject) => {
      const waitMs = Math.min(timeoutMs, snapshotTimeoutMaxMs);
      const stopTimer = this.#dependencies.clock.after(waitMs, () => this.#timedOut(snapshot, waitMs));
      const collector = new SnapshotCollector<NodeState, MessageSummary>(snapshot, this.#id);
      this.#taking.set(snapshot, { collector, resolve, reject, stopTimer });
      this.#channels.start(snapshot);
    });
  }

  tick(): void {
    this.#channels.tick();
  }

  /** A part of a picture that was asked for here. Others, and late ones, are dropped. */
  collect(part: PicturePart): void {
    const taking = this.#taking.get(part.snapshot);
    const collected = taking?.collector.add(part);
    if (taking === undefined || collected === undefined || collected.type === "incomplete") return;
    if (collected.type === "unfit") {
      this.#channels.abort(part.snapshot, collected.reason);
      return;
    }
    this.#end(part.snapshot, taking);
    this.#channels.complete(part.snapshot);
    taking.resolve(collected.snapshot);
  }

  /** A worker has said hello, and is about to be welcomed. One that brings work with it was there before the cut. */
  workerComes(workerId: string, hello: Extract<WorkerToCoordinator, { type: "workerHello" }>): void {
    if (hello.running.length > 0 || hello.heldJobs.length > 0)
      this.#channels.abortAll(`${workerId} came back`);
  }

  /** The welcome has been sent, with `names`. */
  workerJoined(workerId: string, send: (message: CoordinatorToWorker) => void): void {
    this.#channels.open(workerId, {
      peer: workerId,
      send: (signal) => send({ type: "snapshotSignal", signal }),
    });
  }

  workerLost(workerId: string, reason: string): void {
    this.#channels.close(workerId, false, `${workerId} was lost: ${reason}`);
  }

  /** Of every message, first. True for what was meant for here. */
  heardWorker(workerId: string, message: WorkerToCoordinator): boolean {
    if (message.type === "snapshotSignal") {
      this.#channels.signal(workerId, message.signal);
      return true;
    }
    if (message.type === "snapshotPart") {
      if (message.initiator === this.#id) this.collect(message.part);
      else this.#dependencies.sendPart(message.initiator, message.part);
      return true;
    }
    this.#channels.received(workerId, message);
    return false;
  }

  peerReached(id: string, send: (message: ReplicaMessage) => void): void {
    this.#channels.abortAll(`${this.#id} has found ${id}`);
    this.#channels.open(`to ${id}`, {
      peer: id,
      receives: false,
      send: (signal) => send({ type: "snapshotSignal", signal }),
    });
  }

  peerGone(id: string, reason: string): void {
    this.#channels.close(`to ${id}`, false, `${this.#id} lost ${id}: ${reason}`);
  }

  peerCame(id: string): string {
    this.#accepted += 1;
    const link = `from ${id} ${this.#accepted}`;
    this.#channels.abortAll(`${id} has found ${this.#id}`);
    this.#channels.open(link, { peer: id });
    return link;
  }

  peerLeft(link: string, reason: string): void {
    this.#channels.close(link, false, `${this.#id} lost the link ${link}: ${reason}`);
  }

  heardPeer(link: string, message: ReplicaMessage): boolean {
    if (message.type === "snapshotSignal") {
      this.#channels.signal(link, message.signal);
      return true;
    }
    if (message.type === "snapshotPart") {
      this.collect(message.part);
      return true;
    }
    this.#channels.received(link, message);
    return false;
  }

  /** Leading begins or ends, or this coordinator goes: what a picture shows of it would not be of one reign. */
  abortAll(reason: string): void {
    this.#channels.abortAll(reason);
  }

  #timedOut(snapshot: string, waitMs: number): void {
    const missing = this.#taking.get(snapshot)?.collector.missing ?? [];
    const others = missing.filter((node) => node !== this.#id);
    const who = [...new Set([...this.#channels.awaited(snapshot), ...others])].slice(0, namedMax).join(", ");
    this.#channels.abort(snapshot, `no answer within ${waitMs} ms from ${who}`);
  }

  #fail(snapshot: string, reason: string): void {
    const taking = this.#taking.get(snapshot);
    if (taking === undefined) return;
    this.#end(snapshot, taking);
    taking.reject(new FanfoldError("SNAPSHOT_ABORTED", `The snapshot was aborted: ${reason}. Take another.`));
  }

  #end(snapshot: string, taking: Taking): void {
    taking.stopTimer();
    this.#taking.delete(snapshot);
  }
}
