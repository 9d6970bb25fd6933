/** What the coordinator asks of its surroundings. */
import type { Command } from "@fanfold/scheduler";

/**
 * The log that the job table is fed from. One replica has a file; several agree by Paxos; a laptop's has memory.
 */
export interface CommandLog {
  /** All commands decided before, in order; called once, before anything is proposed. */
  replay(apply: (index: number, command: Command) => void): Promise<void>;
  /** Queues a command. `onDecided` is called when it is durable, in the order of the log. */
  propose(command: Command): void;
  onDecided: (index: number, command: Command) => void;
  /** Called when the log cannot go on: what was decided is safe, nothing more will be. */
  onFailed: (error: Error) => void;
  close(): Promise<void>;
}

/** Where a daemon writes what it does; a pino logger is one. */
export interface NodeLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
