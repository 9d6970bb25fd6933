/**
 * A cluster in lockstep for tests of single behaviours: every tick all replicas tick, then messages and writes are
 * carried out until nothing is on its way. No chance, no delay; only links that a test cuts.
 */
import {
  type DurableRecord,
  type Effect,
  type Input,
  type Message,
  Replica,
  type ReplicaId,
  type ReplicaOptions,
  recoverState,
} from "../src/index.js";
import { SwapMachine } from "./simulation/swap-machine.js";

export interface Member {
  replica: Replica;
  machine: SwapMachine;
  records: DurableRecord[];
  readonly seen: Effect[];
  isUp: boolean;
}

export class Lockstep {
  readonly members = new Map<ReplicaId, Member>();
  readonly #options: Partial<ReplicaOptions>;
  readonly #initial: readonly ReplicaId[];
  readonly #cut = new Set<string>();
  readonly #mail: { from: ReplicaId; to: ReplicaId; message: Message }[] = [];
  /** Messages for which this returns false are lost. */
  passes: (from: ReplicaId, to: ReplicaId, message: Message) => boolean = () => true;
  now = 0;
  #starts = 0;

  constructor(ids: readonly ReplicaId[], options: Partial<ReplicaOptions> = {}) {
    this.#options = options;
    this.#initial = ids;
    for (const id of ids) this.start(id);
  }

  /** Starts a replica on the records it has; on an empty storage if it has none. */
  start(id: ReplicaId, bootstrap = true): void {
    const records = this.members.get(id)?.records ?? [];
    const machine = new SwapMachine();
    const options = { members: this.#initial, seed: ++this.#starts, bootstrap, ...this.#options, id };
    const replica = new Replica(options, { machine, storage: recoverState(records) });
    this.members.set(id, { replica, machine, records, seen: [], isUp: true });
  }

  crash(id: ReplicaId): void {
    this.member(id).isUp = false;
  }

  wipe(id: ReplicaId): void {
    this.crash(id);
    this.member(id).records = [];
  }

  member(id: ReplicaId): Member {
    return this.members.get(id)!;
  }

  /** Leaves only these links, both ways. */
  onlyLinks(...links: readonly string[]): void {
    this.heal();
    const ids = [...this.members.keys()];
    for (const a of ids) {
      for (const b of ids) if (!links.includes(a + b) && !links.includes(b + a)) this.#cut.add(a + b);
    }
  }

  cut(from: ReplicaId, to: ReplicaId): void {
    this.#cut.add(from + to);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** The effects of the input and of all that follows from it, for this replica. */
  give(id: ReplicaId, input: Input): readonly Effect[] {
    const before = this.member(id).seen.length;
    this.#step(id, input);
    this.#deliver();
    return this.member(id).seen.slice(before);
  }

  ticks(count: number): void {
    for (let i = 0; i < count; i++) {
      this.now += 1;
      for (const id of this.members.keys()) this.#step(id, { type: "tick" });
      this.#deliver();
    }
  }

  /** Nobody runs for so long, as on a machine that stands still; then all find out at once. */
  pause(count: number): void {
    this.now += count;
    for (const id of this.members.keys()) this.#step(id, { type: "tick", count });
    this.#deliver();
  }

  /** Ticks until the condition holds; the number of ticks it took. */
  until(condition: () => boolean, ticksMax: number): number {
    const begin = this.now;
    while (!condition()) {
      if (this.now - begin >= ticksMax) throw new Error(`not within ${ticksMax} ticks: ${this.describe()}`);
      this.ticks(1);
    }
    return this.now - begin;
  }

  /** The only replica that leads, among those that are up. */
  leader(): ReplicaId | undefined {
    const leading = [...this.members].filter(([, m]) => m.isUp && m.replica.status.role === "leader");
    const latest = leading.sort(
      ([, a], [, b]) => b.replica.status.ballot.round - a.replica.status.ballot.round,
    )[0];
    return latest?.[0];
  }

  /** Proposes at the replica and returns the effects that answer. */
  propose(id: ReplicaId, value: string, session = 0, sequence = 1): readonly Effect[] {
    const effects = this.give(id, { type: "propose", session, sequence, command: { key: "k", value } });
    return effects.filter(({ type }) => type === "reply" || type === "refuse");
  }

  describe(): string {
    return [...this.members]
      .map(([id, { replica, isUp }]) => `${id}${isUp ? "" : "(down)"} ${JSON.stringify(replica.status)}`)
      .join("; ");
  }

  #step(id: ReplicaId, input: Input): void {
    const member = this.member(id);
    if (!member.isUp) return;
    for (const effect of member.replica.step(input)) {
      member.seen.push(effect);
      // Cloned, as by a wire or a disk: nothing may rest on sharing an object.
      if (effect.type === "send") {
        this.#mail.push({ from: id, to: effect.to, message: structuredClone(effect.message) });
      }
      if (effect.type === "persist") {
        member.records.push(...structuredClone(effect.records));
        this.#writes.push({ id, upTo: effect.upTo });
      }
    }
  }
  readonly #writes: { id: ReplicaId; upTo: number }[] = [];

  #deliver(): void {
    for (;;) {
      const write = this.#writes.shift();
      if (write) {
        this.#step(write.id, { type: "persisted", upTo: write.upTo });
        continue;
      }
      const letter = this.#mail.shift();
      if (!letter) return;
      const { from, to, message } = letter;
      if (this.#cut.has(from + to) || !this.members.has(to) || !this.passes(from, to, message)) continue;
      this.#step(to, { type: "message", from, message });
    }
  }
}
