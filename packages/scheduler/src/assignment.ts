/** Puts together what executors and publishers are told, from the table alone. */
import type { AttemptId } from "./attempt-id.js";
import type {
  MapOutputEntry,
  MapOutputHolder,
  PublicationWinner,
  PublishOutput,
  SendBoundaries,
  SendMapOutputs,
} from "./effect.js";
import type { JobRecord } from "./job-record.js";
import type { OutputLocations, StageRun } from "./job-run.js";
import { stallTimeoutMs } from "./limits.js";
import {
  foldersOf,
  mainParticipant,
  type Participant,
  type PublicationStep,
  participantsOf,
} from "./participants.js";
import { splitOf } from "./plan-rules.js";
import type { StageTable } from "./stage-table.js";
import type { ReplicaTarget, TaskAssignment } from "./task-assignment.js";
import { taskDone } from "./task-columns.js";
import type { PoolWorker, WorkerPool } from "./worker-pool.js";

export function assignmentOf(
  job: JobRecord,
  stage: StageTable,
  attempt: AttemptId,
  replica?: ReplicaTarget,
): TaskAssignment {
  const { spec, partitions } = job;
  const { bundle, name: jobName, params, out } = spec;
  const { memoryBytes, collectRecords, skipBadRecords } = spec.options;
  const inputsVersion = job.inputsVersionOf(stage);
  const all = {
    attempt,
    bundle,
    jobName,
    params,
    memoryBytes,
    collectRecords,
    out,
    partitions,
    inputsVersion,
    ...(skipBadRecords === undefined ? {} : { skipBadRecords }),
    stallTimeoutMs: spec.options.stallTimeoutMs ?? stallTimeoutMs,
    ...(stage.hasUntoldFailure(attempt.task) ? { tracesRecords: true as const } : {}),
  };
  const { input, output } = stage.stage;
  if (input.type === "shuffle") {
    const mapTasks = job.stages[input.from]!.tasks;
    return { ...all, kind: "reduce", partition: attempt.task, mapStage: input.from, mapTasks };
  }
  const split = splitOf(job, stage, attempt.task)!;
  if (output.type === "boundaries") {
    const sampleRecordsMax = Math.ceil(output.sampleRecordsMax / stage.tasks);
    return { ...all, kind: "sample", split, sampleRecordsMax };
  }
  const { boundaries } = stage;
  const count = boundaries === undefined ? {} : { boundaryCount: boundaries.length };
  return { ...all, kind: "map", split, ...count, ...(replica === undefined ? {} : { replica }) };
}

/**
 * The boundaries of a range-partitioned job, before a worker's first map task of it: once a worker, since there are as
 * many of them as reduce tasks. `undefined` when there are none, or it has them.
 */
export function boundariesFor(
  worker: PoolWorker,
  job: JobRecord,
  stage: StageRun,
): SendBoundaries | undefined {
  const { boundaries, stage: plan } = stage.table;
  if (boundaries === undefined || worker.boundariesSent.has(stage)) return undefined;
  worker.boundariesSent.add(stage);
  return { type: "sendBoundaries", workerId: worker.workerId, jobId: job.id, stage: plan.id, boundaries };
}

/** The locations that a worker has not been told yet; `undefined` if it knows them all. */
export function outputsFor(
  worker: PoolWorker,
  job: JobRecord,
  stage: StageRun,
  pool: WorkerPool,
): SendMapOutputs | undefined {
  const version = stage.made.length;
  const sent = worker.outputsSent.get(stage);
  if (sent === version) return undefined;
  worker.outputsSent.set(stage, version);
  const { holders, entries } =
    sent === undefined
      ? allLocations(job, stage, pool)
      : locate(job, stage.table, new Set(stage.made.slice(sent)), pool);
  return {
    type: "sendMapOutputs",
    workerId: worker.workerId,
    jobId: job.id,
    stage: stage.table.stage.id,
    version,
    isComplete: sent === undefined,
    holders,
    entries,
  };
}

/** Made once for all workers that ask: a list of 200,000 places is not to be built 2,000 times. */
function allLocations(job: JobRecord, stage: StageRun, pool: WorkerPool): OutputLocations {
  const key = `${stage.made.length}/${stage.table.done}/${pool.version}`;
  if (stage.locations?.key !== key) {
    stage.locations = { key, ...locate(job, stage.table, stage.table.columns.state.keys(), pool) };
  }
  return stage.locations;
}

function locate(
  job: JobRecord,
  { columns }: StageTable,
  tasks: Iterable<number>,
  pool: WorkerPool,
): OutputLocations {
  const holders: MapOutputHolder[] = [];
  const entries: MapOutputEntry[] = [];
  const holderOf = new Map<number, number>();
  const holderIndex = (worker: number): number => {
    let holder = holderOf.get(worker);
    if (holder === undefined) {
      const workerId = job.workers[worker]!;
      const info = pool.get(workerId)?.info;
      holder = holders.push({ workerId, shuffleUrl: info?.shuffleUrl, hostId: info?.hostId }) - 1;
      holderOf.set(worker, holder);
    }
    return holder;
  };
  for (const task of tasks) {
    if (columns.state[task] !== taskDone) continue;
    const holder = holderIndex(columns.worker[task]!);
    const [attempt, epoch] = [columns.attempt[task]!, columns.epoch[task]!];
    const [path, bytes] = [columns.segmentPath[task] ?? "", columns.segmentBytes[task]!];
    const entry = { task, attempt, epoch, holder, path, bytes };
    const replica = columns.replica[task]!;
    const replicaPath = columns.replicaPath[task] ?? "";
    entries.push(
      replica < 0 ? entry : { ...entry, replica: { holder: holderIndex(replica), path: replicaPath } },
    );
  }
  return { holders, entries };
}

export function publicationOf(
  job: JobRecord,
  workerId: string,
  step: PublicationStep,
  index: number,
): PublishOutput {
  const { spec } = job;
  const participants = participantsOf(spec);
  const participant = participants[index]!;
  const others = foldersOf(spec).filter((folder) => folder !== spec.out);
  return {
    type: "publishOutput",
    workerId,
    jobId: job.id,
    jobName: spec.name,
    step,
    participant: index,
    kind: participant.kind,
    name: participant.name,
    out: participant.kind === "folder" ? participant.out : null,
    main: spec.out,
    others: index === mainParticipant ? others : [],
    force: spec.options.force,
    collectRecords: index === mainParticipant && spec.options.collectRecords,
    bundle: spec.bundle,
    params: spec.params,
    createdMs: job.preparedMs ?? 0,
    winners: step === "abort" ? [] : winnersFor(job, index, participants),
    counters: Object.fromEntries(job.counters),
  };
}

/** With the files that go to this participant: its own output's, or for the job's folder all that nobody else takes. */
function winnersFor(
  job: JobRecord,
  index: number,
  participants: readonly Participant[],
): PublicationWinner[] {
  const elsewhere = new Set(participants.slice(1).map(({ name }) => name));
  const isHere = (name: string): boolean =>
    index === mainParticipant ? !elsewhere.has(name) : participants[index]!.name === name;
  return job.stages
    .flatMap((stage) => winnersOf(job, stage))
    .map((winner) => ({ ...winner, outputs: winner.outputs.filter(({ name }) => isHere(name)) }))
    .filter(({ outputs }) => outputs.length > 0);
}

/** A map task whose segment is lost but no longer needed still has its named outputs: they count. */
function winnersOf(job: JobRecord, { stage, columns }: StageTable): PublicationWinner[] {
  const { kind, id } = stage;
  if (kind === "sample") return [];
  const winners: PublicationWinner[] = [];
  columns.outputs.forEach((outputs, task) => {
    if (outputs === undefined || outputs.length === 0) return;
    const [number, epoch] = [columns.attempt[task]!, columns.epoch[task]!];
    const attempt = { jobId: job.id, stage: id, task, attempt: number, epoch };
    winners.push({ attempt, kind, isSink: stage.output.type === "sink", outputs });
  });
  return winners;
}
