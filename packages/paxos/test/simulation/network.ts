/** The network: loses, repeats, delays, reorders and replays messages, and lets links be cut one way or both. */
import type { Message, ReplicaId } from "../../src/index.js";
import type { Random } from "../../src/random.js";
import type { EventQueue } from "./event-queue.js";
import type { Plan } from "./plan.js";

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly message: Message;
}

const replayable = 64;

export class Network {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #deliver: (envelope: Envelope) => void;
  readonly #cut = new Set<string>();
  readonly #old: Envelope[] = [];
  isCalm = false;

  constructor(queue: EventQueue, random: Random, plan: Plan, deliver: (envelope: Envelope) => void) {
    this.#queue = queue;
    this.#random = random;
    this.#plan = plan;
    this.#deliver = deliver;
  }

  cut(from: ReplicaId, to: ReplicaId): void {
    this.#cut.add(`${from}>${to}`);
  }

  cutBoth(a: ReplicaId, b: ReplicaId): void {
    this.cut(a, b);
    this.cut(b, a);
  }

  /** Mends a link, both ways. */
  join(a: ReplicaId, b: ReplicaId): void {
    this.#cut.delete(`${a}>${b}`);
    this.#cut.delete(`${b}>${a}`);
  }

  heal(): void {
    this.#cut.clear();
  }

  send(from: ReplicaId, to: ReplicaId, message: Message): void {
    const envelope = { from, to, message };
    const plan = this.#plan;
    if (this.isCalm) {
      this.#arrive(envelope, 5 + this.#random.below(20));
      return;
    }
    if (this.#chance(plan.loss)) return;
    this.#arrive(envelope, this.#delay());
    if (this.#chance(plan.duplication)) this.#arrive(envelope, this.#delay());
    if (plan.replay === 0) return;
    if (this.#old.length < replayable) this.#old.push(envelope);
    else if (this.#random.below(8) === 0) this.#old[this.#random.below(replayable)] = envelope;
    if (this.#chance(plan.replay))
      this.#arrive(this.#old[this.#random.below(this.#old.length)]!, this.#delay());
  }

  #arrive(envelope: Envelope, delay: number): void {
    this.#queue.add(this.#queue.now + delay, () => {
      if (!this.#cut.has(`${envelope.from}>${envelope.to}`)) this.#deliver(envelope);
    });
  }

  #chance(permille: number): boolean {
    return permille > 0 && this.#random.below(1000) < permille;
  }

  #delay(): number {
    const delay = 1 + this.#random.below(this.#plan.delayMax);
    return this.#chance(this.#plan.stragglers) ? delay * 10 : delay;
  }
}
