/** A reduce attempt, while it fetches, as a node in pictures of the cluster: it receives what other workers send. */
import type {
  DaemonToExecutor,
  ExecutorToDaemon,
  FetchNode,
  LinkCount,
  ShuffleReply,
  ShuffleRequest,
} from "@fanfold/protocol";
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import { type Link, SnapshotChannels } from "@fanfold/transport";
import { ShuffleCounts } from "./shuffle-counts.js";

type Signal = Extract<DaemonToExecutor, { type: "snapshotSignal" }>["signal"];

export class FetchSnapshot {
  readonly node: FetchNode;
  readonly #attempt: AttemptId;
  readonly #send: (message: ExecutorToDaemon) => void;
  readonly #channels: SnapshotChannels;
  readonly #counts = new ShuffleCounts();
  #links = 0;
  #isOver = false;

  constructor(node: FetchNode, attempt: AttemptId, send: (message: ExecutorToDaemon) => void) {
    this.node = node;
    this.#attempt = attempt;
    this.#send = (message) => send(message);
    const recordState = () =>
      ({ kind: "fetch", attempt: formatAttemptId(attempt), received: this.#counts.list() }) as const;
    this.#channels = new SnapshotChannels(
      { id: node.id, bornAfter: node.bornAfter },
      {
        recordState,
        onPart: (initiator, part) => send({ type: "snapshotPart", attempt, initiator, part }),
        onAborted: () => undefined,
      },
    );
    this.#channels.open(node.worker, {
      peer: node.worker,
      send: (signal) => send({ type: "snapshotSignal", attempt, signal }),
      greeting: [],
    });
  }

  /** From the daemon. */
  signal(signal: Signal): void {
    if (!this.#isOver) this.#channels.signal(this.node.worker, signal);
  }

  /** A name for one more link, unlike any other in the cluster. */
  nameLink(): string {
    this.#links += 1;
    return `${formatAttemptId(this.#attempt)}#${this.#links}`;
  }

  /** The holder's greeting has come: after this, ask. */
  opened(
    name: string,
    { snapshots }: Extract<ShuffleReply, { type: "holderHello" }>,
    link: Link<ShuffleRequest>,
  ): void {
    this.#counts.open(name);
    const send = (signal: Signal): void => link.send({ type: "snapshotSignal", signal });
    this.#channels.open(name, { send, greeting: snapshots });
  }

  /** Of everything that comes, first. True for what was meant for here. */
  heard(name: string, reply: ShuffleReply): boolean {
    if (reply.type === "snapshotSignal") {
      this.#channels.signal(name, reply.signal);
      return true;
    }
    this.#channels.received(name, reply);
    this.#counts.count(name, reply);
    return false;
  }

  /** Nothing happens when it has been closed before. */
  closed(name: string, isDone: boolean, reason: string): void {
    this.#counts.end(name, isDone ? "done" : "broken");
    this.#channels.close(name, isDone, `${name} broke: ${reason}`);
  }

  /** The fetch is over, well or not; safe to call again. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#channels.leave();
    const counts: readonly LinkCount[] = this.#counts.list();
    this.#send({ type: "fetched", attempt: this.#attempt, counts });
  }
}
