/**
 * A job as OpenTelemetry spans: job → stage → attempt, with the times that the log and the leader know. They are written
 * when the job has ended, by whoever leads then and from what it remembers: so a job that has seen three leaders is
 * one trace all the same, and none of its spans is lost with a leader that died before it could end them.
 *
 * Only the API is used. Without an SDK that the user brings, its tracer does nothing, and neither does this.
 */
import { attemptStates, type JobHistory } from "@fanfold/history";
import type { JobSummary } from "@fanfold/scheduler";
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** Attempts of one job that become spans: what went wrong first. More would drown the reader and the exporter. */
export const attemptSpansMax = 10_000;

type Stage = JobSummary["stages"][number];

export function writeJobTrace(tracer: Tracer, job: JobSummary, history: JobHistory | undefined): void {
  const { submittedMs, finishedMs } = job.times;
  const root = tracer.startSpan(`job ${job.name}`, { startTime: new Date(submittedMs), root: true });
  if (!root.isRecording()) {
    root.end();
    return;
  }
  const endMs = finishedMs ?? Date.now();
  root.setAttributes({
    "fanfold.job.id": job.id,
    "fanfold.job.name": job.name,
    "fanfold.job.state": job.state,
  });
  if (job.out !== null) root.setAttribute("fanfold.job.out", job.out);
  if (job.error !== null) {
    const { code, message, stack } = job.error;
    root.recordException({ name: code, message, ...(stack === undefined ? {} : { stack }) }, new Date(endMs));
    root.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  const inJob = trace.setSpan(ROOT_CONTEXT, root);
  const inStage = new Map<number, { span: Span; context: Context }>();
  for (const stage of job.stages) {
    if (stage.startedMs === null) continue;
    const span = startStage(tracer, stage, inJob);
    inStage.set(stage.id, { span, context: trace.setSpan(inJob, span) });
  }
  const omitted =
    history === undefined
      ? 0
      : writeAttempts(tracer, history, endMs, (stage) => inStage.get(stage)?.context ?? inJob);
  for (const stage of job.stages) inStage.get(stage.id)?.span.end(new Date(stage.finishedMs ?? endMs));
  if (omitted > 0) root.setAttribute("fanfold.attempts.omitted", omitted);
  root.end(new Date(endMs));
}

function startStage(tracer: Tracer, stage: Stage, parent: Context): Span {
  const span = tracer.startSpan(
    `stage ${stage.id} ${stage.kind}`,
    { startTime: new Date(stage.startedMs ?? 0) },
    parent,
  );
  span.setAttributes({
    "fanfold.stage.id": stage.id,
    "fanfold.stage.kind": stage.kind,
    "fanfold.stage.tasks": stage.tasks,
    "fanfold.attempts.failed": stage.failed,
    "fanfold.attempts.lost": stage.lost,
    "fanfold.records.in": stage.recordsIn,
    "fanfold.bytes.in": stage.bytesIn,
    "fanfold.bytes.out": stage.bytesOut,
  });
  return span;
}

/** Gives how many were left out. */
function writeAttempts(
  tracer: Tracer,
  history: JobHistory,
  endMs: number,
  parentOf: (stage: number) => Context,
): number {
  const { attempts } = history;
  const rows = Array.from({ length: attempts.length }, (_, row) => row);
  const won = attemptStates.indexOf("won");
  if (rows.length > attemptSpansMax)
    rows.sort((a, b) => Number(attempts.state[a] === won) - Number(attempts.state[b] === won));
  for (const row of rows.slice(0, attemptSpansMax)) {
    const state = attemptStates[attempts.state[row]!]!;
    const ended = Number.isNaN(attempts.endMs[row]!) ? endMs : attempts.endMs[row]!;
    const started = Number.isNaN(attempts.startMs[row]!) ? ended : attempts.startMs[row]!;
    const stage = attempts.stage[row]!;
    const name = `attempt ${stage}/${attempts.task[row]}/${attempts.attempt[row]}`;
    const span = tracer.startSpan(name, { startTime: new Date(started) }, parentOf(stage));
    span.setAttributes({
      "fanfold.task": attempts.task[row]!,
      "fanfold.attempt": attempts.attempt[row]!,
      "fanfold.worker": history.workers[attempts.worker[row]!] ?? "",
      "fanfold.attempt.outcome": state,
      "fanfold.records.in": attempts.metrics.recordsIn[row]!,
      "fanfold.bytes.in": attempts.metrics.bytesIn[row]!,
      "fanfold.bytes.out": attempts.metrics.bytesOut[row]!,
    });
    if (state === "failed" || state === "exited")
      span.setStatus({ code: SpanStatusCode.ERROR, message: state });
    span.end(new Date(ended));
  }
  return Math.max(0, rows.length - attemptSpansMax) + history.unrecorded;
}
