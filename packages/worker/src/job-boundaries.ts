/** Where the keys of range-partitioned jobs are cut, as the coordinator has told; once a map stage. */
import { FanfoldError } from "@fanfold/job";
import type { AttemptId, MapAssignment, SendBoundaries } from "@fanfold/scheduler";

export class JobBoundaries {
  readonly #stages = new Map<string, readonly Uint8Array[]>();

  apply({ jobId, stage, boundaries }: Omit<SendBoundaries, "workerId" | "type">): void {
    this.#stages.set(nameOf({ jobId, stage }), boundaries);
  }

  /** Of a map task; `undefined` when its keys are hashed. @throws `INTERNAL` when they have not come. */
  of({ attempt, boundaryCount }: MapAssignment): readonly Uint8Array[] | undefined {
    if (boundaryCount === undefined) return undefined;
    const known = this.#stages.get(nameOf(attempt));
    if (known?.length === boundaryCount) return known;
    throw new FanfoldError("INTERNAL", `knows ${known?.length ?? 0} of ${boundaryCount} boundaries`);
  }

  forget(jobId: string): void {
    for (const name of this.#stages.keys()) if (name.startsWith(`${jobId}/`)) this.#stages.delete(name);
  }
}

function nameOf({ jobId, stage }: Pick<AttemptId, "jobId" | "stage">): string {
  return `${jobId}/${stage}`;
}
