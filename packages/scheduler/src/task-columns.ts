/**
 * What the table knows of a stage's tasks, a column a fact: 200,000 tasks are a few typed arrays and not 200,000
 * objects with a dozen fields each.
 */
import type { AttemptId } from "./attempt-id.js";
import type { OutputFile, TaskResult } from "./task-result.js";

/** Never finished so far. */
export const taskPending = 0;
/** Has a winner, whose output is there. */
export const taskDone = 1;
/** Has a winner, but its output is lost: it is to be run again. */
export const taskOutputLost = 2;

/** What a winner added to the job's totals, kept where it may have to be taken out again. */
export interface Contribution {
  readonly counters: Readonly<Record<string, number>>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Shared by the many map tasks that write no files. */
const noOutputs: readonly OutputFile[] = [];

export class TaskColumns {
  readonly length: number;
  /** `taskPending`, `taskDone` or `taskOutputLost`. */
  readonly state: Uint8Array;
  /** Of the winner, 0 before there is one. A lost output leaves its winner here: its named outputs still count. */
  readonly attempt: Uint32Array;
  readonly epoch: Float64Array;
  /** Index in the job's list of workers. */
  readonly worker: Int32Array;
  readonly segmentBytes: Float64Array;
  readonly segmentPath: (string | undefined)[];
  /** Of the segment's second holder: index in the job's list of workers, -1 where there is none. */
  readonly replica: Int32Array;
  readonly replicaPath: (string | undefined)[];
  readonly segmentDigest: (string | undefined)[];
  readonly outputs: (readonly OutputFile[] | undefined)[];
  /** Only where outputs can be lost. */
  readonly contributions: (Contribution | undefined)[];

  constructor(length: number) {
    this.length = length;
    this.state = new Uint8Array(length);
    this.attempt = new Uint32Array(length);
    this.epoch = new Float64Array(length);
    this.worker = new Int32Array(length).fill(-1);
    this.segmentBytes = new Float64Array(length);
    this.segmentPath = new Array(length).fill(undefined);
    this.replica = new Int32Array(length).fill(-1);
    this.replicaPath = new Array(length).fill(undefined);
    this.segmentDigest = new Array(length).fill(undefined);
    this.outputs = new Array(length).fill(undefined);
    this.contributions = new Array(length).fill(undefined);
  }

  hasWinner(task: number): boolean {
    return this.attempt[task] !== 0;
  }

  /** Whether this attempt (or output reference) is the task's winner. */
  isWinner(id: { readonly task: number; readonly attempt: number; readonly epoch: number }): boolean {
    return this.attempt[id.task] === id.attempt && this.epoch[id.task] === id.epoch;
  }

  setWinner(
    id: AttemptId,
    workers: { readonly worker: number; readonly replica: number },
    result: TaskResult,
    keepsContribution: boolean,
  ): void {
    const task = id.task;
    this.state[task] = taskDone;
    this.attempt[task] = id.attempt;
    this.epoch[task] = id.epoch;
    this.worker[task] = workers.worker;
    this.replica[task] = workers.replica;
    this.replicaPath[task] = result.segment?.replica?.path;
    this.segmentBytes[task] = result.segment?.bytes ?? 0;
    this.segmentPath[task] = result.segment?.path;
    this.segmentDigest[task] = result.segment?.digest;
    this.outputs[task] = result.outputs.length === 0 ? noOutputs : result.outputs;
    if (keepsContribution) {
      this.contributions[task] = { counters: result.counters, metrics: result.metrics };
    }
  }
}
