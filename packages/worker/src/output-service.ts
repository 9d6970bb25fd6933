/** What a worker does for a job as a whole, since it sees the storage: lists the input, publishes the output. */
import { join } from "node:path";
import { skippedOutputName } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import type { WorkerOrder, WorkerToCoordinator } from "@fanfold/protocol";
import type { ManifestSummary, PublicationWinner } from "@fanfold/scheduler";
import {
  type AfterStep,
  checkTarget,
  commitPublication,
  discardStaging,
  type PublishRequest,
  planSplits,
  preparePublication,
  prepareStaging,
} from "@fanfold/storage";

/** Of the packages, which are published together; stands in the manifest of every output. */
export const fanfoldVersion = "0.1.0";

type ListOrder = Extract<WorkerOrder, { type: "listInputs" }>;
type PublishOrder = Extract<WorkerOrder, { type: "publishOutput" }>;

/** What a daemon has done for a job as a whole. */
export interface OutputService {
  listInputs(order: ListOrder): Promise<WorkerToCoordinator>;
  publishOutput(order: PublishOrder, recordsDir: string): Promise<WorkerToCoordinator>;
  discardOutput(out: string, jobId: string): void;
}

export async function listInputs(order: ListOrder): Promise<WorkerToCoordinator> {
  const { jobId, inputs, reader, splitBytes, out, folders, force } = order;
  const outs = out === null ? folders : [out, ...folders];
  try {
    for (const each of outs) checkTarget(each, { force });
    const splits = await planSplits({ inputs, reader, splitBytes, excludes: outs });
    for (const each of outs) prepareStaging(each, jobId);
    return { type: "inputsListed", jobId, splits };
  } catch (error) {
    return { type: "inputsListed", jobId, error: FanfoldError.from(error, "INPUT_UNREADABLE").toReport() };
  }
}

/** One step of a participant that is a folder. */
export async function publishOutput(
  order: PublishOrder,
  recordsDir: string,
  afterStep?: AfterStep,
): Promise<WorkerToCoordinator> {
  const { jobId, step, participant } = order;
  const answer = { type: "outputPublished" as const, jobId, step, participant };
  try {
    return { ...answer, manifest: await publishFiles(order, recordsDir, afterStep) };
  } catch (error) {
    return { ...answer, error: FanfoldError.from(error, "OUTPUT_UNWRITABLE").toReport() };
  }
}

async function publishFiles(
  order: PublishOrder,
  recordsDir: string,
  afterStep?: AfterStep,
): Promise<ManifestSummary> {
  const { out, jobId, step, winners, collectRecords } = order;
  if (out === null) return { out, files: [] };
  if (step === "abort") {
    discardStaging(out, jobId);
    return { out, files: [] };
  }
  const act = step === "prepare" ? preparePublication : commitPublication;
  const manifest = await act(publicationOf(order, out, recordsDir), afterStep);
  const files = manifest.files.map(({ name, bytes, records, sha256 }) => ({ name, bytes, records, sha256 }));
  return { out, files: collectRecords ? [...files, ...recordsFiles(winners, recordsDir)] : files };
}

function publicationOf(order: PublishOrder, out: string, recordsDir: string): PublishRequest {
  const { jobId, jobName, main, others, force, winners, counters, collectRecords, createdMs } = order;
  return {
    out,
    jobId,
    jobName,
    force,
    counters,
    ...(main === null || main === out ? {} : { main }),
    others,
    tasks: winners.map(({ attempt, kind, outputs }) => ({
      stage: kind,
      index: attempt.task,
      attempt: attempt.attempt,
      outputs,
    })),
    totals: totalsOf(winners),
    fanfoldVersion,
    createdAt: new Date(createdMs).toISOString(),
    ...(collectRecords ? { recordsDir } : {}),
  };
}

/** Typed records are not in the output folder, so they are named in full. */
function recordsFiles(winners: readonly PublicationWinner[], recordsDir: string): ManifestSummary["files"] {
  return winners.flatMap(({ attempt, outputs }) => {
    const file = outputs.find(({ name }) => name === "records");
    if (file === undefined) return [];
    const { bytes, records, sha256 } = file;
    const name = join(recordsDir, `records-${String(attempt.task).padStart(5, "0")}.records`);
    return [{ name, bytes, records, sha256 }];
  });
}

function totalsOf(winners: readonly PublicationWinner[]): {
  readonly records: number;
  readonly bytes: number;
} {
  const own = (name: string): boolean => name !== "records" && name !== skippedOutputName;
  const files = winners.flatMap(({ outputs }) => outputs.filter(({ name }) => own(name)));
  return {
    records: files.reduce((sum, file) => sum + file.records, 0),
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  };
}

export function discardOutput(out: string, jobId: string): void {
  discardStaging(out, jobId);
}

/** On the storage that this process sees. */
export const outputService: OutputService = { listInputs, publishOutput, discardOutput };
