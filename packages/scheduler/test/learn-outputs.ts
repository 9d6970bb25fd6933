/** What a worker of the tests makes of the places of outputs: it knows them, and tells the attempts that read them. */
import type { SendMapOutputs } from "../src/index.js";
import type { FakeWorker } from "./driver.js";

export function learnOutputs(
  worker: FakeWorker,
  { jobId, stage, isComplete, holders, entries }: SendMapOutputs,
): void {
  const name = `${jobId}/${stage}`;
  const known = isComplete ? new Map() : (worker.outputs.get(name) ?? new Map());
  for (const [id, { kind, attempt, ...rest }] of worker.running) {
    if (kind !== "reduce" || attempt.jobId !== jobId || !("mapStage" in rest) || rest.mapStage !== stage)
      continue;
    for (const { task } of entries) worker.told.get(id)!.add(task);
  }
  for (const { task, attempt, epoch, holder } of entries) {
    known.set(task, { workerId: holders[holder]!.workerId, attempt, epoch });
  }
  worker.outputs.set(name, known);
}
