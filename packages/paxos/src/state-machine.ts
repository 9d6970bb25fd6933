/** What the user of this library brings: the thing that is to be the same on every replica. */

/**
 * A deterministic state machine. Replicas that apply the same commands in the same order must end in the same
 * state: no clock, no chance, no iteration over unordered things inside.
 */
export interface StateMachine<Command, Result, State> {
  /** Carries out a decided command. `index` is its place in the log. Refusals are results, never exceptions. */
  apply(command: Command, index: number): Result;
  /** The state as a value that later commands do not change. */
  snapshot(): State;
  /** Forgets the present state and takes over one that `snapshot()` returned, here or on another replica. */
  restore(state: State): void;
  /** A 32-bit checksum of the state, compared between replicas. Leave it out to go without. */
  checksum?(): number;
}

/** A state machine whose values the replica only carries. */
export type AnyStateMachine = StateMachine<unknown, unknown, unknown>;
