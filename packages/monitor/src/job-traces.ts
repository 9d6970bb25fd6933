/**
 * Jobs as OpenTelemetry spans, job → stage → attempt, with the times that the log and the leader know. An attempt's span
 * is written when the attempt has ended, a stage's when the stage has, and the job's at last: so a job that hangs can
 * be seen up to where it hangs.
 *
 * Only the leader writes. Spans cannot be handed on: when another leads, what is open here ends, marked as left, and the
 * other begins a trace of its own for the rest of the job. Both have the job's id, by which they are found together.
 *
 * Only the API is used. Without an SDK that the user brings, its tracer does nothing, and neither does this.
 */
import type { AttemptEnd } from "@fanfold/history";
import type { AttemptId, JobSummary } from "@fanfold/scheduler";
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";

/** Attempts of one job that become spans, and as many again that went wrong. More would drown reader and exporter. */
export const attemptSpansMax = 10_000;

type Stage = JobSummary["stages"][number];

export interface TracedAttempt extends AttemptEnd {
  readonly attempt: AttemptId;
  readonly workerId: string;
  /** NaN where nobody saw it start and it does not say. */
  readonly durationMs: number;
}

interface OpenSpan {
  readonly span: Span;
  readonly context: Context;
}

interface OpenJob extends OpenSpan {
  readonly stages: Map<number, OpenSpan>;
  readonly endedStages: Set<number>;
  went: number;
  wrong: number;
  omitted: number;
}

/** Jobs that are remembered to be over: attempts that outlive their job report within moments. */
const writtenMax = 1_000;

export class JobTraces {
  readonly #tracer: Tracer;
  readonly #jobOf: (jobId: string) => JobSummary | undefined;
  /** Undefined for a job that nobody wants spans of. */
  readonly #open = new Map<string, OpenJob | undefined>();
  /** Jobs whose trace is written, the latest: what is told of them now comes too late for it. */
  readonly #written = new Set<string>();

  constructor(tracer: Tracer, jobOf: (jobId: string) => JobSummary | undefined) {
    this.#tracer = tracer;
    this.#jobOf = jobOf;
  }

  /** Whether spans of this job are wanted; as long as it is not known, they may be. */
  follows(jobId: string): boolean {
    return !this.#open.has(jobId) || this.#open.get(jobId) !== undefined;
  }

  /** Begins what has begun, and ends the stages that have ended. */
  look(job: JobSummary): void {
    const open = this.#openJob(job);
    if (open === undefined) return;
    for (const stage of job.stages) {
      if (stage.startedMs === null) continue;
      const known = open.stages.get(stage.id) ?? this.#beginStage(stage, open);
      if (stage.finishedMs !== null && !open.endedStages.has(stage.id)) {
        open.endedStages.add(stage.id);
        endStage(known.span, stage, stage.finishedMs);
      }
    }
  }

  attemptEnded(end: TracedAttempt): void {
    const { jobId, stage } = end.attempt;
    if (!this.follows(jobId)) return;
    if (this.#open.get(jobId)?.stages.has(stage) !== true) {
      const job = this.#jobOf(jobId);
      // The attempt that ends its job is told of when the job is over already.
      if (job !== undefined && !this.#written.has(jobId)) this.look(job);
    }
    const open = this.#open.get(jobId);
    if (open !== undefined) this.#writeAttempt(end, open);
  }

  /** To be called after the last of its attempts. */
  jobEnded(job: JobSummary): void {
    this.look(job);
    const open = this.#open.get(job.id);
    this.#open.delete(job.id);
    this.#noteWritten(job.id);
    if (open === undefined) return;
    const endMs = job.times.finishedMs ?? Date.now();
    for (const stage of job.stages) {
      const known = open.stages.get(stage.id);
      if (known !== undefined && !open.endedStages.has(stage.id)) endStage(known.span, stage, endMs);
    }
    const { span, omitted } = open;
    span.setAttribute("fanfold.job.state", job.state);
    if (omitted > 0) span.setAttribute("fanfold.attempts.omitted", omitted);
    if (job.error !== null) {
      const { code, message, stack } = job.error;
      span.recordException(
        { name: code, message, ...(stack === undefined ? {} : { stack }) },
        new Date(endMs),
      );
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    span.end(new Date(endMs));
  }

  #noteWritten(jobId: string): void {
    this.#written.add(jobId);
    const [oldest] = this.#written;
    if (this.#written.size > writtenMax && oldest !== undefined) this.#written.delete(oldest);
  }

  /** This replica leads no longer: what is open ends here. */
  leave(nowMs: number): void {
    for (const open of this.#open.values()) {
      if (open === undefined) continue;
      for (const [id, { span }] of open.stages) if (!open.endedStages.has(id)) span.end(new Date(nowMs));
      open.span.setAttribute("fanfold.job.state", "left to another leader");
      open.span.end(new Date(nowMs));
    }
    this.#open.clear();
  }

  #openJob(job: JobSummary): OpenJob | undefined {
    if (this.#open.has(job.id)) return this.#open.get(job.id);
    const { submittedMs } = job.times;
    const span = this.#tracer.startSpan(`job ${job.name}`, { startTime: new Date(submittedMs), root: true });
    if (!span.isRecording()) {
      span.end();
      this.#open.set(job.id, undefined);
      return undefined;
    }
    span.setAttributes({ "fanfold.job.id": job.id, "fanfold.job.name": job.name });
    if (job.out !== null) span.setAttribute("fanfold.job.out", job.out);
    const context = trace.setSpan(ROOT_CONTEXT, span);
    const open = {
      span,
      context,
      stages: new Map(),
      endedStages: new Set<number>(),
      went: 0,
      wrong: 0,
      omitted: 0,
    };
    this.#open.set(job.id, open);
    return open;
  }

  #beginStage({ id, kind, startedMs }: Stage, job: OpenJob): OpenSpan {
    const startTime = new Date(startedMs ?? 0);
    const span = this.#tracer.startSpan(`stage ${id} ${kind}`, { startTime }, job.context);
    span.setAttributes({ "fanfold.stage.id": id, "fanfold.stage.kind": kind });
    const opened = { span, context: trace.setSpan(job.context, span) };
    job.stages.set(id, opened);
    return opened;
  }

  #writeAttempt({ attempt, workerId, state, endMs, durationMs, metrics }: TracedAttempt, job: OpenJob): void {
    const isWrong = state === "failed" || state === "exited";
    if ((isWrong ? job.wrong : job.went) >= attemptSpansMax) {
      job.omitted += 1;
      return;
    }
    if (isWrong) job.wrong += 1;
    else job.went += 1;
    const { stage, task, attempt: number } = attempt;
    const span = this.#tracer.startSpan(
      `attempt ${stage}/${task}/${number}`,
      { startTime: new Date(Number.isNaN(durationMs) ? endMs : endMs - durationMs) },
      job.stages.get(stage)?.context ?? job.context,
    );
    span.setAttributes({
      "fanfold.task": task,
      "fanfold.attempt": number,
      "fanfold.worker": workerId,
      "fanfold.attempt.outcome": state,
      "fanfold.records.in": metrics?.["recordsIn"] ?? 0,
      "fanfold.bytes.in": metrics?.["bytesIn"] ?? 0,
      "fanfold.bytes.out": metrics?.["bytesOut"] ?? 0,
    });
    if (isWrong) span.setStatus({ code: SpanStatusCode.ERROR, message: state });
    span.end(new Date(endMs));
  }
}

function endStage(span: Span, stage: Stage, endMs: number): void {
  span.setAttributes({
    "fanfold.stage.tasks": stage.tasks,
    "fanfold.attempts.failed": stage.failed,
    "fanfold.attempts.lost": stage.lost,
    "fanfold.records.in": stage.recordsIn,
    "fanfold.bytes.in": stage.bytesIn,
    "fanfold.bytes.out": stage.bytesOut,
  });
  span.end(new Date(endMs));
}
