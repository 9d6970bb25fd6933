/** What a worker does for a job as a whole, since it sees the storage: lists the input, publishes the output. */
import { join } from "node:path";
import { skippedOutputName } from "@fanfold/dataflow";
import { FanfoldError } from "@fanfold/job";
import type { WorkerOrder, WorkerToCoordinator } from "@fanfold/protocol";
import type { ManifestSummary, PublicationWinner } from "@fanfold/scheduler";
import {
  type AfterStep,
  checkTarget,
  discardStaging,
  planSplits,
  prepareStaging,
  publish,
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
  const { jobId, inputs, reader, splitBytes, out, force } = order;
  try {
    if (out !== null) checkTarget(out, { force });
    const excludes = out === null ? [] : [out];
    const splits = await planSplits({ inputs, reader, splitBytes, excludes });
    if (out !== null) prepareStaging(out, jobId);
    return { type: "inputsListed", jobId, splits };
  } catch (error) {
    return { type: "inputsListed", jobId, error: FanfoldError.from(error, "INPUT_UNREADABLE").toReport() };
  }
}

export async function publishOutput(
  order: PublishOrder,
  recordsDir: string,
  afterStep?: AfterStep,
): Promise<WorkerToCoordinator> {
  const { jobId } = order;
  try {
    return { type: "outputPublished", jobId, manifest: await publishFiles(order, recordsDir, afterStep) };
  } catch (error) {
    return {
      type: "outputPublished",
      jobId,
      error: FanfoldError.from(error, "OUTPUT_UNWRITABLE").toReport(),
    };
  }
}

async function publishFiles(
  order: PublishOrder,
  recordsDir: string,
  afterStep?: AfterStep,
): Promise<ManifestSummary> {
  const { out, jobId, jobName, force, winners, counters, collectRecords } = order;
  if (out === null) return { out, files: [] };
  const request = {
    out,
    jobId,
    jobName,
    force,
    counters,
    tasks: winners.map(({ attempt, kind, outputs }) => ({
      stage: kind,
      index: attempt.task,
      attempt: attempt.attempt,
      outputs,
    })),
    totals: totalsOf(winners),
    fanfoldVersion,
    createdAt: new Date(order.committedMs).toISOString(),
    ...(collectRecords ? { recordsDir } : {}),
  };
  const manifest = await publish(request, afterStep);
  const files = manifest.files.map(({ name, bytes, records, sha256 }) => ({ name, bytes, records, sha256 }));
  return { out, files: collectRecords ? [...files, ...recordsFiles(winners, recordsDir)] : files };
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
