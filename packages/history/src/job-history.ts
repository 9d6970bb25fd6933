/** What is remembered of one job: its attempts, its events, and where the bytes of its shuffles lie. */
import { type AttemptId, formatAttemptId } from "@fanfold/scheduler";
import { AttemptColumns, type AttemptState, metricColumns } from "./attempt-columns.js";
import { EventList } from "./history-event.js";
import { attemptsPerJobMax, eventsPerJobMax } from "./limits.js";
import { ShuffleMatrix, type ShuffleMatrixView } from "./shuffle-matrix.js";
import type { SlotLanes } from "./slot-lanes.js";

export interface AttemptEnd {
  readonly state: AttemptState;
  readonly endMs: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

export class JobHistory {
  readonly jobId: string;
  attempts: AttemptColumns = new AttemptColumns();
  readonly events: EventList = new EventList(eventsPerJobMax);
  /** Ids of the workers that the attempts name by number. */
  readonly workers: string[] = [];
  /** Attempts that came when there was no more room. */
  unrecorded = 0;
  /** Whether rows were given up, to make room for other jobs. */
  isEvicted = false;
  readonly #lanes: SlotLanes;
  readonly #running = new Map<string, number>();
  readonly #adopted = new Set<string>();
  readonly #workerIndexes = new Map<string, number>();
  /** Failed attempts can be reported again by a new leader's log; one row each. */
  readonly #endedBadly = new Set<string>();
  readonly #shuffles = new Map<number, ShuffleMatrix>();

  constructor(jobId: string, lanes: SlotLanes) {
    this.jobId = jobId;
    this.#lanes = lanes;
  }

  started(id: AttemptId, workerId: string, startMs: number): void {
    const key = formatAttemptId(id);
    if (this.#running.has(key) || !this.#hasRoom()) return;
    const slot = this.#lanes.take(workerId, startMs);
    this.#running.set(key, this.attempts.add(id, this.#workerIndex(workerId), slot, startMs));
  }

  /** It has ended, and its slot is free; the log will say what its result is worth. */
  reported(id: AttemptId, workerId: string, atMs: number): void {
    const row = this.#running.get(formatAttemptId(id));
    if (row === undefined || !Number.isNaN(this.attempts.endMs[row]!)) return;
    this.attempts.endMs[row] = atMs;
    this.attempts.touch(row);
    this.#lanes.release(workerId, this.attempts.slot[row]!, atMs);
  }

  /** It was started under another leader, some time ago; when, it says when it ends. */
  adopted(id: AttemptId, workerId: string, seenMs: number): void {
    this.started(id, workerId, seenMs);
    this.#adopted.add(formatAttemptId(id));
  }

  isRunning(id: AttemptId): boolean {
    return this.#running.has(formatAttemptId(id));
  }

  /** An attempt that nobody saw starting gets the time it says that it took. Gives its start, if there is a row for it. */
  ended(id: AttemptId, workerId: string, end: AttemptEnd): number | undefined {
    const key = formatAttemptId(id);
    const row = this.#running.get(key) ?? this.#lateRow(id, key, workerId, end);
    if (row === undefined) return undefined;
    this.reported(id, workerId, end.endMs);
    this.#running.delete(key);
    const reportedMs = this.attempts.endMs[row]!;
    const endMs = Number.isNaN(reportedMs) ? end.endMs : reportedMs;
    const wallMs = end.metrics?.["wallMs"];
    if (this.#adopted.delete(key) && wallMs !== undefined) this.attempts.startMs[row] = endMs - wallMs;
    for (const name of metricColumns) this.attempts.metrics[name][row] = end.metrics?.[name] ?? 0;
    this.attempts.end(row, end.state, endMs);
    if (end.state !== "won" && end.state !== "refused") this.#endedBadly.add(key);
    return this.attempts.startMs[row];
  }

  /** The job is over, or its workers belong to another leader: whatever still runs here has been stopped. */
  stopAll(endMs: number): void {
    for (const row of this.#running.values()) {
      const reportedMs = this.attempts.endMs[row]!;
      const isReported = !Number.isNaN(reportedMs);
      if (!isReported) {
        this.#lanes.release(this.workers[this.attempts.worker[row]!]!, this.attempts.slot[row]!, endMs);
      }
      this.attempts.end(row, "stopped", isReported ? reportedMs : endMs);
    }
    this.#running.clear();
  }

  /** Gives up the attempts; the events stay. */
  evict(): void {
    if (this.isEvicted) return;
    this.unrecorded += this.attempts.length;
    this.isEvicted = true;
    this.attempts = new AttemptColumns();
    this.#running.clear();
    this.#adopted.clear();
    this.#endedBadly.clear();
  }

  shuffled(stage: number, partitions: number, workerId: string, codes: Uint8Array): void {
    let matrix = this.#shuffles.get(stage);
    if (matrix === undefined) {
      matrix = new ShuffleMatrix(stage, partitions);
      this.#shuffles.set(stage, matrix);
    }
    matrix.add(workerId, codes);
  }

  shuffles(): readonly ShuffleMatrixView[] {
    return [...this.#shuffles.values()].map((matrix) => matrix.view());
  }

  #lateRow(id: AttemptId, key: string, workerId: string, end: AttemptEnd): number | undefined {
    if (this.#endedBadly.has(key) || !this.#hasRoom()) return undefined;
    const wallMs = end.metrics?.["wallMs"];
    const startMs = wallMs === undefined ? Number.NaN : end.endMs - wallMs;
    const slot = this.#lanes.place(workerId, wallMs === undefined ? end.endMs : startMs, end.endMs);
    return this.attempts.add(id, this.#workerIndex(workerId), slot, startMs);
  }

  #hasRoom(): boolean {
    if (!this.isEvicted && this.attempts.length < attemptsPerJobMax) return true;
    this.unrecorded += 1;
    return false;
  }

  #workerIndex(workerId: string): number {
    let index = this.#workerIndexes.get(workerId);
    if (index === undefined) {
      index = this.workers.push(workerId) - 1;
      this.#workerIndexes.set(workerId, index);
    }
    return index;
  }
}
