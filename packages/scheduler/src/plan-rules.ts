/** What a job's plan comes to, once its input is listed: how many tasks, which may start, and what they read. */
import { FanfoldError, type Plan, type Split, type Stage } from "@fanfold/job";
import { boundariesOf } from "./boundaries.js";
import type { JobRecord } from "./job-record.js";
import { partitionsPerSlot } from "./limits.js";
import { StageTable } from "./stage-table.js";
import type { TableEvent } from "./table-event.js";

/** Stages of one plan; more than any pipeline has, few enough to walk at every event. */
const stagesMax = 64;

/**
 * Refuses a plan that is no plan, before it is in the log for good.
 *
 * @throws `JOB_INVALID`.
 */
export function checkPlan(plan: Plan): void {
  if (plan.stages.length < 1 || plan.stages.length > stagesMax) {
    throw new FanfoldError("JOB_INVALID", `a plan has 1 to ${stagesMax} stages, not ${plan.stages.length}`);
  }
  plan.stages.forEach((stage, index) => {
    const isEarlier = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < index;
    const { input, output } = stage;
    const sources = input.type === "shuffle" ? [...stage.after, input.from] : stage.after;
    const isSound =
      stage.id === index &&
      sources.every(isEarlier) &&
      (input.type !== "shuffle" ||
        (plan.stages[input.from]?.output.type === "shuffle" && stage.after.includes(input.from))) &&
      (output.type !== "boundaries" || plan.stages[output.to]?.after.includes(index) === true);
    if (!isSound) throw new FanfoldError("JOB_INVALID", `stage ${index} of the plan does not fit the others`);
  });
  if (!plan.stages.some((stage) => stage.output.type === "sink")) {
    throw new FanfoldError("JOB_INVALID", "no stage of the plan makes output");
  }
}

/** How many partitions a job's shuffle has: what it asks for, else two a slot of the cluster, at least two. */
export function partitionsFor(plan: Plan, reducers: number | undefined, slots: number): number {
  if (!plan.stages.some((stage) => stage.output.type === "shuffle")) return 0;
  return Math.max(1, Math.floor(reducers ?? Math.max(2, partitionsPerSlot * slots)));
}

/** Makes the stages of a job whose splits are known. */
export function createStages(job: JobRecord): StageTable[] {
  return job.spec.plan.stages.map((stage) => new StageTable(stage, taskCount(stage, job)));
}

function taskCount({ input }: Stage, job: JobRecord): number {
  switch (input.type) {
    case "splits":
      return job.splits.length;
    case "splitSample":
      return Math.min(input.tasksMax, job.splits.length);
    case "shuffle":
      return job.partitions;
  }
}

/** The split that a task reads; sample tasks are spread evenly over all. `undefined` for a task of a shuffle. */
export function splitOf(job: JobRecord, stage: StageTable, task: number): Split | undefined {
  if (stage.stage.input.type === "shuffle") return undefined;
  if (stage.stage.input.type === "splits") return job.splits[task];
  return job.splits[Math.floor((task * job.splits.length) / stage.tasks)];
}

/** Opens every stage that has become ready; those without tasks are done at once. */
export function openStages(job: JobRecord, atMs: number, events: TableEvent[]): void {
  for (const stage of job.stages) {
    if (stage.startedMs !== null || !job.isReady(stage)) continue;
    stage.startedMs = atMs;
    if (stage.tasks === 0) closeStage(job, stage, atMs, events);
  }
}

/** To be called when a stage's last task is done, for the first time or again. */
export function closeStage(job: JobRecord, stage: StageTable, atMs: number, events: TableEvent[]): void {
  stage.finishedMs = atMs;
  if (stage.stage.output.type === "boundaries") {
    const samples = [...stage.sampleKeys].sort(([a], [b]) => a - b).map(([, keys]) => keys);
    job.stages[stage.stage.output.to]!.boundaries = boundariesOf(samples, job.partitions);
    stage.sampleKeys.clear();
  }
  events.push({ type: "stageDone", jobId: job.id, stage: stage.stage.id });
  openStages(job, atMs, events);
}
