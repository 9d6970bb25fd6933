/** The state machine under test: registers that are swapped, so that each result tells what came before. */
import type { StateMachine } from "../../src/index.js";

export interface Swap {
  readonly key: string;
  readonly value: string;
}

export interface SwapState {
  readonly registers: ReadonlyMap<string, string>;
  readonly hash: number;
}

export class SwapMachine implements StateMachine<Swap, string, SwapState> {
  #registers = new Map<string, string>();
  /** Of the whole history, so that a command applied twice, or in another order, shows at once. */
  #hash = 0;
  /** The hash after each command applied in this life. */
  readonly hashes = new Map<number, number>();

  get hash(): number {
    return this.#hash;
  }

  get(key: string): string {
    return this.#registers.get(key) ?? "";
  }

  apply({ key, value }: Swap, index: number): string {
    const before = this.get(key);
    this.#registers.set(key, value);
    for (let i = 0; i < value.length; i++) {
      this.#hash = (Math.imul(this.#hash ^ value.charCodeAt(i), 0x01000193) + 1) | 0;
    }
    this.hashes.set(index, this.#hash);
    return before;
  }

  snapshot(): SwapState {
    return { registers: new Map(this.#registers), hash: this.#hash };
  }

  restore({ registers, hash }: SwapState): void {
    this.#registers = new Map(registers);
    this.#hash = hash;
  }

  checksum(): number {
    return this.#hash;
  }
}
