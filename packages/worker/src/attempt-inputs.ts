/** What attempts read that came apart from their assignments: places of map outputs, and boundaries of ranges. */
import type { MapAssignment, ReduceAssignment } from "@fanfold/scheduler";
import type { LiveAttempt } from "./attempts-at-hand.js";
import type { RunOrder } from "./executor-pool.js";
import { JobBoundaries } from "./job-boundaries.js";
import { MapOutputs } from "./map-outputs.js";

export interface AttemptInputsOptions {
  readonly hostId: string;
  /** `false`: fetch segments of this machine over the network too. */
  readonly readsLocalSegments: boolean;
  /** Whether nobody reads segments from elsewhere. */
  readonly isAlone: boolean;
}

export class AttemptInputs {
  readonly #options: AttemptInputsOptions;
  readonly mapOutputs: MapOutputs = new MapOutputs();
  readonly boundaries: JobBoundaries = new JobBoundaries();

  constructor(options: AttemptInputsOptions) {
    this.#options = options;
  }

  /** @throws `INTERNAL` when something has not come that should have. */
  of({ assignment, segmentsToken }: Pick<LiveAttempt, "assignment" | "segmentsToken">): Partial<RunOrder> {
    switch (assignment.kind) {
      case "sample":
        return {};
      case "map":
        return this.#ofMap(assignment);
      case "reduce":
        return this.#ofReduce(assignment, segmentsToken);
    }
  }

  forget(jobId: string): void {
    this.mapOutputs.forget(jobId);
    this.boundaries.forget(jobId);
  }

  #ofMap(assignment: MapAssignment): Partial<RunOrder> {
    const boundaries = this.boundaries.of(assignment);
    const local = this.#options.isAlone ? { isLocal: true } : {};
    return boundaries === undefined ? local : { boundaries, ...local };
  }

  #ofReduce({ attempt, mapStage }: ReduceAssignment, token: string): Partial<RunOrder> {
    const { hostId, readsLocalSegments } = this.#options;
    const isLocal = (holder: { readonly hostId: string | undefined }): boolean =>
      readsLocalSegments && holder.hostId === hostId;
    return { sources: this.mapOutputs.sourcesOf(attempt.jobId, mapStage, token, isLocal) };
  }
}
