/**
 * Holds back what user code does for one record (or one key of a reduce) until it has returned, so that a record that
 * is skipped has left nothing behind: no pair, no counter, no line of a named output.
 *
 * What is held back is copied at once, since user code may reuse what it has emitted. Outside of a trial everything
 * passes straight through. Only jobs that skip bad records pay for this.
 */
import { FanfoldError } from "@fanfold/job";
import { type EmitFunction, isPlainScalar } from "./emitter.js";
import { trialBytesMax } from "./limits.js";
import { Counters, type Guard } from "./task-context.js";
import { decodeValueAt } from "./value-decoder.js";
import { ValueEncoder } from "./value-encoder.js";

export interface TrialParts {
  readonly emit: EmitFunction;
  /** Throws for a pair that would be refused, without taking it. */
  readonly check: (key: unknown, value: unknown) => void;
  readonly outputs: { named(name: string): { write(value: unknown): void } };
  readonly counters: Counters;
  readonly guard: Guard;
  /** Lowered by tests. */
  readonly bytesMax?: number;
}

/** Rough cost of one thing that is held back, besides its text or bytes. */
const actionBytes = 64;

export class Trial {
  readonly #parts: TrialParts;
  readonly #bytesMax: number;
  readonly #values: ValueEncoder = new ValueEncoder();
  #actions: (() => void)[] = [];
  #scratch: Counters = new Counters();
  #bytes = 0;
  #isOpen = false;
  /** Too much to hold back was done: what came before the limit has been let through. */
  #isSpent = false;

  constructor(parts: TrialParts) {
    this.#parts = parts;
    this.#bytesMax = parts.bytesMax ?? trialBytesMax;
  }

  /** Whether all that was done since `begin` can still be undone. */
  get canRollBack(): boolean {
    return !this.#isSpent;
  }

  begin(): void {
    this.#isOpen = true;
    this.#isSpent = false;
  }

  /** Lets through what was held back. @throws what is refused now; it can no longer be undone. */
  commit(): void {
    this.#isOpen = false;
    this.#isSpent = true;
    this.#letThrough();
  }

  rollback(): void {
    this.#isOpen = false;
    this.#forget();
    this.#parts.guard.forgive();
  }

  readonly emit: EmitFunction = (key, value) => {
    const { emit, check, guard } = this.#parts;
    if (!this.#isOpen || this.#isSpent) {
      emit(key, value);
      return;
    }
    guard.run(() => {
      check(key, value);
      const [k, v] = [this.#copy(key), this.#copy(value)];
      this.#hold(() => emit(k, v), 0);
    });
  };

  readonly counters: Pick<Counters, "add"> = {
    add: (name, n) => (this.#isOpen && !this.#isSpent ? this.#scratch : this.#parts.counters).add(name, n),
  };

  readonly outputs: TrialParts["outputs"] = {
    named: (name) => {
      const output = this.#parts.outputs.named(name);
      return {
        write: (value) => {
          if (!this.#isOpen || this.#isSpent) {
            output.write(value);
            return;
          }
          const copy = cloneOf(value);
          this.#hold(() => output.write(copy), typeof value === "string" ? value.length : actionBytes);
        },
      };
    },
  };

  #hold(action: () => void, bytes: number): void {
    this.#actions.push(action);
    this.#bytes += actionBytes + bytes;
    if (this.#bytes <= this.#bytesMax) return;
    this.#isSpent = true;
    this.#letThrough();
  }

  #letThrough(): void {
    const actions = this.#actions;
    const counted = this.#scratch.toRecord();
    this.#forget();
    for (const action of actions) action();
    for (const [name, n] of Object.entries(counted)) this.#parts.counters.add(name, n);
  }

  #forget(): void {
    this.#actions = [];
    this.#bytes = 0;
    if (!this.#scratch.isEmpty) this.#scratch = new Counters();
  }

  #copy(value: unknown): unknown {
    if (typeof value === "string") this.#bytes += value.length;
    if (isPlainScalar(value)) return value;
    const length = this.#values.encode(value);
    this.#bytes += length;
    return decodeValueAt(Buffer.from(this.#values.bytes.subarray(0, length)), 0, length);
  }
}

/** Named outputs take values that no shuffle would: what cannot be copied is kept as it is. */
function cloneOf(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

/** Whether an error says that this record or key is bad, rather than the machine, the job or another part of it. */
export function isBadRecord(error: unknown): error is FanfoldError {
  return (
    error instanceof FanfoldError &&
    badRecordCodes.has(error.code) &&
    (!("function" in error.details) ||
      error.details["function"] === "map" ||
      error.details["function"] === "reduce")
  );
}

const badRecordCodes: ReadonlySet<string> = new Set([
  "RECORD_MALFORMED",
  "INPUT_ENCODING",
  "USER_CODE_FAILED",
  "KEY_UNSUPPORTED",
  "VALUE_UNSUPPORTED",
  "VALUE_TOO_LARGE",
  "PARTITION_OUT_OF_RANGE",
]);
