/** What user functions may ask of the attempt that runs them. */
import { FanfoldError, type MapContext, type TaskContext } from "@fanfold/job";
import type { AttemptOptions } from "./attempt-options.js";
import type { AttemptOutputs } from "./attempt-outputs.js";
import { counterNameMax, countersMax } from "./limits.js";
import type { RecordBatch } from "./ports.js";

/**
 * Remembers the first thing the framework refused or failed to do for user code, so that the attempt fails even when
 * user code catches the error.
 */
export class Guard {
  hasFailed = false;
  failure: unknown;

  /** Runs `action`; what it throws fails the attempt. */
  run<T>(action: () => T): T {
    try {
      return action();
    } catch (thrown) {
      throw this.fail(thrown);
    }
  }

  fail(thrown: unknown): unknown {
    if (!this.hasFailed) this.failure = thrown;
    this.hasFailed = true;
    return thrown;
  }

  /** What failed was undone. */
  forgive(): void {
    this.hasFailed = false;
    this.failure = undefined;
  }

  /** @throws what was remembered, if anything. */
  check(): void {
    if (this.hasFailed) throw this.failure;
  }
}

export class Counters {
  readonly #values: Map<string, number> = new Map();

  /** @throws `USER_CODE_FAILED` for what is no name or no finite number, `LIMIT_EXCEEDED` for too many names. */
  add(name: string, n = 1): void {
    if (typeof name !== "string" || name === "" || name.length > counterNameMax) {
      throw new FanfoldError(
        "USER_CODE_FAILED",
        `a counter's name must be 1 to ${counterNameMax} characters`,
      );
    }
    if (!Number.isFinite(n)) {
      throw new FanfoldError("USER_CODE_FAILED", `counter "${name}" can only grow by a finite number`);
    }
    const value = this.#values.get(name);
    if (value === undefined && this.#values.size >= countersMax) {
      throw new FanfoldError("LIMIT_EXCEEDED", `more than ${countersMax} counters`);
    }
    this.#values.set(name, (value ?? 0) + n);
  }

  get isEmpty(): boolean {
    return this.#values.size === 0;
  }

  /** Own properties, whatever the names. */
  toRecord(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#values);
  }
}

/** Which record is being mapped. */
export interface RecordPosition {
  batch: RecordBatch | undefined;
  index: number;
}

export interface ContextParts {
  readonly outputs: Pick<AttemptOutputs, "named">;
  readonly counters: Pick<Counters, "add">;
  readonly guard: Guard;
}

export function createTaskContext(options: AttemptOptions, parts: ContextParts): TaskContext<unknown> {
  const { guard, outputs, counters } = parts;
  const handles = new Map<string, { write(value: unknown): void }>();
  return {
    params: options.params,
    counters: { add: (name, n) => guard.run(() => counters.add(name, n)) },
    log: options.log,
    signal: options.signal,
    job: { id: options.jobId, name: options.job.name },
    task: {
      stage: options.stage === "reduce" ? "reduce" : "map",
      index: options.taskIndex,
      attempt: options.attempt,
    },
    output(name) {
      const known = handles.get(name);
      if (known !== undefined) return known;
      const output = guard.run(() => outputs.named(name));
      const handle = { write: (value: unknown): void => guard.run(() => output.write(value)) };
      handles.set(name, handle);
      return handle;
    },
  };
}

/** The context of `map`. The offset is worked out only when asked for. */
export function createMapContext(
  options: AttemptOptions,
  parts: ContextParts,
  position: RecordPosition,
): MapContext<unknown> {
  return {
    ...createTaskContext(options, parts),
    split: {
      get path(): string {
        return position.batch?.path ?? "";
      },
      get offset(): number {
        return position.batch?.offsetOf(position.index) ?? 0;
      },
    },
  };
}
