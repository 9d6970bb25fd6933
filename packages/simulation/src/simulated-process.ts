/**
 * A process in the simulation: a clock that stands still while it is frozen, and stops for good when it is killed.
 * What its code has set going goes no further then: no timer fires, no message leaves or arrives.
 */
import type { Cancel, Clock, Surroundings } from "@fanfold/transport";
import type { Chance } from "./chance.js";
import type { SimulatedNetwork } from "./simulated-network.js";
import type { World } from "./world.js";

/** What `nowMs` of every clock is when the world begins: any day will do, the same for all seeds. */
const epochMs: number = Date.UTC(2030, 0, 1);

export class SimulatedProcess {
  /** Of the host and the life: `w1#2`. */
  readonly name: string;
  readonly host: string;
  readonly surroundings: Surroundings;
  readonly #world: World;
  readonly #onEnd: (() => void)[] = [];
  #isAlive = true;
  #frozenUntilMs = 0;
  #held: (() => void)[] = [];

  constructor(
    place: { readonly name: string; readonly host: string },
    world: World,
    network: SimulatedNetwork,
  ) {
    this.name = place.name;
    this.host = place.host;
    this.#world = world;
    const chance: Chance = world.chance(place.name);
    this.surroundings = {
      clock: this.#clock(),
      network: network.of(this),
      randomBytes: (count) => chance.bytes(count),
      lockFolder: () => Promise.resolve({ release: () => Promise.resolve() }),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#world.nowMs < this.#frozenUntilMs;
  }

  /** Calls as the process would: not when it is dead, later when it is frozen. */
  enter(call: () => void): void {
    if (!this.#isAlive) return;
    if (this.isFrozen) this.#held.push(call);
    else call();
  }

  /** SIGSTOP, and SIGCONT after `forMs`. */
  freeze(forMs: number): void {
    this.#frozenUntilMs = Math.max(this.#frozenUntilMs, this.#world.nowMs + forMs);
    this.#world.after(forMs, () => this.#thaw());
  }

  /** SIGKILL. */
  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held = [];
    for (const call of this.#onEnd) call();
  }

  onEnd(call: () => void): void {
    this.#onEnd.push(call);
  }

  #thaw(): void {
    if (this.isFrozen) return;
    // What came meanwhile is taken in the order it came.
    for (const call of this.#held.splice(0)) this.#world.after(0, () => this.enter(call));
  }

  #clock(): Clock {
    const world = this.#world;
    return {
      nowMs: () => epochMs + Math.floor(world.nowMs),
      elapsedMs: () => world.nowMs,
      after: (delayMs, call) => this.#timer(delayMs, call),
      every: (intervalMs, call) => {
        let cancel: Cancel = () => undefined;
        const again = (): void => {
          cancel = this.#timer(intervalMs, () => {
            again();
            call();
          });
        };
        again();
        return () => cancel();
      },
    };
  }

  #timer(delayMs: number, call: () => void): Cancel {
    let isCancelled = false;
    const fire = (): void => {
      if (!isCancelled) call();
    };
    this.#world.after(delayMs, () => {
      if (!isCancelled) this.enter(fire);
    });
    return () => {
      isCancelled = true;
    };
  }
}
