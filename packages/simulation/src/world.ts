/**
 * Virtual time: one event after the other, each carried to its end before the next.
 *
 * Production code runs in here unchanged, promises included. After an event, everything it set off in this turn is
 * let run out; then time jumps to the next event. Work that really takes the machine's time (user code over real
 * files) is awaited on the spot and takes no virtual time by itself, so nothing in the order of events depends on how
 * fast the machine is.
 */
import { Chance } from "./chance.js";
import { EventQueue } from "./event-queue.js";
import type { Trace } from "./trace.js";

export class World {
  readonly seed: number;
  readonly trace: Trace;
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #work: Promise<unknown> | undefined;
  /** Whose code is running in real time. */
  #worker: object | undefined;
  readonly #blamed = new WeakMap<object, (thrown: unknown) => void>();
  #failure: Error | undefined;

  constructor(seed: number, trace: Trace) {
    this.seed = seed;
    this.trace = trace;
  }

  /** Since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  chance(stream: string): Chance {
    return new Chance(this.seed, stream);
  }

  note(text: string): void {
    this.trace.add(this.#nowMs, text);
  }

  after(delayMs: number, run: () => void): void {
    this.#queue.push(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Runs what takes real time, alone; the world stands still until it is done. */
  work<T>(task: () => Promise<T>, worker?: object): Promise<T> {
    const before = this.#work ?? Promise.resolve();
    const begin = (): Promise<T> => {
      this.#worker = worker;
      return task();
    };
    const done = before.then(begin, begin);
    const settled = done.then(nothing, nothing);
    this.#work = settled;
    return done;
  }

  /** Says who is to be told of errors in promises that `worker` leaves lying about. */
  adopt(worker: object, blame: (thrown: unknown) => void): void {
    this.#blamed.set(worker, blame);
  }

  /** A promise was rejected and nobody looked. */
  stray(thrown: unknown): void {
    const blame = this.#worker === undefined ? undefined : this.#blamed.get(this.#worker);
    if (blame !== undefined) blame(thrown);
    else this.fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }

  /** An error that nothing in production would have caught: the run ends with it. */
  fail(error: Error): void {
    this.#failure ??= error;
  }

  /** Lets events happen until `isOver`, or the time is up; true when it was over. */
  async run(isOver: () => boolean, untilMs: number): Promise<boolean> {
    // Whoever calls from a timer or a message must not be a case of its own: there, ticks come before microtasks.
    await Promise.resolve();
    await this.#settle();
    while (!isOver()) {
      const event = this.#queue.pop();
      if (event === undefined || event.atMs > untilMs) {
        if (event !== undefined) this.#queue.push(event.atMs, event.run);
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      this.#nowMs = event.atMs;
      event.run();
      await this.#settle();
      if (this.#failure !== undefined) throw this.#failure;
    }
    return true;
  }

  /** Until no promise of this turn has anything left to do. */
  async #settle(): Promise<void> {
    await endOfMicrotasks();
    while (this.#work !== undefined) {
      const work = this.#work;
      await work;
      if (this.#work === work) this.#work = undefined;
      await endOfMicrotasks();
      this.#worker = undefined;
    }
  }
}

/** Ticks come when the microtasks, and those that they make, are through. */
function endOfMicrotasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function nothing(): void {
  // The task's own promise tells what became of it.
}
