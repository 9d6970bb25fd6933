/**
 * Which partition a key goes to: a stable hash of its encoded bytes, the user's function, or ranges between sampled
 * boundaries. With `groupBy` the hash and the ranges look at the group's key, so that a group stays whole.
 */
import { type AnyJob, FanfoldError, type Key, type PartitionFunction } from "@fanfold/job";
import { keyHash, partitionOfHash } from "@fanfold/placement";
import { asBuffer, compareBytes } from "./compare-bytes.js";
import type { GroupBy } from "./group-stream.js";
import type { Kernel } from "./kernel.js";
import { KeyEncoder } from "./key-encoder.js";
import { thrownWithinEmit } from "./user-error.js";

export class PartitionChooser {
  readonly #partitions: number;
  readonly #partitioner: PartitionFunction<unknown> | undefined;
  readonly #boundaries: readonly Buffer[] | undefined;
  readonly #groupBy: GroupBy | undefined;
  /** Where a kernel has them. */
  #boundariesAt = 0;
  readonly #groupEncoder: KeyEncoder = new KeyEncoder();

  constructor(job: AnyJob, partitions: number, boundaries: readonly Uint8Array[] | undefined) {
    this.#partitions = partitions;
    this.#partitioner = typeof job.partitioner === "function" ? job.partitioner : undefined;
    this.#boundaries = boundaries?.map(asBuffer);
    this.#groupBy = job.groupBy as GroupBy | undefined;
  }

  /** Whether the encoded key is all that counts: no function of the user is asked. */
  get looksAtBytes(): boolean {
    return this.#partitioner === undefined && this.#groupBy === undefined;
  }

  /** Whether it is the hash of the encoded key. */
  get isByHash(): boolean {
    return this.looksAtBytes && this.#boundaries === undefined;
  }

  /** The partition of the key in `bytes[start, end)`, where `looksAtBytes`. */
  place(bytes: Buffer, start: number, end: number): number {
    if (this.#partitions === 1) return 0;
    if (this.#boundaries === undefined) return partitionOfHash(keyHash(bytes, start, end), this.#partitions);
    return rangeOf(this.#boundaries, bytes, start, end);
  }

  /** Lays out in a kernel's memory what `placeRows` needs. */
  prepare(kernel: Kernel): void {
    if (this.#boundaries !== undefined) this.#boundariesAt = putBoundaries(kernel, this.#boundaries);
  }

  /** Gives the rows that a kernel uses, `count` of them, the partitions that `place` would give them. */
  placeRows(kernel: Kernel, count: number): void {
    const { calls } = kernel;
    if (this.#boundaries === undefined) {
      calls.placeByHash(count, this.#partitions);
      return;
    }
    const at = this.#boundariesAt;
    calls.placeByRange(count, at, at + 8 * this.#boundaries.length, this.#boundaries.length);
  }

  /**
   * The partition of `key`, which is also in `bytes[0, length)`, encoded.
   *
   * @throws `PARTITION_OUT_OF_RANGE` when the user's function gives anything but 0 to partitions - 1.
   */
  choose(key: unknown, bytes: Buffer, length: number): number {
    if (this.#partitioner !== undefined) return this.#ask(this.#partitioner, key);
    if (this.#partitions === 1) return 0;
    if (this.#groupBy === undefined) return this.place(bytes, 0, length);
    const groupLength = this.#encodeGroup(this.#groupBy, key);
    return this.place(this.#groupEncoder.bytes, 0, groupLength);
  }

  #encodeGroup(groupBy: GroupBy, key: unknown): number {
    try {
      return this.#groupEncoder.encode(groupBy(key as Key));
    } catch (thrown) {
      throw thrownWithinEmit("groupBy", thrown);
    }
  }

  #call(partitioner: PartitionFunction<unknown>, key: unknown): unknown {
    try {
      return partitioner(key, this.#partitions);
    } catch (thrown) {
      throw thrownWithinEmit("partitioner", thrown);
    }
  }

  #ask(partitioner: PartitionFunction<unknown>, key: unknown): number {
    const partition = this.#call(partitioner, key);
    if (
      Number.isInteger(partition) &&
      (partition as number) >= 0 &&
      (partition as number) < this.#partitions
    ) {
      return (partition as number) + 0;
    }
    const given = typeof partition === "number" ? String(partition) : typeof partition;
    throw new FanfoldError(
      "PARTITION_OUT_OF_RANGE",
      `partitioner gave ${given}, not a whole number from 0 to ${this.#partitions - 1}`,
      { details: { partitions: this.#partitions, given } },
    );
  }
}

/** Puts the first eight bytes of each boundary, then place and length of each, then the boundaries into a kernel's memory. */
function putBoundaries(kernel: Kernel, boundaries: readonly Buffer[]): number {
  const count = boundaries.length;
  const total = boundaries.reduce((bytes, boundary) => bytes + boundary.length, 0);
  const at = kernel.allocate(16 * count + total + prefixBytes);
  const { bytes } = kernel;
  let key = at + 16 * count;
  for (const [index, boundary] of boundaries.entries()) {
    boundary.copy(bytes, key);
    const prefix = Buffer.alloc(prefixBytes);
    boundary.copy(prefix);
    bytes.writeBigUInt64LE(prefix.readBigUInt64BE(), at + 8 * index);
    bytes.writeUInt32LE(key, at + 8 * (count + index));
    bytes.writeUInt32LE(boundary.length, at + 8 * (count + index) + 4);
    key += boundary.length;
  }
  return at;
}

const prefixBytes = 8;

/** How many boundaries are not above the key: a boundary is the first key of its partition. */
function rangeOf(boundaries: readonly Buffer[], bytes: Buffer, start: number, end: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const boundary = boundaries[middle]!;
    if (compareBytes(boundary, 0, boundary.length, bytes, start, end) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
