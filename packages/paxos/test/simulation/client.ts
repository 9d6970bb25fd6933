/** A client that carries out one operation after another, and repeats each until it has an answer. */
import type { Random } from "../../src/random.js";
import type { EventQueue } from "./event-queue.js";
import type { Operation } from "./linearizability.js";
import { type Plan, unitsPerTick } from "./plan.js";

/** A request as it travels to a replica. */
export type ClientRequest =
  | { readonly type: "open"; readonly request: string }
  | {
      readonly type: "swap";
      readonly session: number;
      readonly sequence: number;
      readonly key: string;
      readonly value: string;
    }
  | { readonly type: "read"; readonly id: string; readonly key: string };

export type ClientReply =
  | { readonly type: "opened"; readonly session: number }
  | { readonly type: "found"; readonly found: string }
  | { readonly type: "expired" }
  | { readonly type: "redirect"; readonly to: string | undefined };

export interface ClientPort {
  readonly replicas: () => readonly string[];
  /** Sends; the answer, if any, comes through {@link Client.onReply} with the same number. */
  readonly send: (client: Client, to: string, attempt: number, request: ClientRequest) => void;
}

const retryUnits = 6 * unitsPerTick;

export class Client {
  readonly name: string;
  /** It only reads, here and there, whoever leads: so a leader that does not know it is deposed gets asked. */
  readonly #isObserver: boolean;
  readonly #plan: Plan;
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #port: ClientPort;
  readonly history: Operation[] = [];
  #session = 0;
  #sequence = 0;
  #opens = 0;
  #attempt = 0;
  #target: string;
  #operation: Operation | undefined;
  #isWorking = false;
  isStopping = false;

  constructor(
    name: string,
    isObserver: boolean,
    plan: Plan,
    queue: EventQueue,
    random: Random,
    port: ClientPort,
  ) {
    this.name = name;
    this.#isObserver = isObserver;
    this.#plan = plan;
    this.#queue = queue;
    this.#random = random;
    this.#port = port;
    this.#target = port.replicas()[0]!;
  }

  /** Whether it waits for an answer. */
  get isBusy(): boolean {
    return this.#isWorking;
  }

  begin(): void {
    this.#queue.add(this.#queue.now + this.#random.below(this.#plan.thinkTicks * unitsPerTick) + 1, () => {
      if (this.isStopping || this.#isWorking) return;
      this.#isWorking = true;
      this.#operation = undefined;
      if (this.#isObserver) this.#target = this.#anyReplica();
      if (this.#session === 0 && !this.#isObserver) this.#opens += 1;
      else this.#newOperation();
      this.#try();
    });
  }

  #newOperation(): void {
    const key = `k${this.#random.below(this.#plan.keys)}`;
    const kind = this.#isObserver || this.#random.below(3) === 0 ? "read" : "swap";
    if (kind === "swap") this.#sequence += 1;
    const value = kind === "swap" ? `${this.name}${this.#session}.${this.#sequence}` : "";
    this.#operation = {
      kind,
      key,
      value,
      calledAt: this.#queue.now,
      returnedAt: Number.POSITIVE_INFINITY,
      found: undefined,
    };
    this.history.push(this.#operation);
  }

  #try(): void {
    if (!this.#isWorking) return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#port.send(this, this.#target, attempt, this.#request(attempt));
    this.#queue.add(this.#queue.now + retryUnits, () => {
      if (attempt !== this.#attempt || !this.#isWorking) return;
      this.#target = this.#anyReplica();
      this.#try();
    });
  }

  #request(attempt: number): ClientRequest {
    const operation = this.#operation;
    if (!operation) return { type: "open", request: `${this.name}/${this.#opens}` };
    const { key, value } = operation;
    if (operation.kind === "read") return { type: "read", id: `${this.name}/${attempt}`, key };
    return { type: "swap", session: this.#session, sequence: this.#sequence, key, value };
  }

  onReply(attempt: number, reply: ClientReply): void {
    if (!this.#isWorking) return;
    if (reply.type === "redirect") {
      if (attempt !== this.#attempt) return;
      const roams = this.#isObserver && !this.isStopping;
      this.#target = roams || reply.to === undefined ? this.#anyReplica() : reply.to;
      this.#attempt += 1;
      this.#queue.add(this.#queue.now + unitsPerTick, () => this.#try());
      return;
    }
    // A late answer to an earlier try of this same operation is as good; one to an earlier operation is not.
    if (attempt < this.#firstAttempt) return;
    const operation = this.#operation;
    if (reply.type === "opened") this.#session = reply.session;
    else if (reply.type === "expired") this.#session = 0;
    else if (operation) {
      operation.found = reply.found;
      operation.returnedAt = this.#queue.now;
    }
    this.#firstAttempt = this.#attempt + 1;
    this.#isWorking = false;
    this.begin();
  }
  #firstAttempt = 0;

  #anyReplica(): string {
    const replicas = this.#port.replicas();
    return replicas[this.#random.below(replicas.length)]!;
  }
}
