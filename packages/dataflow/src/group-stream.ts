/**
 * Cuts a sorted stream into groups: records with equal keys or, with `groupBy`, keys of an equal group key.
 *
 * Nothing is decoded to find that a group goes on: key bytes are compared. With `groupBy`, the user's function is
 * called once for each different key.
 */
import { FanfoldError, type Key } from "@fanfold/job";
import { compareBytes, copyBytes, equalBytes } from "./compare-bytes.js";
import { decodeKeyAt } from "./key-decoder.js";
import { KeyEncoder } from "./key-encoder.js";
import type { RecordStream, RecordView } from "./record-view.js";
import { thrownByUser } from "./user-error.js";

export type GroupBy = (key: Key) => unknown;

export class GroupStream {
  readonly view: RecordView;
  /** Whether `view` holds a record of the current group that was not passed yet. */
  isInGroup = false;
  /** Number of the current group, from 1. */
  group = 0;
  /** Records passed so far, this one included. */
  records = 0;
  readonly #stream: RecordStream;
  readonly #groupBy: GroupBy | undefined;
  readonly #encoder: KeyEncoder | undefined;
  /** The key of the current run of equal keys. */
  #key: Buffer = Buffer.alloc(256);
  #keyLength = 0;
  /** With `groupBy`: the encoded key of the current group, and the key itself. */
  #groupBytes: Buffer = Buffer.alloc(0);
  #groupKey: unknown;
  /** Whether `view` holds a record at all. */
  #hasRecord: boolean;
  /** What reading threw. Kept, since it may have been thrown into user code that caught it. */
  #failure: unknown;
  #hasFailed = false;

  constructor(stream: RecordStream, groupBy?: GroupBy) {
    this.#stream = stream;
    this.view = stream.view;
    this.#groupBy = groupBy;
    this.#encoder = groupBy === undefined ? undefined : new KeyEncoder();
    this.#hasRecord = stream.next();
  }

  /** Steps to the first record of the next group, over what is left of this one; false when there is none. */
  nextGroup(): boolean {
    while (this.isInGroup) this.advance();
    if (this.#hasFailed) throw this.#failure;
    if (!this.#hasRecord) return false;
    this.#saveKey();
    if (this.#groupBy !== undefined) this.#startGroup();
    this.group += 1;
    this.isInGroup = true;
    return true;
  }

  /** Steps to the next record; `isInGroup` tells whether it belongs to the group. */
  advance(): void {
    try {
      this.records += 1;
      const isSameKey = this.view.repeats > 0;
      this.#hasRecord = this.#stream.next();
      this.isInGroup = this.#hasRecord && (isSameKey || this.#continues());
    } catch (thrown) {
      this.isInGroup = false;
      this.#hasFailed = true;
      this.#failure = thrown;
      throw thrown;
    }
  }

  /** As `takeNumbers` of a stream: the last of the values is not passed yet. */
  takeNumbers(into: Float64Array): number {
    const count = this.#stream.takeNumbers?.(into) ?? 0;
    if (count > 0) this.records += count - 1;
    return count;
  }

  /** The key that `reduce` sees: a fresh object each time, except for what `groupBy` gave. */
  keyOfGroup(): unknown {
    return this.#groupBy === undefined ? decodeKeyAt(this.#key, 0, this.#keyLength) : this.#groupKey;
  }

  /** The encoded key of the current run of equal keys, in `[0, keyLength)`. Valid until the next group. */
  get keyBytes(): Buffer {
    return this.#key;
  }

  get keyLength(): number {
    return this.#keyLength;
  }

  #continues(): boolean {
    const view = this.view;
    if (equalBytes(view.bytes, view.keyStart, view.keyEnd, this.#key, 0, this.#keyLength)) return true;
    return this.#groupBy !== undefined && this.#continuesGroup();
  }

  #continuesGroup(): boolean {
    const view = this.view;
    const encoder = this.#encoder!;
    this.#encodeGroup(decodeKeyAt(view.bytes, view.keyStart, view.keyEnd));
    const order = compareBytes(
      encoder.bytes,
      0,
      encoder.length,
      this.#groupBytes,
      0,
      this.#groupBytes.length,
    );
    if (order < 0) {
      const torn =
        "groupBy gives a smaller group key for a larger key, so groups would be torn: it must return a leading part of the key";
      const key = decodeKeyAt(view.bytes, view.keyStart, view.keyEnd);
      throw thrownByUser(new FanfoldError("GROUP_NOT_CONTIGUOUS", torn), { function: "groupBy", key });
    }
    if (order === 0) this.#saveKey();
    return order === 0;
  }

  #startGroup(): void {
    this.#groupKey = this.#encodeGroup(decodeKeyAt(this.#key, 0, this.#keyLength));
    this.#groupBytes = this.#encoder!.copy();
  }

  /** Asks the user for a key's group key, leaves its bytes in the encoder, and returns it. */
  #encodeGroup(key: Key): unknown {
    try {
      const groupKey = this.#groupBy!(key);
      this.#encoder!.encode(groupKey);
      return groupKey;
    } catch (thrown) {
      throw thrownByUser(thrown, { function: "groupBy", key });
    }
  }

  #saveKey(): void {
    const view = this.view;
    const length = view.keyEnd - view.keyStart;
    if (length > this.#key.length) this.#key = Buffer.alloc(length * 2);
    copyBytes(this.#key, 0, view.bytes, view.keyStart, view.keyEnd);
    this.#keyLength = length;
  }
}
