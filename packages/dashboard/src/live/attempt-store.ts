/** A job's attempts as the page keeps them: columns that grow, rows that are replaced by their number. */
import type { AttemptRows, AttemptsView } from "@fanfold/history";

type NumberColumn = Exclude<keyof AttemptRows, "row">;

const numberColumns: readonly NumberColumn[] = [
  "stage",
  "task",
  "attempt",
  "worker",
  "slot",
  "state",
  "startMs",
  "endMs",
  "recordsIn",
  "bytesIn",
  "recordsOut",
  "bytesOut",
  "spilledBytes",
];

export class AttemptStore {
  length = 0;
  version = 0;
  /** Counts what was taken in, for those who draw. */
  changes = 0;
  source = "";
  workers: readonly string[] = [];
  states: readonly string[] = [];
  unrecorded = 0;
  /** Times that are not known are NaN. */
  readonly columns: Record<NumberColumn, Float64Array> = emptyColumns(256);

  /** Takes an answer in; one of another replica begins afresh. */
  take(view: AttemptsView): void {
    if (view.source !== this.source || view.total < this.length) this.clear();
    this.source = view.source;
    this.workers = view.workers;
    this.states = view.states;
    this.unrecorded = view.unrecorded;
    this.version = view.version;
    const { rows } = view;
    for (const [i, row] of rows.row.entries()) {
      this.#reserve(row + 1);
      for (const name of numberColumns) this.columns[name][row] = rows[name][i] ?? Number.NaN;
    }
    this.changes += 1;
  }

  clear(): void {
    this.length = 0;
    this.version = 0;
    this.changes += 1;
  }

  stateOf(row: number): string {
    return this.states[this.columns.state[row] ?? 0] ?? "running";
  }

  workerOf(row: number): string {
    return this.workers[this.columns.worker[row] ?? 0] ?? "";
  }

  #reserve(length: number): void {
    const capacity = this.columns.stage.length;
    if (length > capacity) {
      const grown = emptyColumns(Math.max(length, capacity * 2));
      for (const name of numberColumns) {
        grown[name].set(this.columns[name]);
        this.columns[name] = grown[name];
      }
    }
    this.length = Math.max(this.length, length);
  }
}

function emptyColumns(capacity: number): Record<NumberColumn, Float64Array> {
  return Object.fromEntries(
    numberColumns.map((name) => [name, new Float64Array(capacity).fill(Number.NaN)]),
  ) as Record<NumberColumn, Float64Array>;
}
