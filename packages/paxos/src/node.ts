/**
 * The generic face: a replicated state machine as one object with callbacks, for users who want to give commands and
 * get results and not read effects. It carries out a replica's effects through three small ports and matches answers
 * to questions. It adds no behaviour of its own.
 */
import type { Ballot, ReplicaId } from "./ballot.js";
import type { DurableRecord, DurableState } from "./durable.js";
import type { Effect, HaltReason, Input, MembershipChange, Refusal } from "./effects.js";
import type { Message, Outcome } from "./messages.js";
import type { ReplicaOptions } from "./options.js";
import { Replica } from "./replica.js";
import type { ReplicaStatus } from "./replica-status.js";
import type { StateMachine } from "./state-machine.js";

/** How a node reaches its peers. May lose messages; must not call the node back from within `send`. */
export interface PaxosTransport {
  send(to: ReplicaId, message: Message): void;
}

/** Where a node keeps its records. */
export interface PaxosStorage {
  /** Appends the records, makes them durable, then calls `done`; in order. Never calls it if that failed: stop then. */
  append(records: readonly DurableRecord[], done: () => void): void;
  /** `accepted` and `learned` slots up to this index may be dropped. */
  truncate(upTo: number): void;
}

/** What a node tells without being asked. All optional. */
export interface PaxosEvents {
  leaderChanged?(leader: {
    readonly ballot: Ballot;
    readonly believedLeader: ReplicaId | undefined;
    readonly isLeader: boolean;
  }): void;
  membershipChanged?(members: readonly ReplicaId[]): void;
  halted?(reason: HaltReason): void;
}

/** What became of a command. After `refused` with `leadershipLost` it may still be decided: retry in a session. */
export type Answer<Result> =
  | { readonly type: "decided"; readonly index: number; readonly result: Result }
  | { readonly type: "refused"; readonly refusal: Refusal }
  /** The session was evicted, or the sequence number is below its window: nothing was applied by this call. */
  | { readonly type: "expired" };

/** A client's numbering, for commands that must be applied exactly once however often they are retried. */
export interface CommandId {
  readonly session: number;
  readonly sequence: number;
}

export interface NodeDependencies<Command, Result, State> {
  readonly machine: StateMachine<Command, Result, State>;
  readonly transport: PaxosTransport;
  readonly storage: PaxosStorage;
  /** What the storage held at the start. Default: nothing. */
  readonly stored?: DurableState;
  readonly events?: PaxosEvents;
}

type Asker = (outcome: Outcome | undefined, refusal: Refusal | undefined, index: number) => void;

/**
 * One replica of a replicated state machine.
 *
 * @example
 * ```ts
 * const node = new PaxosNode({ id: "a", members: ["a", "b", "c"], seed: 1, bootstrap: true }, { machine, transport, storage });
 * node.propose({ add: 5 }, (answer) => { ... });
 * ```
 */
export class PaxosNode<Command, Result, State> {
  readonly #replica: Replica;
  readonly #transport: PaxosTransport;
  readonly #storage: PaxosStorage;
  readonly #events: PaxosEvents;
  readonly #askers = new Map<string, Asker[]>();
  readonly #inputs: Input[] = [];
  #isStepping = false;
  #asked = 0;

  constructor(options: ReplicaOptions, dependencies: NodeDependencies<Command, Result, State>) {
    const { machine, stored } = dependencies;
    this.#replica = new Replica(options, stored ? { machine, storage: stored } : { machine });
    this.#transport = dependencies.transport;
    this.#storage = dependencies.storage;
    this.#events = dependencies.events ?? {};
  }

  /** What this replica believes. */
  get status(): ReplicaStatus {
    return this.#replica.status;
  }

  /** `count` ticks of a monotonic clock went by. After a pause, call this before anything else. */
  tick(count = 1): void {
    this.#give({ type: "tick", count });
  }

  /** A message came. Its contents must have been checked: this trusts its peers. */
  receive(from: ReplicaId, message: Message): void {
    this.#give({ type: "message", from, message });
  }

  /** Proposes a command; `done` is called once it is decided and applied here, or refused. Only a leader accepts. */
  propose(command: Command, done: (answer: Answer<Result>) => void, id?: CommandId): void {
    const { session, sequence } = id ?? { session: 0, sequence: ++this.#asked };
    this.#ask(`propose ${session} ${sequence}`, (outcome, refusal) =>
      done(answerOf<Result>(outcome, refusal)),
    );
    this.#give({ type: "propose", session, sequence, command });
  }

  /** Opens a session for exactly-once commands. `request` is unique to this wish, and the same on its retries. */
  openSession(request: string, done: (answer: Answer<number>) => void): void {
    this.#ask(`open ${request}`, (outcome, refusal) => done(answerOf<number>(outcome, refusal)));
    this.#give({ type: "openSession", request });
  }

  /** Calls `done` at a moment when the state machine is at least as late as any answer given before this call. */
  read(done: (answer: Answer<undefined>) => void): void {
    const id = `${++this.#asked}`;
    this.#ask(`read ${id}`, (_outcome, refusal, index) => {
      done(refusal ? { type: "refused", refusal } : { type: "decided", index, result: undefined });
    });
    this.#give({ type: "read", id });
  }

  /** Adds, removes or replaces a replica. */
  changeMembership(change: MembershipChange, done: (answer: Answer<readonly ReplicaId[]>) => void): void {
    const id = `${++this.#asked}`;
    this.#ask(`change ${id}`, (outcome, refusal) => done(answerOf<readonly ReplicaId[]>(outcome, refusal)));
    this.#give({ type: "changeMembership", id, change });
  }

  #ask(key: string, asker: Asker): void {
    const askers = this.#askers.get(key);
    if (askers) askers.push(asker);
    else this.#askers.set(key, [asker]);
  }

  /** Inputs that callbacks cause wait until the present step's effects are carried out. */
  #give(input: Input): void {
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next; next = this.#inputs.shift()) {
        for (const effect of this.#replica.step(next)) this.#carryOut(effect);
      }
    } finally {
      this.#isStepping = false;
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.#storage.append(effect.records, () => this.#give({ type: "persisted", upTo: effect.upTo }));
        break;
      case "send":
        this.#transport.send(effect.to, effect.message);
        break;
      case "reply":
        this.#answer(keyOf(effect.request), effect.outcome, undefined, 0);
        break;
      case "refuse":
        this.#answer(keyOf(effect.request), undefined, effect.refusal, 0);
        break;
      case "readReady":
        this.#answer(`read ${effect.id}`, undefined, undefined, effect.index);
        break;
      case "truncate":
        this.#storage.truncate(effect.upTo);
        break;
      case "leaderChanged":
        this.#events.leaderChanged?.(effect);
        break;
      case "membershipChanged":
        this.#events.membershipChanged?.(effect.members);
        break;
      case "halt":
        this.#events.halted?.(effect.reason);
        break;
      case "decide":
      case "installSnapshot":
        // The state machine has them already.
        break;
    }
  }

  #answer(key: string, outcome: Outcome | undefined, refusal: Refusal | undefined, index: number): void {
    const askers = this.#askers.get(key);
    this.#askers.delete(key);
    for (const asker of askers ?? []) asker(outcome, refusal, index);
  }
}

function keyOf(request: (Effect & { type: "reply" })["request"]): string {
  switch (request.type) {
    case "propose":
      return `propose ${request.session} ${request.sequence}`;
    case "openSession":
      return `open ${request.request}`;
    case "read":
      return `read ${request.id}`;
    case "changeMembership":
      return `change ${request.id}`;
  }
}

/** The replica only carries results: that this one is a `Result` is what the state machine promised. */
function answerOf<Result>(outcome: Outcome | undefined, refusal: Refusal | undefined): Answer<Result> {
  if (refusal) return { type: "refused", refusal };
  if (outcome?.type === "applied") {
    return { type: "decided", index: outcome.index, result: outcome.result as Result };
  }
  if (outcome?.type === "opened") {
    return { type: "decided", index: outcome.session, result: outcome.session as Result };
  }
  return { type: "expired" };
}
