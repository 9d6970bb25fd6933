/**
 * How many bytes of a map stage's output lie where, and for which partition: a row a worker, a column a partition or
 * a group of neighbouring ones. An uneven column is a hot key; an uneven row is a worker that holds too much.
 */
import { decodeSize, partitionsPerGroup } from "@fanfold/scheduler";
import { shuffleWorkersMax } from "./limits.js";

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
      partitionsPerColumn: partitionsPerGroup(this.#partitions),
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
