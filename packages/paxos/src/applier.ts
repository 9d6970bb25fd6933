/**
 * Decides nothing on its own: turns decided entries into state. The same entries give the same state on every
 * replica: the user's state machine, the client sessions, the members, and the latest reign.
 */
import { type Ballot, type ReplicaId, zeroBallot } from "./ballot.js";
import type { Entry, LogSnapshot, Outcome, StateChecksum } from "./messages.js";
import type { Settings } from "./options.js";
import type { Rules } from "./rules.js";
import { Sessions } from "./sessions.js";
import type { AnyStateMachine } from "./state-machine.js";

export class Applier {
  readonly #machine: AnyStateMachine;
  readonly #rules: Rules;
  readonly #checksumEvery: number;
  readonly sessions: Sessions;
  #index = 0;
  #members: readonly ReplicaId[];
  #reign: Ballot = zeroBallot;
  #checksum: StateChecksum | undefined;

  constructor(settings: Settings, rules: Rules, machine: AnyStateMachine) {
    this.#machine = machine;
    this.#rules = rules;
    this.#checksumEvery = settings.checksumEvery;
    this.#members = settings.members;
    this.sessions = new Sessions(settings, rules);
  }

  /** Index of the last entry applied. */
  get index(): number {
    return this.#index;
  }

  /** Who decides the next slot. */
  get members(): readonly ReplicaId[] {
    return this.#members;
  }

  /** The latest reign whose first entry is applied. */
  get reign(): Ballot {
    return this.#reign;
  }

  /** The latest checksum taken. */
  get checksum(): StateChecksum | undefined {
    return this.#checksum;
  }

  apply(index: number, entry: Entry): Outcome | undefined {
    this.#index = index;
    const outcome = this.#applyEntry(index, entry);
    if (this.#machine.checksum && index % this.#checksumEvery === 0) {
      this.#checksum = { index, value: this.#machine.checksum() };
    }
    return outcome;
  }

  #applyEntry(index: number, entry: Entry): Outcome | undefined {
    switch (entry.type) {
      case "noop":
        return undefined;
      case "reign":
        this.#reign = entry.ballot;
        return undefined;
      case "members":
        this.#members = entry.members;
        return undefined;
      case "open":
        return this.sessions.open(index);
      case "command": {
        const { session, sequence, command } = entry;
        const run = (): unknown => this.#machine.apply(command, index);
        if (session === 0) return { type: "applied", index, result: run() };
        return this.sessions.apply(index, session, sequence, run);
      }
    }
  }

  snapshot(): LogSnapshot {
    return {
      index: this.#rules.snapshotIndex(this.#index),
      members: this.#members,
      reign: this.#reign,
      sessions: this.#rules.sessionsInSnapshot(this.sessions.records()),
      state: this.#machine.snapshot(),
    };
  }

  restore(snapshot: LogSnapshot): void {
    this.#index = snapshot.index;
    this.#members = snapshot.members;
    this.#reign = snapshot.reign;
    this.sessions.restore(snapshot.sessions);
    this.#machine.restore(snapshot.state);
  }
}
