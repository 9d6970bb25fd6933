/**
 * The log that replicas agree on by Paxos: the job table as a replicated state machine.
 *
 * A leader's first command is `reignBegan`. Once it is decided, everything that earlier leaders may have left is
 * decided too, and the index it got is the epoch of the reign: no other command has that index.
 */

import { FanfoldError } from "@fanfold/job";
import {
  type Answer,
  type DurableState,
  formatBallot,
  type HaltReason,
  type Message,
  PaxosNode,
  type PaxosStorage,
  type StateMachine,
} from "@fanfold/paxos";
import { decodeCommand, decodePlain, encodeCommand, encodePlain } from "@fanfold/protocol";
import { type Command, JobTable, type TableSnapshot } from "@fanfold/scheduler";
import type { Cancel, Clock } from "@fanfold/transport";
import type { CommandLog, CommandLogEvents, LogSummary, NodeLog } from "./ports.js";

/** A tick of the replica's clock. With ten ticks to an election timeout, a dead leader is replaced within a second. */
const tickMs = 20;

export interface PaxosLogOptions {
  readonly id: string;
  readonly members: readonly string[];
  /** Begins the replica's random choices. */
  readonly seed: number;
}

export interface PaxosLogDependencies {
  readonly storage: PaxosStorage;
  readonly stored: DurableState | undefined;
  readonly log: NodeLog;
  readonly clock: Clock;
  /** The log has named the cluster. */
  nameCluster(clusterId: string): void;
  /** A name that no cluster has. */
  newClusterId(): string;
  /** Waits for what is being written. */
  closeStorage(): Promise<void>;
  send(to: string, message: Message): void;
}

type Node = PaxosNode<Uint8Array, null, Uint8Array>;

export class PaxosLog implements CommandLog {
  readonly #options: PaxosLogOptions;
  readonly #log: NodeLog;
  readonly #clock: Clock;
  readonly #node: Node;
  readonly #closeStorage: () => Promise<void>;
  readonly #nameCluster: (clusterId: string) => void;
  readonly #newClusterId: () => string;
  readonly #overloaded: Command[] = [];
  #table = new JobTable();
  #events: CommandLogEvents | undefined;
  #isReigning = false;
  #stopTimer: Cancel = () => undefined;
  #clusterId: string | null = null;
  #tickedMs = 0;
  #ballot = "";

  constructor(options: PaxosLogOptions, dependencies: PaxosLogDependencies) {
    this.#options = options;
    this.#log = dependencies.log;
    this.#clock = dependencies.clock;
    this.#closeStorage = () => dependencies.closeStorage();
    this.#nameCluster = (clusterId) => dependencies.nameCluster(clusterId);
    this.#newClusterId = () => dependencies.newClusterId();
    const { storage, stored, send } = dependencies;
    this.#node = new PaxosNode(
      // An empty disk is believed only if nobody remembers this replica; see package paxos, `rejoin`.
      { ...options, bootstrap: true },
      {
        machine: this.#machine(),
        transport: { send: (to, message) => send(to, message) },
        storage,
        ...(stored === undefined ? {} : { stored }),
        events: {
          leaderChanged: ({ ballot, isLeader }) => this.#leaderChanged(formatBallot(ballot), isLeader),
          halted: (reason) => this.#halted(reason),
        },
      },
    );
  }

  get table(): JobTable {
    return this.#table;
  }

  get clusterId(): string | null {
    return this.#clusterId;
  }

  start(events: CommandLogEvents): void {
    this.#events = events;
    this.#tickedMs = this.#clock.elapsedMs();
    this.#stopTimer = this.#clock.every(tickMs, () => this.#tick());
  }

  /** A message of a peer. */
  receive(from: string, message: Message): void {
    this.#tick();
    this.#node.receive(from, message);
  }

  propose(command: Command): void {
    if (!this.#isReigning) return;
    this.#node.propose(encodeCommand(command), (answer) => {
      // A refusal for lost leadership ends the reign; too many at once only have to wait.
      if (isOverload(answer)) this.#overloaded.push(command);
    });
  }

  confirm(): Promise<void> {
    this.#tick();
    return new Promise((resolve, reject) => {
      this.#node.read((answer) => {
        if (answer.type === "decided") resolve();
        else reject(new FanfoldError("NOT_LEADER", "This coordinator does not lead, or no longer."));
      });
    });
  }

  describe(): LogSummary {
    const { role, ballot, believedLeader, decidedIndex, members } = this.#node.status;
    return {
      id: this.#options.id,
      role,
      ballot: formatBallot(ballot),
      believedLeader,
      decidedIndex,
      members,
    };
  }

  async close(): Promise<void> {
    this.#stopTimer();
    await this.#closeStorage();
  }

  #machine(): StateMachine<Uint8Array, null, Uint8Array> {
    return {
      apply: (bytes, index) => {
        const command = decodeCommand(bytes);
        const events = this.#table.apply(command);
        this.#learnName();
        // At once, while the table is just past this command: the scheduler looks at it.
        this.#events?.decided(index, command, events);
        return null;
      },
      snapshot: () => encodePlain(this.#table.toSnapshot()),
      restore: (state) => {
        this.#table = JobTable.fromSnapshot(decodePlain(state) as TableSnapshot);
        this.#learnName();
      },
      checksum: () => Number.parseInt(this.#table.checksum().slice(0, 8), 16),
    };
  }

  #learnName(): void {
    const { clusterId } = this.#table;
    if (clusterId === null || clusterId === this.#clusterId) return;
    this.#clusterId = clusterId;
    this.#nameCluster(clusterId);
  }

  #tick(): void {
    const count = Math.floor((this.#clock.elapsedMs() - this.#tickedMs) / tickMs);
    if (count === 0) return;
    this.#tickedMs += count * tickMs;
    this.#node.tick(count);
    if (this.#overloaded.length > 0) for (const command of this.#overloaded.splice(0)) this.propose(command);
  }

  #leaderChanged(ballot: string, isLeader: boolean): void {
    this.#ballot = ballot;
    this.#overloaded.length = 0;
    if (this.#isReigning) {
      this.#isReigning = false;
      this.#events?.reignEnded();
    }
    if (!isLeader) return;
    const clusterId = this.#clusterId ?? this.#newClusterId();
    const atMs = this.#clock.nowMs();
    const command: Command = { type: "reignBegan", atMs, leader: this.#options.id, clusterId };
    this.#node.propose(encodeCommand(command), (answer) => {
      if (answer.type === "decided" && this.#ballot === ballot) this.#beginReign(ballot, answer.index);
    });
  }

  #beginReign(ballot: string, epoch: number): void {
    this.#isReigning = true;
    this.#log.info({ ballot, epoch }, "leading");
    this.#events?.reignBegan(epoch);
  }

  #halted(reason: HaltReason): void {
    const message = `This replica cannot go on (${reason.type} at index ${reason.index}); its storage is kept.`;
    this.#events?.failed(new FanfoldError("LOG_CORRUPT", message));
  }
}

function isOverload(answer: Answer<null>): boolean {
  return answer.type === "refused" && answer.refusal.type === "overloaded";
}
