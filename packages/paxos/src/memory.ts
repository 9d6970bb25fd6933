/** The ports in memory: for examples, for users' tests, and to show how little a port must do. */
import type { ReplicaId } from "./ballot.js";
import {
  applyRecord,
  type DurableRecord,
  type DurableState,
  type DurableStateDraft,
  recoverState,
} from "./durable.js";
import type { Message } from "./messages.js";
import type { PaxosStorage, PaxosTransport } from "./node.js";

/** Whatever takes messages; a `PaxosNode` does. */
export interface Receiver {
  receive(from: ReplicaId, message: Message): void;
}

/** Links between nodes in one process. Messages wait until {@link MemoryNetwork.deliver} is called. */
export class MemoryNetwork {
  readonly #receivers = new Map<ReplicaId, Receiver>();
  #waiting: { readonly from: ReplicaId; readonly to: ReplicaId; readonly message: Message }[] = [];

  /** Messages to `id` go to `receiver`; undefined takes it off the network. */
  connect(id: ReplicaId, receiver: Receiver | undefined): void {
    if (receiver) this.#receivers.set(id, receiver);
    else this.#receivers.delete(id);
  }

  /** The transport of the node `id`. */
  transport(id: ReplicaId): PaxosTransport {
    return { send: (to, message) => void this.#waiting.push({ from: id, to, message }) };
  }

  /** Delivers all messages, and those they cause, until there are none. */
  deliver(): void {
    while (this.#waiting.length > 0) {
      const letters = this.#waiting;
      this.#waiting = [];
      for (const { from, to, message } of letters) this.#receivers.get(to)?.receive(from, message);
    }
  }
}

/** A disk that survives the node but not the process. */
export class MemoryStorage implements PaxosStorage {
  readonly #state: DurableStateDraft = {
    ...recoverState([]),
    remembered: new Map(),
    slots: new Map(),
  };

  append(records: readonly DurableRecord[], done: () => void): void {
    for (const record of records) applyRecord(this.#state, record);
    done();
  }

  truncate(upTo: number): void {
    for (const index of this.#state.slots.keys()) if (index <= upTo) this.#state.slots.delete(index);
  }

  /** What a restarted node finds. */
  stored(): DurableState {
    return { ...this.#state, remembered: new Map(this.#state.remembered), slots: new Map(this.#state.slots) };
  }
}
