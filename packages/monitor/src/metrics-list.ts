/**
 * Every metric that a coordinator has, in one list: the text of `/metrics`, the documentation and the Grafana dashboard
 * are made from it. Base units, `_total` for what only rises, and no job's id in a label: their number has no bound.
 */

export type MetricType = "counter" | "gauge" | "histogram";

export interface Metric {
  /** Without the prefix `fanfold_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly labels: readonly string[];
  /** Of the dashboard's row that it is shown in. */
  readonly group: "Jobs" | "Attempts" | "Workers" | "Consensus" | "Process";
  /** Grafana's unit. */
  readonly unit: "short" | "bytes" | "s" | "Bps" | "cps" | "bool";
}

export const metricPrefix = "fanfold_";

function metric(
  group: Metric["group"],
  type: MetricType,
  name: string,
  unit: Metric["unit"],
  help: string,
  labels: readonly string[] = [],
): Metric {
  return { group, type, name, unit, help, labels };
}

export const metrics: readonly Metric[] = [
  metric("Jobs", "gauge", "jobs", "short", "Jobs in the table, by state.", ["state"]),
  metric(
    "Jobs",
    "counter",
    "jobs_finished_total",
    "short",
    "Jobs that have ended since this replica began, by outcome.",
    ["outcome"],
  ),
  metric(
    "Jobs",
    "gauge",
    "tasks_pending",
    "short",
    "Tasks of unfinished jobs that wait for a slot or for a stage before them.",
  ),
  metric("Jobs", "gauge", "tasks_running", "short", "Attempts that run now, as the leader knows."),
  metric("Jobs", "gauge", "tasks_done", "short", "Tasks of unfinished jobs that have a winner."),
  metric("Attempts", "counter", "attempts_total", "short", "Attempts that have ended, by outcome.", [
    "outcome",
  ]),
  metric("Attempts", "histogram", "attempt_duration_seconds", "s", "How long winning attempts took."),
  metric("Attempts", "counter", "records_read_total", "cps", "Records that winning attempts read."),
  metric("Attempts", "counter", "input_bytes_total", "Bps", "Bytes that winning attempts read."),
  metric("Attempts", "counter", "output_bytes_total", "Bps", "Bytes that winning attempts wrote."),
  metric("Attempts", "counter", "spilled_bytes_total", "Bps", "Bytes that winning attempts spilled to disk."),
  metric("Workers", "gauge", "workers", "short", "Workers that are connected to the leader, by state.", [
    "state",
  ]),
  metric("Workers", "gauge", "slots", "short", "Slots of connected workers, by use.", ["use"]),
  metric(
    "Workers",
    "gauge",
    "worker_resident_memory_bytes",
    "bytes",
    "Memory of a worker's daemon and executors.",
    ["worker"],
  ),
  metric(
    "Workers",
    "gauge",
    "worker_phi",
    "short",
    "How surely a worker is dead; 8 is one wrong suspicion in a hundred million.",
    ["worker"],
  ),
  metric("Consensus", "gauge", "is_leader", "bool", "1 where this replica leads."),
  metric(
    "Consensus",
    "gauge",
    "replicas_reachable",
    "short",
    "Replicas that this one hears of, itself included.",
  ),
  metric(
    "Consensus",
    "gauge",
    "tolerated_failures",
    "short",
    "Replicas that may still fail; below 0 there is no quorum.",
  ),
  metric(
    "Consensus",
    "gauge",
    "log_decided_index",
    "short",
    "Log index up to which this replica knows what was decided.",
  ),
  metric(
    "Consensus",
    "counter",
    "reigns_total",
    "short",
    "Reigns that have begun, as this replica's log says.",
  ),
  metric(
    "Consensus",
    "histogram",
    "log_sync_seconds",
    "s",
    "From a record handed to the disk to its being durable.",
  ),
  metric("Process", "gauge", "process_resident_memory_bytes", "bytes", "Memory of this coordinator."),
  metric("Process", "counter", "process_cpu_seconds_total", "s", "Processor time of this coordinator."),
  metric(
    "Process",
    "gauge",
    "process_start_time_seconds",
    "s",
    "When this coordinator began, in seconds since 1970.",
  ),
  metric("Process", "gauge", "event_loop_lag_seconds", "s", "How late the last heartbeat's timer was."),
  metric("Process", "counter", "http_requests_total", "short", "Requests answered, by route and status.", [
    "route",
    "status",
  ]),
  metric(
    "Process",
    "counter",
    "links_cut_total",
    "short",
    "Links that were closed on a peer: it said too much, what does not fit, or nothing.",
    ["why"],
  ),
  metric("Process", "gauge", "event_streams", "short", "Pages that listen for news."),
];
