/**
 * Attempts as columns: a hundred thousand of them are a few typed arrays. Rows are never moved, so that a reader can
 * name one by its number; `version` says when a row last changed, so that a reader can ask for what is new.
 */
import type { AttemptId } from "@fanfold/scheduler";

export type AttemptState =
  | "running"
  | "won"
  | "refused"
  | "failed"
  | "exited"
  | "fetchFailed"
  | "lost"
  | "stopped";

/** How an attempt stands, by number in the `state` column. `refused`: it finished, but another had won. */
export const attemptStates: readonly AttemptState[] = [
  "running",
  "won",
  "refused",
  "failed",
  "exited",
  "fetchFailed",
  "lost",
  "stopped",
];

/** What a row holds besides its identity; all absolute values. */
export const metricColumns: readonly MetricColumn[] = [
  "recordsIn",
  "bytesIn",
  "recordsOut",
  "bytesOut",
  "spilledBytes",
];
export type MetricColumn = "recordsIn" | "bytesIn" | "recordsOut" | "bytesOut" | "spilledBytes";

const firstCapacity = 64;

export class AttemptColumns {
  length = 0;
  /** Rises with every change of any row. */
  version = 0;
  stage: Uint16Array<ArrayBuffer> = new Uint16Array(firstCapacity);
  task: Uint32Array<ArrayBuffer> = new Uint32Array(firstCapacity);
  attempt: Uint32Array<ArrayBuffer> = new Uint32Array(firstCapacity);
  epoch: Float64Array<ArrayBuffer> = new Float64Array(firstCapacity);
  /** Index in the job's list of workers. */
  worker: Uint32Array<ArrayBuffer> = new Uint32Array(firstCapacity);
  slot: Uint16Array<ArrayBuffer> = new Uint16Array(firstCapacity);
  /** Milliseconds since 1970; NaN where it is not known. */
  startMs: Float64Array<ArrayBuffer> = new Float64Array(firstCapacity);
  /** NaN while it runs. */
  endMs: Float64Array<ArrayBuffer> = new Float64Array(firstCapacity);
  state: Uint8Array<ArrayBuffer> = new Uint8Array(firstCapacity);
  changed: Float64Array<ArrayBuffer> = new Float64Array(firstCapacity);
  readonly metrics: Record<MetricColumn, Float64Array<ArrayBuffer>> = {
    recordsIn: new Float64Array(firstCapacity),
    bytesIn: new Float64Array(firstCapacity),
    recordsOut: new Float64Array(firstCapacity),
    bytesOut: new Float64Array(firstCapacity),
    spilledBytes: new Float64Array(firstCapacity),
  };

  /** Appends a running attempt; gives its row. */
  add(id: AttemptId, worker: number, slot: number, startMs: number): number {
    if (this.length === this.stage.length) this.#grow();
    const row = this.length++;
    this.stage[row] = id.stage;
    this.task[row] = id.task;
    this.attempt[row] = id.attempt;
    this.epoch[row] = id.epoch;
    this.worker[row] = worker;
    this.slot[row] = slot;
    this.startMs[row] = startMs;
    this.endMs[row] = Number.NaN;
    this.touch(row);
    return row;
  }

  end(row: number, state: AttemptState, endMs: number): void {
    this.state[row] = attemptStates.indexOf(state);
    this.endMs[row] = endMs;
    this.touch(row);
  }

  /** Rows that have changed after `version`, those that changed first in front; at most `limit`. */
  changedSince(version: number, limit: number): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.length; row++) if (this.changed[row]! > version) rows.push(row);
    rows.sort((a, b) => this.changed[a]! - this.changed[b]!);
    return rows.slice(0, limit);
  }

  touch(row: number): void {
    this.version += 1;
    this.changed[row] = this.version;
  }

  #grow(): void {
    const capacity = this.stage.length * 2;
    this.stage = grown(this.stage, new Uint16Array(capacity));
    this.task = grown(this.task, new Uint32Array(capacity));
    this.attempt = grown(this.attempt, new Uint32Array(capacity));
    this.epoch = grown(this.epoch, new Float64Array(capacity));
    this.worker = grown(this.worker, new Uint32Array(capacity));
    this.slot = grown(this.slot, new Uint16Array(capacity));
    this.startMs = grown(this.startMs, new Float64Array(capacity));
    this.endMs = grown(this.endMs, new Float64Array(capacity));
    this.state = grown(this.state, new Uint8Array(capacity));
    this.changed = grown(this.changed, new Float64Array(capacity));
    for (const name of metricColumns)
      this.metrics[name] = grown(this.metrics[name], new Float64Array(capacity));
  }
}

function grown<T extends { set(values: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
