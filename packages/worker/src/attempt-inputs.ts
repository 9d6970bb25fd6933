/** What attempts read that came apart from their assignments: places of map outputs, and boundaries of ranges. */
import type { SegmentSources } from "@fanfold/protocol";
import {
  formatAttemptId,
  type MapAssignment,
  type ReduceAssignment,
  type SendMapOutputs,
} from "@fanfold/scheduler";
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

type Assigned = Pick<LiveAttempt, "assignment" | "segmentsToken">;

interface Waiting {
  readonly assignment: ReduceAssignment;
  readonly segmentsToken: string;
}

/** What a reduce attempt that runs is to be told. */
export interface MoreSources {
  readonly assignment: ReduceAssignment;
  readonly sources: SegmentSources;
  /** With these, it knows of all outputs that it reads. */
  readonly isLast: boolean;
}

export class AttemptInputs {
  readonly #options: AttemptInputsOptions;
  /** Reduce attempts that were given less than all that they read, by name. */
  readonly #waiting = new Map<string, Waiting>();
  readonly mapOutputs: MapOutputs = new MapOutputs();
  readonly boundaries: JobBoundaries = new JobBoundaries();

  constructor(options: AttemptInputsOptions) {
    this.#options = options;
  }

  /** @throws `INTERNAL` when something has not come that should have. */
  of({ assignment, segmentsToken }: Assigned): Partial<RunOrder> {
    switch (assignment.kind) {
      case "sample":
        return {};
      case "map":
        return this.#ofMap(assignment);
      case "reduce":
        return this.#ofReduce(assignment, segmentsToken);
    }
  }

  /**
   * An attempt is assigned, and will begin when its code is here: from now on, also to a leader that comes in between, it
   * waits for what has not been told.
   */
  expect({ assignment, segmentsToken }: Assigned): void {
    if (assignment.kind !== "reduce") return;
    const { attempt, mapStage, mapTasks } = assignment;
    if (this.mapOutputs.countOf(attempt.jobId, mapStage) === mapTasks) return;
    this.#waiting.set(formatAttemptId(attempt), { assignment, segmentsToken });
  }

  /** Whether it is a reduce attempt that has not been told of all outputs. */
  isWaiting(attempt: string): boolean {
    return this.#waiting.has(attempt);
  }

  /** Takes in places of outputs, and gives what attempts are to be told that wait for them and are `live`. */
  learn(
    update: Omit<SendMapOutputs, "workerId" | "type">,
    live: { has(attempt: string): boolean },
  ): readonly MoreSources[] {
    this.mapOutputs.apply(update);
    const { jobId, stage, entries } = update;
    const told: MoreSources[] = [];
    for (const [name, { assignment, segmentsToken }] of this.#waiting) {
      const { attempt, mapStage, mapTasks } = assignment;
      if (!live.has(name)) this.#waiting.delete(name);
      else if (attempt.jobId === jobId && mapStage === stage) {
        const which = { jobId, stage, tasks: entries.map(({ task }) => task) };
        const sources = this.#sourcesOf(which, segmentsToken);
        const isLast = this.mapOutputs.countOf(jobId, stage) === mapTasks;
        if (isLast) this.#waiting.delete(name);
        told.push({ assignment, sources, isLast });
      }
    }
    return told;
  }

  forget(jobId: string): void {
    this.mapOutputs.forget(jobId);
    this.boundaries.forget(jobId);
    for (const [name, { assignment }] of this.#waiting)
      if (assignment.attempt.jobId === jobId) this.#waiting.delete(name);
  }

  #ofMap(assignment: MapAssignment): Partial<RunOrder> {
    const boundaries = this.boundaries.of(assignment);
    const local = this.#options.isAlone ? { isLocal: true } : {};
    return boundaries === undefined ? local : { boundaries, ...local };
  }

  #ofReduce({ attempt, mapStage }: ReduceAssignment, token: string): Partial<RunOrder> {
    return { sources: this.#sourcesOf({ jobId: attempt.jobId, stage: mapStage }, token) };
  }

  #sourcesOf(which: Parameters<MapOutputs["sourcesOf"]>[0], token: string): SegmentSources {
    const { hostId, readsLocalSegments } = this.#options;
    return this.mapOutputs.sourcesOf(
      which,
      token,
      (holder) => readsLocalSegments && holder.hostId === hostId,
    );
  }
}
