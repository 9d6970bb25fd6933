/** The function that user code gets as `emit`. */
import { FanfoldError } from "@fanfold/job";
import type { Guard } from "./task-context.js";

export type EmitFunction = (key: unknown, value: unknown) => void;

export interface EmitTarget {
  emit(key: unknown, value: unknown): void;
  /** Throws what `emit` would for a pair that user code is to blame for, and takes nothing. */
  check(key: unknown, value: unknown): void;
}

export interface Emitter {
  /** Passes a pair on; what is refused is thrown, and fails the attempt even when user code catches it. */
  readonly emit: EmitFunction;
  /** How many pairs were taken. */
  readonly pairs: () => number;
  /** From now on every pair is refused: the attempt has ended. */
  readonly close: () => void;
}

/** A closure over plain variables: of all forms tried, the one that costs an emit the least. */
export function createEmitter(open: EmitTarget, guard: Guard): Emitter {
  let target = open;
  let pairs = 0;
  return {
    emit: (key, value) => {
      try {
        target.emit(key, value);
        pairs += 1;
      } catch (thrown) {
        throw guard.fail(thrown);
      }
    },
    pairs: () => pairs,
    close: () => {
      target = closed;
    },
  };
}

function refuseLate(): never {
  throw new FanfoldError(
    "USER_CODE_FAILED",
    "emit was called after its task had ended: is a promise not awaited?",
  );
}

const closed: EmitTarget = { emit: refuseLate, check: refuseLate };

/** Whether a value is of a type that is carried whatever it is. */
export function isPlainScalar(value: unknown): boolean {
  const type = typeof value;
  return (
    type === "string" || type === "number" || type === "boolean" || type === "undefined" || value === null
  );
}
