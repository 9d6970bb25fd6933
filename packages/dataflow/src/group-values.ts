/**
 * The values of one key, as user code sees them: a lazy, single-pass iterable over the stream, so that a key with ten
 * million values costs no memory. What is not read is skipped.
 */
import { FanfoldError } from "@fanfold/job";
import type { GroupStream } from "./group-stream.js";
import type { Guard } from "./task-context.js";
import { decodeValueAt } from "./value-decoder.js";

export class GroupValues implements Iterable<unknown> {
  readonly #groups: GroupStream;
  readonly #group: number;
  #isTaken = false;
  #isOver = false;

  readonly #guard: Guard | undefined;

  /** Values of the current group of `groups`. With a guard, data that cannot be read fail the attempt whoever catches. */
  constructor(groups: GroupStream, guard?: Guard) {
    this.#groups = groups;
    this.#guard = guard;
    this.#group = groups.group;
  }

  [Symbol.iterator](): Iterator<unknown> {
    if (this.#isTaken)
      throw misuse("the values of a key can be iterated once; keep them in an array to read them again");
    this.#isTaken = true;
    return new ValueIterator(this, this.#groups);
  }

  /** @throws `SEGMENT_CORRUPT`, `SEGMENT_UNAVAILABLE` */
  advance(): void {
    if (this.#guard === undefined) this.#groups.advance();
    else this.#guard.run(() => this.#groups.advance());
  }

  /** Called when the function that was given the values has returned. */
  end(): void {
    this.#isOver = true;
  }

  /** Whether there is another value. */
  hasMore(): boolean {
    if (this.#isOver || this.#groups.group !== this.#group) {
      throw misuse("the values of a key can only be read while the function that was given them runs");
    }
    return this.#groups.isInGroup;
  }
}

class ValueIterator implements IterableIterator<unknown> {
  readonly #values: GroupValues;
  readonly #groups: GroupStream;
  #isStopped = false;

  constructor(values: GroupValues, groups: GroupStream) {
    this.#values = values;
    this.#groups = groups;
  }

  next(): IteratorResult<unknown> {
    if (this.#isStopped || !this.#values.hasMore()) return { value: undefined, done: true };
    const view = this.#groups.view;
    const value = decodeValueAt(view.bytes, view.valueStart, view.valueEnd);
    this.#values.advance();
    return { value, done: false };
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
