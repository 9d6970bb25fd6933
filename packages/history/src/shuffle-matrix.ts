/**
 * How many bytes of a map stage's output lie where, and for which partition: a row a worker, a column a partition or
 * a group of neighbouring ones. An uneven column is a hot key; an uneven row is a worker that holds too much.
 *
 * A map attempt reports its partition sizes as one byte each, the exponent of 1.1 (as Spark's MapStatus does): the
 * log carries them, so they must be small, and a size that is right within a tenth is enough for people.
 */
import { shuffleGroupsMax, shuffleWorkersMax } from "./limits.js";

export interface ShuffleMatrixView {
  readonly stage: number;
  readonly partitions: number;
  /** Partitions in each column but perhaps the last. */
  readonly partitionsPerColumn: number;
  /** By row. */
  readonly workers: readonly string[];
  /** Bytes, row by row; each column is a group of partitions. */
  readonly bytes: readonly (readonly number[])[];
}

const base = Math.log(1.1);

/** 0 for nothing, else rounded up to a power of 1.1; at most 1.1^254, 32 GB. */
export function encodeSize(bytes: number): number {
  if (bytes <= 0) return 0;
  return Math.max(1, Math.min(255, 1 + Math.round(Math.log(Math.max(1, bytes)) / base)));
}

export function decodeSize(code: number): number {
  return code === 0 ? 0 : Math.round(1.1 ** (code - 1));
}

/** Sizes of all partitions as at most `shuffleGroupsMax` codes. */
export function encodePartitionSizes(partitions: number, bytesOf: (partition: number) => number): Uint8Array {
  const perColumn = partitionsPerColumn(partitions);
  const codes = new Uint8Array(Math.ceil(partitions / perColumn));
  for (let column = 0; column < codes.length; column++) {
    let sum = 0;
    const end = Math.min(partitions, (column + 1) * perColumn);
    for (let partition = column * perColumn; partition < end; partition++) sum += bytesOf(partition);
    codes[column] = encodeSize(sum);
  }
  return codes;
}

export function partitionsPerColumn(partitions: number): number {
  return Math.max(1, Math.ceil(partitions / shuffleGroupsMax));
}

export class ShuffleMatrix {
  readonly #stage: number;
  readonly #partitions: number;
  readonly #rows = new Map<string, Float64Array>();

  constructor(stage: number, partitions: number) {
    this.#stage = stage;
    this.#partitions = partitions;
  }

  add(workerId: string, codes: Uint8Array): void {
    const row = this.#rowOf(workerId, codes.length);
    codes.forEach((code, column) => {
      row[column] = (row[column] ?? 0) + decodeSize(code);
    });
  }

  view(): ShuffleMatrixView {
    return {
      stage: this.#stage,
      partitions: this.#partitions,
      partitionsPerColumn: partitionsPerColumn(this.#partitions),
      workers: [...this.#rows.keys()],
      bytes: [...this.#rows.values()].map((row) => [...row]),
    };
  }

  #rowOf(workerId: string, columns: number): Float64Array {
    const known = this.#rows.get(workerId);
    if (known !== undefined) return known;
    const name = this.#rows.size < shuffleWorkersMax ? workerId : "others";
    const row = this.#rows.get(name) ?? new Float64Array(columns);
    this.#rows.set(name, row);
    return row;
  }
}
