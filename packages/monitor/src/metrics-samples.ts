/** The figures of `/metrics`, gathered at the moment they are asked for. */
import type { ClusterSummary, WorkerView } from "@fanfold/protocol";
import type { JobSummary } from "@fanfold/scheduler";
import type { MetricsCounts } from "./metrics-counts.js";
import type { Sample } from "./metrics-text.js";
import type { SyncLatency } from "./sync-latency.js";

export interface MetricsSources {
  readonly counts: MetricsCounts;
  readonly sync: SyncLatency;
  readonly cluster: ClusterSummary;
  readonly jobs: readonly JobSummary[];
  readonly workers: readonly WorkerView[];
  readonly reigns: number;
  readonly streams: number;
  readonly loopLagMs: number;
  readonly startedMs: number;
}

const jobStates = ["pending", "running", "paused", "committing", "succeeded", "failed", "cancelled"] as const;

export function metricsSamples(sources: MetricsSources): Sample[] {
  return [
    ...jobSamples(sources),
    ...attemptSamples(sources),
    ...workerSamples(sources),
    ...consensusSamples(sources),
    ...processSamples(sources),
  ];
}

function jobSamples({ jobs, counts }: MetricsSources): Sample[] {
  const live = jobs.filter(({ times }) => times.finishedMs === null).flatMap(({ stages }) => stages);
  const sum = (of: (stage: JobSummary["stages"][number]) => number): number =>
    live.reduce((total, stage) => total + of(stage), 0);
  return [
    ...jobStates.map(
      (state): Sample => ({
        name: "jobs",
        labels: { state },
        value: jobs.filter((job) => job.state === state).length,
      }),
    ),
    ...["succeeded", "failed", "cancelled"].map(
      (outcome): Sample => ({
        name: "jobs_finished_total",
        labels: { outcome },
        value: counts.jobs.get(outcome) ?? 0,
      }),
    ),
    { name: "tasks_pending", value: sum(({ tasks, done, running }) => Math.max(0, tasks - done - running)) },
    { name: "tasks_running", value: sum(({ running }) => running) },
    { name: "tasks_done", value: sum(({ done }) => done) },
  ];
}

function attemptSamples({ counts }: MetricsSources): Sample[] {
  return [
    ...[...counts.attempts].map(
      ([outcome, value]): Sample => ({ name: "attempts_total", labels: { outcome }, value }),
    ),
    { name: "attempt_duration_seconds", value: counts.durations },
    { name: "records_read_total", value: counts.recordsIn },
    { name: "input_bytes_total", value: counts.bytesIn },
    { name: "output_bytes_total", value: counts.bytesOut },
    { name: "spilled_bytes_total", value: counts.spilledBytes },
  ];
}

function workerSamples({ workers }: MetricsSources): Sample[] {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = workers.reduce((sum, worker) => sum + Math.min(worker.running, worker.slots), 0);
  return [
    ...(["active", "draining", "quarantined"] as const).map(
      (state): Sample => ({
        name: "workers",
        labels: { state },
        value: workers.filter((worker) => worker.state === state).length,
      }),
    ),
    { name: "slots", labels: { use: "busy" }, value: busy },
    { name: "slots", labels: { use: "free" }, value: slots - busy },
    // By the name that stays the same over restarts, or the series would never end.
    ...workers.flatMap(({ name, load, phi }): Sample[] => [
      ...(load === null
        ? []
        : [
            { name: "worker_resident_memory_bytes" as const, labels: { worker: name }, value: load.rssBytes },
          ]),
      { name: "worker_phi", labels: { worker: name }, value: phi },
    ]),
  ];
}

function consensusSamples({ cluster, sync, reigns }: MetricsSources): Sample[] {
  const decided = Math.max(0, ...cluster.replicas.map(({ decidedIndex }) => decidedIndex ?? 0));
  return [
    { name: "is_leader", value: cluster.isLeader ? 1 : 0 },
    { name: "replicas_reachable", value: cluster.replicas.filter(({ reachable }) => reachable).length },
    { name: "tolerated_failures", value: cluster.toleratedFailures },
    { name: "log_decided_index", value: decided },
    { name: "reigns_total", value: reigns },
    { name: "log_sync_seconds", value: sync.histogram },
  ];
}

function processSamples({ counts, streams, loopLagMs, startedMs }: MetricsSources): Sample[] {
  const { user, system } = process.cpuUsage();
  return [
    { name: "process_resident_memory_bytes", value: process.memoryUsage.rss() },
    { name: "process_cpu_seconds_total", value: (user + system) / 1e6 },
    { name: "process_start_time_seconds", value: startedMs / 1_000 },
    { name: "event_loop_lag_seconds", value: loopLagMs / 1_000 },
    ...[...counts.requests].map(([key, value]): Sample => {
      const [route = "", status = ""] = key.split(" ");
      return { name: "http_requests_total", labels: { route, status }, value };
    }),
    ...(["rate", "message", "silence"] as const).map(
      (why): Sample => ({
        name: "links_cut_total",
        labels: { why },
        value: counts.linkCuts.get(why) ?? 0,
      }),
    ),
    { name: "event_streams", value: streams },
  ];
}
