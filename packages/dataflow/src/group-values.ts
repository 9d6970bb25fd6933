/**
 * The values of one key, as user code sees them: a lazy, single-pass iterable over the stream, so that a key with ten
 * million values costs no memory. What is not read is skipped.
 */
import { FanfoldError } from "@fanfold/job";
import type { GroupStream } from "./group-stream.js";
import type { Guard } from "./task-context.js";
import { decodeValueAt } from "./value-decoder.js";

/** Numbers read at once: so many that stepping to the next ones costs next to nothing a number. */
const numbersMax = 1024;

/** Where values are read to that lie ready as numbers; one for all groups of an attempt. */
export class NumberWindow {
  readonly numbers: Float64Array = new Float64Array(numbersMax);
  /** Whose values they are: an iterator may outlive its group. */
  owner: GroupValues | undefined;
  /** `numbers[at, end)` have not been handed out. */
  at = 0;
  end = 0;
}

export class GroupValues implements Iterable<unknown> {
  readonly #groups: GroupStream;
  readonly #group: number;
  #isTaken = false;
  #isOver = false;
  readonly #guard: Guard | undefined;
  readonly #window: NumberWindow | undefined;
  /** Whether the record at hand was handed out: its numbers were taken, and it has to be passed. */
  #isTakenToEnd = false;

  /** Values of the current group of `groups`. With a guard, data that cannot be read fail the attempt whoever catches. */
  constructor(groups: GroupStream, guard?: Guard, window?: NumberWindow) {
    this.#groups = groups;
    this.#guard = guard;
    this.#group = groups.group;
    this.#window = window;
    if (window !== undefined) window.owner = undefined;
  }

  [Symbol.iterator](): Iterator<unknown> {
    if (this.#isTaken)
      throw misuse("the values of a key can be iterated once; keep them in an array to read them again");
    this.#isTaken = true;
    return new ValueIterator(this, this.#window ?? noWindow);
  }

  /** Called when the function that was given the values has returned. */
  end(): void {
    this.#isOver = true;
    if (this.#window !== undefined) this.#window.owner = undefined;
  }

  /**
   * The next value that is not in the window, which gets more of them where they lie ready as numbers.
   *
   * @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE`
   */
  next(): IteratorResult<unknown> {
    if (this.#isOver || this.#groups.group !== this.#group) {
      throw misuse("the values of a key can only be read while the function that was given them runs");
    }
    if (this.#isTakenToEnd) this.#advance();
    this.#isTakenToEnd = false;
    const groups = this.#groups;
    if (!groups.isInGroup) return { value: undefined, done: true };
    const window = this.#window;
    const count = window === undefined ? 0 : groups.takeNumbers(window.numbers);
    if (count > 0) return this.#open(window!, count);
    const view = groups.view;
    const value = decodeValueAt(view.bytes, view.valueStart, view.valueEnd);
    this.#advance();
    return { value, done: false };
  }

  #open(window: NumberWindow, count: number): IteratorResult<unknown> {
    this.#isTakenToEnd = true;
    window.owner = this;
    window.at = 1;
    window.end = count;
    return { value: window.numbers[0], done: false };
  }

  #advance(): void {
    if (this.#guard === undefined) this.#groups.advance();
    else this.#guard.run(() => this.#groups.advance());
  }
}

const noWindow: NumberWindow = new NumberWindow();

class ValueIterator implements IterableIterator<unknown> {
  readonly #values: GroupValues;
  readonly #window: NumberWindow;
  #isStopped = false;

  constructor(values: GroupValues, window: NumberWindow) {
    this.#values = values;
    this.#window = window;
  }

  next(): IteratorResult<unknown> {
    const window = this.#window;
    if (this.#isStopped) return { value: undefined, done: true };
    if (window.at < window.end && window.owner === this.#values)
      return { value: window.numbers[window.at++], done: false };
    return this.#values.next();
  }

  return(): IteratorResult<unknown> {
    this.#isStopped = true;
    return { value: undefined, done: true };
  }

  [Symbol.iterator](): IterableIterator<unknown> {
    return this;
  }
}

function misuse(message: string): FanfoldError {
  return new FanfoldError("USER_CODE_FAILED", message);
}
