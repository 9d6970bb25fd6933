/**
 * The plan: a DAG of stages. Every stage is a set of tasks of one kind; its input is either the job's splits or the
 * shuffle of earlier stages, and its output either a shuffle or the job's output. MapReduce is the plan with two
 * stages; a total-order sort has a `sample` stage before them, whose result is broadcast to the maps.
 */
import type { AnyJob } from "./definition.js";

export type StageInput =
  /** One task a split. */
  | { readonly type: "splits" }
  /** At most `tasksMax` tasks, on splits spread evenly over the input. */
  | { readonly type: "splitSample"; readonly tasksMax: number }
  /** One task a partition, fed by every task of the stage `from`. */
  | { readonly type: "shuffle"; readonly from: number };

export type StageOutput =
  | { readonly type: "shuffle" }
  /** Boundaries of the key ranges, small enough to travel in the log; awaited by the stage `to`. */
  | { readonly type: "boundaries"; readonly to: number; readonly sampleRecordsMax: number }
  | { readonly type: "sink" };

export interface Stage {
  /** Index in `Plan.stages`; a stage only depends on stages with smaller ids. */
  readonly id: number;
  readonly kind: "sample" | "map" | "reduce";
  readonly input: StageInput;
  readonly output: StageOutput;
  /** Stages that must be done before a task of this one may start. */
  readonly after: readonly number[];
}

export interface Plan {
  readonly stages: readonly Stage[];
}

/** How many splits a sample is taken from. */
const sampleTasksMax = 8;

/** The stages that a job compiles to. */
export function compilePlan(job: AnyJob): Plan {
  if (job.reduce === undefined) {
    return {
      stages: [{ id: 0, kind: "map", input: { type: "splits" }, output: { type: "sink" }, after: [] }],
    };
  }
  const partitioner = job.partitioner;
  const isRange = typeof partitioner === "object";
  const first = isRange ? 1 : 0;
  const stages: Stage[] = [];
  if (isRange) {
    const output = { type: "boundaries", to: 1, sampleRecordsMax: partitioner.sampleRecordsMax } as const;
    stages.push({
      id: 0,
      kind: "sample",
      input: { type: "splitSample", tasksMax: sampleTasksMax },
      output,
      after: [],
    });
  }
  stages.push({
    id: first,
    kind: "map",
    input: { type: "splits" },
    output: { type: "shuffle" },
    after: isRange ? [0] : [],
  });
  stages.push({
    id: first + 1,
    kind: "reduce",
    input: { type: "shuffle", from: first },
    output: { type: "sink" },
    after: [first],
  });
  return { stages };
}
