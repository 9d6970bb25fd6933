/**
 * Decides what becomes of map outputs when a worker that held them is gone: one that is held twice (`--shuffle-replicas
 * 2`) moves to its second holder, and nothing is run again; only what nobody holds is lost.
 */
import type { OutputsLost } from "./command.js";
import { loseOutputs } from "./failure-rules.js";
import type { JobRecord } from "./job-record.js";
import type { StageTable } from "./stage-table.js";
import type { TableEvent } from "./table-event.js";
import { taskDone } from "./task-columns.js";

export function loseCopies(job: JobRecord, command: OutputsLost, events: TableEvent[]): void {
  const stage = job.stages[command.stage];
  if (stage?.feedsShuffle !== true) return;
  const lost: number[] = [];
  for (const task of command.tasks) {
    if (job.workerOf(stage, task) === command.workerId) {
      if (!moveToReplica(job, stage, task, events)) lost.push(task);
    } else if (job.replicaOf(stage, task) === command.workerId) {
      forgetReplica(stage, task);
    }
  }
  loseOutputs(job, stage, lost, events);
}

function moveToReplica(job: JobRecord, stage: StageTable, task: number, events: TableEvent[]): boolean {
  const { columns } = stage;
  const workerId = job.replicaOf(stage, task);
  if (workerId === undefined || columns.state[task] !== taskDone) return false;
  columns.worker[task] = columns.replica[task]!;
  columns.segmentPath[task] = columns.replicaPath[task];
  forgetReplica(stage, task);
  stage.fetchFailures.delete(task);
  events.push({ type: "outputMoved", jobId: job.id, stage: stage.stage.id, task, workerId });
  return true;
}

function forgetReplica({ columns }: StageTable, task: number): void {
  columns.replica[task] = -1;
  columns.replicaPath[task] = undefined;
}
