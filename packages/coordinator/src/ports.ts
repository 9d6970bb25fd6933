/** What the coordinator asks of its surroundings. */
import type { ReplicaRole } from "@fanfold/protocol";
import type { Command, JobTable, TableEvent } from "@fanfold/scheduler";

/** What a log tells, in the midst of its own work: whoever is told may propose, but not wait. */
export interface CommandLogEvents {
  /**
   * This process leads: the table holds all that earlier leaders may have left, and proposals are taken. `epoch` is
   * larger than that of every earlier reign.
   */
  reignBegan(epoch: number): void;
  /** Somebody else leads, or nobody. Proposals not yet decided may still be, or not. */
  reignEnded(): void;
  /** The table has applied a command. Every command, whoever proposed it; in the order of the log. */
  decided(index: number, command: Command, events: readonly TableEvent[]): void;
  /** The log cannot go on: what was decided is safe, nothing more will be. */
  failed(error: Error): void;
}

/** The log that the job table is fed from: of replicas that agree by Paxos, or in memory for one command's life. */
export interface CommandLog {
  /** What the decided commands add up to; a new object after a snapshot was taken over from a peer. */
  readonly table: JobTable;
  /** What the first reign named the cluster; null until this process knows. */
  readonly clusterId: string | null;
  start(events: CommandLogEvents): void;
  /** Queues a command. Dropped where this process does not lead. */
  propose(command: Command): void;
  /**
   * Resolves at a moment when the table holds everything that anybody was told before the call: by the leader's lease
   * while it has one, else by a round through the log. @throws `NOT_LEADER`
   */
  confirm(): Promise<void>;
  describe(): LogSummary;
  close(): Promise<void>;
}

export interface LogSummary {
  readonly id: string;
  readonly role: ReplicaRole;
  readonly ballot: string;
  readonly believedLeader: string | undefined;
  readonly decidedIndex: number;
  readonly members: readonly string[];
}

/** Where a daemon writes what it does; a pino logger is one. */
export interface NodeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
