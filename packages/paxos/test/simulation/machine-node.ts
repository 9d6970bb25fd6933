/**
 * One machine: a replica, its disk, its clock, and what happens to them. Records that are not acknowledged when the
 * machine fails are lost from some point on; a paused machine does nothing, and learns afterwards how long it slept.
 */
import {
  type DurableRecord,
  type DurableState,
  type Effect,
  type Input,
  Replica,
  type ReplicaId,
  type ReplicaOptions,
  type Rules,
  recoverState,
} from "../../src/index.js";
import type { Random } from "../../src/random.js";
import type { EventQueue } from "./event-queue.js";
import { SwapMachine } from "./swap-machine.js";

export interface NodeOptions {
  readonly replica: Omit<ReplicaOptions, "seed" | "bootstrap">;
  readonly unitsPerTick: number;
  readonly rules: Rules;
}

export interface NodeHooks {
  /** Effects other than `persist` and `truncate`. */
  readonly onEffect: (node: MachineNode, effect: Effect) => void;
  /** How long the write takes, in units. */
  readonly writeTime: () => number;
  /** Whether the machine fails around this write. */
  readonly failsAround: () => boolean;
  /** Whether machines may fail at this time. */
  readonly mayFail: () => boolean;
  readonly onFailure: (node: MachineNode) => void;
  readonly onStart: (node: MachineNode, stored: DurableState) => void;
  readonly onWrite: (node: MachineNode, records: readonly DurableRecord[]) => void;
  readonly onDurable: (node: MachineNode, records: readonly DurableRecord[]) => void;
  readonly onLoss: (node: MachineNode) => void;
}

export class MachineNode {
  readonly id: ReplicaId;
  readonly #options: NodeOptions;
  readonly #hooks: NodeHooks;
  readonly #queue: EventQueue;
  readonly #random: Random;
  #disk: DurableRecord[] = [];
  #writing: readonly DurableRecord[] = [];
  #replica: Replica | undefined;
  #machine = new SwapMachine();
  #life = 0;
  #tickedAt = 0;
  #pausedUntil = 0;
  #wiped = false;
  /** The disk as it was some time ago, and how many writes it held. */
  #image: readonly DurableRecord[] | undefined;
  #imageWrites = 0;
  #imageIncarnation = 0;
  #isRolledBack = false;
  rolledBackAt = 0;
  slowDisk = false;

  constructor(id: ReplicaId, options: NodeOptions, hooks: NodeHooks, queue: EventQueue, random: Random) {
    this.id = id;
    this.#options = options;
    this.#hooks = hooks;
    this.#queue = queue;
    this.#random = random;
  }

  get isUp(): boolean {
    return this.#replica !== undefined;
  }

  get replica(): Replica | undefined {
    return this.#replica;
  }

  get machine(): SwapMachine {
    return this.#machine;
  }

  get life(): number {
    return this.#life;
  }

  /** Whether what is on the disk makes the replica a voter. */
  get isVoter(): boolean {
    return recoverState(this.#disk).voting;
  }

  start(): void {
    if (this.#replica) return;
    this.#life += 1;
    this.#pausedUntil = 0;
    this.#tickedAt = this.#queue.now;
    this.#machine = new SwapMachine();
    const storage = recoverState(this.#disk);
    this.#hooks.onStart(this, storage);
    const seed = this.#random.below(0x7fffffff);
    this.#replica = new Replica(
      { ...this.#options.replica, id: this.id, seed, bootstrap: !this.#wiped },
      { machine: this.#machine, storage, rules: this.#options.rules },
    );
    this.#scheduleTick();
  }

  /** The power goes: a prefix of what was being written survives. */
  crash(): void {
    if (!this.#replica) return;
    const survives = this.#random.below(this.#writing.length + 1);
    this.#store(this.#writing.slice(0, survives));
    this.#writing = [];
    this.#replica = undefined;
    this.#life += 1;
  }

  wipe(): void {
    this.crash();
    this.#disk = [];
    this.#wiped = true;
    this.#image = undefined;
    this.#isRolledBack = false;
    this.#hooks.onLoss(this);
  }

  /** The disk went back in time, and neither it nor its replica knows. */
  get isRolledBack(): boolean {
    return this.#isRolledBack;
  }

  /** Writes that the image lacks are those above this; undefined if there is none that could pass for the disk. */
  get imageWrites(): number | undefined {
    return this.#image && this.#imageWrites;
  }

  get imageIncarnation(): number {
    return this.#imageIncarnation;
  }

  takeImage(): void {
    const { voting, writes, incarnation } = recoverState(this.#disk);
    this.#image = voting ? [...this.#disk] : undefined;
    this.#imageWrites = writes;
    this.#imageIncarnation = incarnation;
  }

  /** Puts the image in place of the disk. */
  rollBack(): void {
    if (!this.#image) return;
    this.crash();
    this.#disk = [...this.#image];
    this.#image = undefined;
    this.#isRolledBack = true;
    this.rolledBackAt = this.#queue.now;
    this.#hooks.onLoss(this);
  }

  pause(units: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#queue.now + units);
  }

  wake(): void {
    this.#pausedUntil = 0;
  }

  /** Gives the replica an input now, or when it wakes, unless it fails before. */
  give(input: Input): void {
    const { now } = this.#queue;
    if (!this.#replica) return;
    if (now < this.#pausedUntil) {
      const life = this.#life;
      this.#queue.add(this.#pausedUntil, () => {
        if (life === this.#life) this.give(input);
      });
      return;
    }
    this.#letTimePass();
    this.#step(input);
  }

  #letTimePass(): void {
    const count = Math.floor((this.#queue.now - this.#tickedAt) / this.#options.unitsPerTick);
    if (count === 0) return;
    this.#tickedAt += count * this.#options.unitsPerTick;
    this.#step({ type: "tick", count });
  }

  #scheduleTick(): void {
    const life = this.#life;
    const at = Math.max(this.#tickedAt + this.#options.unitsPerTick, this.#pausedUntil);
    this.#queue.add(at, () => {
      if (life !== this.#life) return;
      if (this.#queue.now >= this.#pausedUntil) this.#letTimePass();
      if (life === this.#life) this.#scheduleTick();
    });
  }

  #step(input: Input): void {
    const replica = this.#replica;
    if (!replica) return;
    for (const effect of replica.step(input)) {
      if (effect.type === "persist") this.#write(effect.upTo, effect.records);
      else if (effect.type === "truncate") this.#truncate(effect.upTo);
      else this.#hooks.onEffect(this, effect);
      if (this.#replica !== replica) return;
    }
  }

  #write(upTo: number, records: readonly DurableRecord[]): void {
    this.#writing = records;
    this.#hooks.onWrite(this, records);
    const life = this.#life;
    const duration = this.#hooks.writeTime() * (this.slowDisk ? 20 : 1);
    if (this.#hooks.failsAround()) {
      // Before, during, or just after the write became durable and before anybody was told.
      this.#queue.add(this.#queue.now + this.#random.below(duration + 2), () => {
        if (life !== this.#life || !this.#hooks.mayFail()) return;
        this.crash();
        this.#hooks.onFailure(this);
      });
    }
    this.#queue.add(this.#queue.now + duration, () => {
      if (life !== this.#life) return;
      this.#store(records);
      this.#writing = [];
      this.give({ type: "persisted", upTo });
    });
  }

  #store(records: readonly DurableRecord[]): void {
    this.#disk.push(...records);
    // Another incarnation is told from this one without marks; and one that knows of its loss is not to be tested.
    if (records.some(({ type }) => type === "incarnation")) {
      this.#image = undefined;
      this.#isRolledBack = false;
    }
    this.#hooks.onDurable(this, records);
  }

  #truncate(upTo: number): void {
    this.#disk = this.#disk.filter((record) => record.type !== "accepted" || record.index > upTo);
  }
}
