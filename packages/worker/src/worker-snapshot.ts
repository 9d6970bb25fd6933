/**
 * A worker's daemon as a node in pictures of the cluster: its channels to the coordinator, to those who fetch from it,
 * and to its own reduce attempts while they fetch. Executors that map or reduce are no nodes of their own: what they do
 * is the daemon's until they report, and user code that never yields cannot hold a picture up.
 */
import type {
  CoordinatorToWorker,
  DaemonToExecutor,
  ExecutorToDaemon,
  FetchNode,
  PicturePart,
  ShuffleReply,
  WorkerOrder,
  WorkerState,
  WorkerToCoordinator,
} from "@fanfold/protocol";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import type { SnapshotSignal } from "@fanfold/snapshot";
import { type Link, SnapshotChannels } from "@fanfold/transport";
import { ShuffleCounts } from "./shuffle-counts.js";
import { AcceptedLink, CopyLink } from "./shuffle-link-snapshots.js";

const coordinatorChannel = "coordinator";

export interface WorkerSnapshotDependencies {
  /** Of the leader that is followed. */
  epoch(): number;
  attempts(): WorkerState["attempts"];
  send(message: WorkerToCoordinator): void;
}

type FetchMessage = Extract<ExecutorToDaemon, { type: "snapshotSignal" | "snapshotPart" | "fetched" }>;

export class WorkerSnapshot {
  readonly #workerId: string;
  readonly #send: (message: WorkerToCoordinator) => void;
  readonly #channels: SnapshotChannels;
  readonly #sent = new ShuffleCounts();
  readonly #received = new ShuffleCounts();
  /** Map outputs kept for others. */
  readonly #segments = new Set<string>();
  /** Inputs being listed, outputs being published. */
  readonly #errands = new Set<string>();
  #accepted = 0;

  constructor(workerId: string, dependencies: WorkerSnapshotDependencies) {
    this.#workerId = workerId;
    this.#send = (message) => dependencies.send(message);
    this.#channels = new SnapshotChannels(
      { id: workerId },
      {
        recordState: () => ({
          kind: "worker",
          epoch: dependencies.epoch(),
          attempts: dependencies.attempts(),
          segments: [...this.#segments],
          errands: [...this.#errands],
          sent: this.#sent.list(),
          received: this.#received.list(),
        }),
        onPart: (initiator, part) => this.#report(initiator, part),
        onAborted: () => undefined,
      },
    );
  }

  tick(): void {
    this.#channels.tick();
  }

  /** First after a welcome. */
  welcomed({ snapshots }: Extract<CoordinatorToWorker, { type: "welcome" }>): void {
    const named = new Set(snapshots.map(({ snapshot }) => snapshot));
    // One that this worker has recorded and the coordinator has not: what the coordinator sends now is in neither part.
    for (const { snapshot } of this.#channels.names)
      if (!named.has(snapshot)) this.#channels.abort(snapshot, `${this.#workerId} came back`);
    const send = (signal: SnapshotSignal): void => this.#send({ type: "snapshotSignal", signal });
    this.#channels.open(coordinatorChannel, { send, greeting: snapshots });
  }

  coordinatorLost(reason: string): void {
    this.#channels.close(coordinatorChannel, false, `${this.#workerId} lost the coordinator: ${reason}`);
  }

  signal(signal: SnapshotSignal): void {
    this.#channels.signal(coordinatorChannel, signal);
  }

  /** Of every order, before it is obeyed. */
  heard(order: WorkerOrder): void {
    this.#channels.received(coordinatorChannel, order);
  }

  /** Just before a reduce attempt is handed to an executor: what it is told of its node. */
  fetchBegins(attempt: AttemptId, send: (message: DaemonToExecutor) => void): FetchNode {
    const key = formatAttemptId(attempt);
    const id = `${this.#workerId}/${key}`;
    const bornAfter = this.#channels.names;
    this.#channels.open(key, {
      peer: id,
      send: (signal) => send({ type: "snapshotSignal", attempt, signal }),
      greeting: [],
    });
    return { id, worker: this.#workerId, bornAfter };
  }

  heardFetch(message: FetchMessage): void {
    const key = formatAttemptId(message.attempt);
    switch (message.type) {
      case "snapshotSignal":
        this.#channels.signal(key, message.signal);
        return;
      case "snapshotPart":
        this.#report(message.initiator, message.part);
        return;
      case "fetched":
        this.#channels.received(key, message);
        this.#received.absorb(message.counts);
        this.#channels.close(key, true, "it has what it fetches");
        return;
    }
  }

  /** Its executor is gone. Nothing happens when the fetch was over. */
  fetchBroke(attempt: AttemptId, how: string): void {
    const key = formatAttemptId(attempt);
    this.#channels.close(key, false, `the executor of ${key} at ${this.#workerId} ${how}`);
  }

  /** A link of somebody who will fetch, or bring a copy: greets. */
  accept(link: Link<ShuffleReply>): AcceptedLink {
    this.#accepted += 1;
    const channel = `accepted-${this.#accepted}`;
    link.send({ type: "holderHello", snapshots: this.#channels.names });
    this.#channels.open(channel, {
      send: (signal) => link.send({ type: "snapshotSignal", signal }),
      awaitsDialler: true,
    });
    return new AcceptedLink(channel, this.#channels, this.#sent, this.#received);
  }

  /** A link over which this worker sends a copy of a segment. */
  copyTo(holder: string, attempt: AttemptId): CopyLink {
    const name = `${formatAttemptId(attempt)}~copy`;
    return new CopyLink({ name, node: this.#workerId, holder }, this.#channels, this.#sent);
  }

  /** A map output is kept here from now on. */
  holds(attempt: string): void {
    this.#segments.add(attempt);
  }

  drops(attempt: string): void {
    this.#segments.delete(attempt);
  }

  /** Work for a job as a whole, whose answer goes to the coordinator. */
  errand(what: string, work: Promise<WorkerToCoordinator>): void {
    this.#errands.add(what);
    void work.then((answer) => {
      this.#errands.delete(what);
      this.#send(answer);
    });
  }

  forgetJob(jobId: string): void {
    for (const key of this.#segments) if (key.startsWith(`${jobId}-`)) this.#segments.delete(key);
    this.#sent.forgetJob(jobId);
    this.#received.forgetJob(jobId);
  }

  #report(initiator: string, part: PicturePart): void {
    this.#send({ type: "snapshotPart", initiator, part });
  }
}

export type { AcceptedLink };
