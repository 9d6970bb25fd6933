/**
 * Says in words what a job waits for, from what the leader tells of it and of the cluster. Decides only; asking and
 * printing is somebody else's.
 */

import { keySkewOf } from "@fanfold/scheduler";
import type { ClusterEvent, ClusterSummary, JobSummary, StageSummary } from "fanfold";
import { countText, durationText } from "./figures.js";
import { quarantineLine } from "./worker-text.js";

export interface Reason {
  /** For programs; stable. */
  readonly code:
    | "ended"
    | "noQuorum"
    | "noWorkers"
    | "listingInputs"
    | "paused"
    | "publishing"
    | "waitsForStage"
    | "preparing"
    | "noFreeSlot"
    | "running"
    | "starting"
    | "failures"
    | "losses"
    | "quarantined"
    | "skew"
    | "fewMayFail";
  readonly text: string;
}

export interface WhySources {
  /** Undefined when nobody leads, and nobody can tell. */
  readonly job: JobSummary | undefined;
  readonly cluster: ClusterSummary;
  /** Of the job, oldest first. */
  readonly events: readonly ClusterEvent[];
  readonly nowMs: number;
}

/** What holds the job up comes first, then what slows it, then what may. */
export function reasonsFor({ job, cluster, events, nowMs }: WhySources): Reason[] {
  if (cluster.leader === null || cluster.toleratedFailures < 0) return [quorumReason(cluster)];
  if (job === undefined) return [];
  const held = holdUps(job, cluster, nowMs);
  return [
    ...held,
    ...setbacks(job, events),
    ...quarantines(job, cluster),
    ...skews(job),
    ...warnings(job, cluster),
  ];
}

function quorumReason({ replicas }: ClusterSummary): Reason {
  const away = replicas.filter(({ reachable }) => !reachable).map(({ id }) => id);
  const quorum = Math.floor(replicas.length / 2) + 1;
  if (away.length === 0) {
    return { code: "noQuorum", text: "no leader yet: an election is under way; ask again in a second" };
  }
  const needed = `${quorum} of ${replicas.length} replicas are needed`;
  return {
    code: "noQuorum",
    text: `quorum lost: ${away.join(", ")} unreachable, and ${needed}; running tasks go on, nothing is decided`,
  };
}

function holdUps(job: JobSummary, cluster: ClusterSummary, nowMs: number): Reason[] {
  const { state, error } = job;
  switch (state) {
    case "succeeded":
      return [{ code: "ended", text: "it waits for nothing: it has succeeded" }];
    case "cancelled":
      return [{ code: "ended", text: `it was cancelled; again: fanfold retry ${job.id}` }];
    case "failed": {
      const why = error === null ? "" : `: ${error.code}: ${error.message}`;
      return [{ code: "ended", text: `it has failed${why}; again: fanfold retry ${job.id}` }];
    }
    case "paused":
      return [{ code: "paused", text: `somebody paused it; go on: fanfold resume ${job.id}` }];
  }
  if (cluster.workers.length === 0) {
    return [{ code: "noWorkers", text: "no worker is connected; start one: fanfold worker --help" }];
  }
  if (state === "pending") {
    const since = durationText(nowMs - job.times.submittedMs);
    return [{ code: "listingInputs", text: `its input is being listed by a worker, since ${since}` }];
  }
  if (job.commit === "preparing") {
    return [{ code: "preparing", text: "all tasks are done, and its output is being put together" }];
  }
  if (state === "committing") return [{ code: "publishing", text: "its output is being published" }];
  return job.stages.flatMap((stage) => stageReasons(stage, job, cluster));
}

function stageReasons(stage: StageSummary, job: JobSummary, cluster: ClusterSummary): Reason[] {
  if (stage.tasks === 0 || stage.done === stage.tasks) return [];
  if (stage.startedMs === null) {
    const before = job.stages.filter(({ id, done, tasks }) => id < stage.id && done < tasks).at(-1);
    if (before === undefined) return [];
    const text = `${stage.kind} waits for ${before.kind}: ${before.done} of ${before.tasks} tasks done`;
    return [{ code: "waitsForStage", text }];
  }
  const waiting = stage.tasks - stage.done - stage.running;
  const reasons: Reason[] = [];
  if (stage.running > 0) {
    const text = `${stage.kind}: ${countText(stage.running)} running, ${countText(stage.done)} of ${countText(stage.tasks)} done`;
    reasons.push({ code: "running", text });
  }
  if (waiting > 0) reasons.push(waitingReason(stage, waiting, job, cluster));
  return reasons;
}

function waitingReason(
  { kind }: StageSummary,
  waiting: number,
  job: JobSummary,
  { workers }: ClusterSummary,
): Reason {
  const taking = workers.filter(({ state }) => state === undefined || state === "active");
  const slots = taking.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.reduce((sum, worker) => sum + worker.running, 0);
  const own = job.stages.reduce((sum, stage) => sum + stage.running, 0);
  const tasks = `${countText(waiting)} ${kind} ${waiting === 1 ? "task waits" : "tasks wait"}`;
  if (busy < slots) return { code: "starting", text: `${tasks}: ${slots - busy} of ${slots} slots are free` };
  const others = busy > own ? ` (${busy - own} by other jobs)` : "";
  return { code: "noFreeSlot", text: `${tasks}: no free slot: ${busy} of ${slots} busy${others}` };
}

function setbacks(job: JobSummary, events: readonly ClusterEvent[]): Reason[] {
  if (job.times.finishedMs !== null) return [];
  const reasons: Reason[] = [];
  const failed = job.stages.reduce((sum, stage) => sum + stage.failed, 0);
  const lost = job.stages.reduce((sum, stage) => sum + stage.lost, 0);
  const last = events.findLast(({ type }) => type === "attemptFailed" || type === "attemptExited");
  if (failed > 0) {
    const latest = last === undefined ? "" : `; the last: ${last.text.replaceAll("\n", " ")}`;
    reasons.push({ code: "failures", text: `${failed} attempts have failed and were run again${latest}` });
  }
  if (lost > 0) {
    reasons.push({ code: "losses", text: `${lost} attempts were lost with their workers and run again` });
  }
  return reasons;
}

function quarantines(job: JobSummary, { workers }: ClusterSummary): Reason[] {
  if (job.times.finishedMs !== null) return [];
  return workers.flatMap(quarantineLine).map((text) => ({ code: "quarantined", text }));
}

/** Also of a job that has ended: it says what made it slow. */
function skews({ stages }: JobSummary): Reason[] {
  return stages.flatMap(({ metrics }) =>
    keySkewOf(metrics ?? {})
      .slice(0, skewsShown)
      .map(({ key, share, partition }): Reason => {
        const text = `key ${key} is ${Math.round(share * 100)} % of partition ${partition}, which is larger than the others`;
        return { code: "skew", text };
      }),
  );
}

const skewsShown = 3;

function warnings(job: JobSummary, { toleratedFailures, replicas }: ClusterSummary): Reason[] {
  if (job.times.finishedMs !== null || replicas.length === 1 || toleratedFailures > 0) return [];
  const away = replicas.filter(({ reachable }) => !reachable).map(({ id }) => id);
  return [
    { code: "fewMayFail", text: `no further coordinator may fail: ${away.join(", ") || "none"} unreachable` },
  ];
}
