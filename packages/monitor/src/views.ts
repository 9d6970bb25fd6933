/** What each route of the JSON side answers. */
import { toleranceText } from "@fanfold/coordinator";
import {
  attemptsView,
  type ClusterHistory,
  isEventId,
  type JobHistory,
  type StageView,
  stageView,
} from "@fanfold/history";
import { FanfoldError } from "@fanfold/job";
import type {
  ClusterSummary,
  ClusterView,
  ConsensusView,
  JobLogEntry,
  JobsView,
  JobView,
  LogsView,
  ReplicaView,
  WorkersView,
} from "@fanfold/protocol";
import type { JobRecord, JobSummary } from "@fanfold/scheduler";
import type { Query } from "./query.js";
import type { FoundRoute } from "./routes.js";

export interface ViewSources {
  readonly history: ClusterHistory;
  /** By time. */
  jobLog(jobId: string): readonly JobLogEntry[];
  /** Names row numbers and the like: they mean nothing to another process. */
  readonly source: string;
  readonly version: string;
  readonly ownId: string;
  cluster(): ClusterSummary;
  /** Newest first. */
  jobs(): readonly JobSummary[];
  job(jobId: string): JobSummary | undefined;
  record(jobId: string): JobRecord | undefined;
  workers(): WorkersView["workers"];
  replica(): ReplicaView;
  /** Of all replicas that answer. */
  replicas(): Promise<readonly ReplicaView[]>;
}

const jobsPerAnswerMax = 200;
const inputsShownMax = 100;
const logsPerAnswerMax = 5_000;
const eventsPerAnswerMax = 2_000;

export async function viewOf(found: FoundRoute, query: Query, sources: ViewSources): Promise<object> {
  const { params, route } = found;
  const jobId = params["job"] ?? "";
  switch (route.name) {
    case "cluster":
      query.refuseOthers();
      return clusterView(sources);
    case "consensus":
      query.refuseOthers();
      return consensusView(sources);
    case "replica":
      query.refuseOthers();
      return sources.replica();
    case "workers":
      query.refuseOthers();
      return { workers: sources.workers() };
    case "events":
      return eventsView(sources, query, undefined);
    case "jobEvents":
      jobOf(sources, jobId);
      return eventsView(sources, query, jobId);
    case "jobs":
      return jobsView(sources, query);
    case "job":
      query.refuseOthers();
      return jobView(sources, jobId);
    case "stage":
      query.refuseOthers();
      return stageViewOf(sources, jobId, params["stage"] ?? "");
    case "attempts":
      return attemptsViewOf(sources, jobId, query);
    case "shuffle":
      query.refuseOthers();
      jobOf(sources, jobId);
      return { jobId, shuffles: sources.history.job(jobId)?.shuffles() ?? [] };
    case "logs":
      return logsView(sources, jobId, query);
    default:
      throw new FanfoldError("INTERNAL", `No view for ${route.name}.`);
  }
}

function jobOf(sources: ViewSources, jobId: string): JobSummary {
  const job = sources.job(jobId);
  if (job === undefined) throw new FanfoldError("JOB_UNKNOWN", `There is no job ${jobId}.`);
  return job;
}

function historyOf(sources: ViewSources, jobId: string): JobHistory | undefined {
  return sources.history.job(jobId);
}

function clusterView(sources: ViewSources): ClusterView {
  const cluster = sources.cluster();
  const { isLeader, leader } = cluster;
  return { source: { replica: sources.ownId, isLeader, leader }, cluster, version: sources.version };
}

async function consensusView(sources: ViewSources): Promise<ConsensusView> {
  const cluster = sources.cluster();
  const replicas = await sources.replicas();
  return { cluster, tolerance: toleranceText(cluster), reigns: sources.history.reigns, replicas };
}

function jobsView(sources: ViewSources, query: Query): JobsView {
  const search = query.text("search")?.toLowerCase() ?? "";
  const state = query.text("state");
  const before = query.text("before");
  const limit = Math.min(query.whole("limit") ?? jobsPerAnswerMax, jobsPerAnswerMax);
  query.refuseOthers();
  const all = sources.jobs();
  const byState: Record<string, number> = {};
  for (const job of all) byState[job.state] = (byState[job.state] ?? 0) + 1;
  const fitting = all.filter((job) => (state === undefined || job.state === state) && fits(job, search));
  const from = before === undefined ? 0 : fitting.findIndex(({ id }) => id === before) + 1;
  const jobs = fitting.slice(from, from + limit);
  const isEnd = from + limit >= fitting.length;
  return { jobs, total: fitting.length, next: isEnd ? null : (jobs.at(-1)?.id ?? null), byState };
}

function fits({ id, name, out, error }: JobSummary, search: string): boolean {
  return search === "" || [id, name, out, error?.code].some((text) => text?.toLowerCase().includes(search));
}

function jobView(sources: ViewSources, jobId: string): JobView {
  const job = jobOf(sources, jobId);
  const record = sources.record(jobId);
  if (record === undefined) throw new FanfoldError("JOB_UNKNOWN", `There is no job ${jobId}.`);
  const { spec, splits, partitions, isFinished } = record;
  const { bundle, inputs, reader, options } = spec;
  return {
    job,
    spec: {
      bundle,
      inputs: inputs.slice(0, inputsShownMax),
      inputsTotal: inputs.length,
      reader: reader.kind,
      options,
    },
    plan: spec.plan.stages,
    splits: isFinished ? null : splits.length,
    partitions: isFinished && partitions === 0 ? null : partitions,
    attempts: historyOf(sources, jobId)?.attempts.length ?? 0,
  };
}

function stageViewOf(sources: ViewSources, jobId: string, text: string): StageView {
  const stage = jobOf(sources, jobId).stages.find(({ id }) => String(id) === text);
  if (stage === undefined) throw new FanfoldError("JOB_UNKNOWN", `Job ${jobId} has no stage ${text}.`);
  return { ...stageView(historyOf(sources, jobId), stage), jobId };
}

function attemptsViewOf(sources: ViewSources, jobId: string, query: Query): object {
  const since = query.whole("since") ?? 0;
  const limit = query.whole("limit");
  const stage = query.whole("stage");
  const task = query.whole("task");
  query.refuseOthers();
  jobOf(sources, jobId);
  return attemptsView(
    historyOf(sources, jobId),
    { jobId, source: sources.source },
    { since, limit, stage, task },
  );
}

function logsView(sources: ViewSources, jobId: string, query: Query): LogsView {
  const limit = Math.min(query.whole("limit") ?? logsPerAnswerMax, logsPerAnswerMax);
  const level = query.text("level");
  const text = query.text("text")?.toLowerCase();
  const task = query.whole("task");
  query.refuseOthers();
  jobOf(sources, jobId);
  const fitting = sources
    .jobLog(jobId)
    .filter(
      (entry) =>
        (level === undefined || entry.level === level) &&
        (task === undefined || entry.attempt.task === task) &&
        (text === undefined || entry.message.toLowerCase().includes(text)),
    );
  return { jobId, total: fitting.length, entries: fitting.slice(-limit) };
}

function eventsView(sources: ViewSources, query: Query, jobId: string | undefined): object {
  const after = query.text("after") ?? "";
  const limit = Math.min(query.whole("limit") ?? eventsPerAnswerMax, eventsPerAnswerMax);
  query.refuseOthers();
  if (after !== "" && !isEventId(after))
    throw new FanfoldError("USAGE", '"after" must be the id of an event.');
  const events = sources.history.events(jobId, after);
  // Without a place to go on from, the latest are wanted.
  return { events: after === "" ? events.slice(-limit) : events.slice(0, limit) };
}
