import type { JobSummary } from "@fanfold/scheduler";
import { ProxyTracerProvider, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { attemptSpansMax, JobTraces, type TracedAttempt } from "../src/index.js";

function stage(
  id: number,
  kind: "map" | "reduce",
  startedMs: number,
  finishedMs: number,
): JobSummary["stages"][number] {
  const none = {
    done: 1,
    running: 0,
    failed: 0,
    lost: 0,
    backups: 0,
    backupsWon: 0,
    recordsOut: 0,
    bytesOut: 0,
    remade: 0,
  };
  const rates = { recordsInPerSecond: 0, bytesInPerSecond: 0 };
  return {
    id,
    kind,
    tasks: 1,
    ...none,
    ...rates,
    recordsIn: 5,
    bytesIn: 50,
    metrics: {},
    startedMs,
    finishedMs,
  };
}

const job = {
  id: "j1",
  name: "words",
  state: "failed",
  out: "/out",
  stages: [stage(0, "map", 1_100, 1_500), stage(1, "reduce", 1_500, 1_900)],
  error: { code: "USER_CODE_FAILED", message: "map threw", stack: "at map (words.ts:1:2)" },
  times: { submittedMs: 1_000, plannedMs: 1_050, committedMs: null, finishedMs: 2_000 },
} as unknown as JobSummary;

/** Before its end: the map stage runs. */
const running = {
  ...job,
  state: "running",
  error: null,
  stages: [{ ...job.stages[0], finishedMs: null }],
  times: { ...job.times, finishedMs: null },
} as unknown as JobSummary;

function attempt(task: number, state: TracedAttempt["state"], stageId = 0): TracedAttempt {
  const id = { jobId: "j1", stage: stageId, task, attempt: 1, epoch: 1 };
  return { attempt: id, workerId: "w1", state, endMs: 1_400, durationMs: 200 };
}

interface Traced {
  readonly traces: JobTraces;
  spans(): ReadableSpan[];
  /** What the cluster would say of the job now. */
  now: JobSummary;
}

function begun(): Traced {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const traced: Traced = {
    traces: new JobTraces(provider.getTracer("fanfold"), () => traced.now),
    spans: () => exporter.getFinishedSpans(),
    now: running,
  };
  return traced;
}

const names = (spans: readonly ReadableSpan[]): string[] => spans.map(({ name }) => name);

describe("a job's trace", () => {
  it("shows a job that hangs up to where it hangs: attempts and stages are written as they end", () => {
    const traced = begun();
    const { traces, spans } = traced;
    traces.attemptEnded(attempt(0, "won"));
    traces.attemptEnded(attempt(1, "failed"));
    expect(names(spans())).toEqual(["attempt 0/0/1", "attempt 0/1/1"]);
    traces.look({ ...running, stages: job.stages });
    traces.look({ ...running, stages: job.stages });
    expect(names(spans()).slice(2)).toEqual(["stage 0 map", "stage 1 reduce"]);
    traces.jobEnded(job);
    expect(names(spans()).slice(4)).toEqual(["job words"]);
    traced.now = job;
    // What comes after the end opens nothing anew.
    traces.attemptEnded(attempt(2, "lost"));
    expect(spans()).toHaveLength(5);
  });

  it("has the job above its stages above their attempts, with the times of each", () => {
    const traced = begun();
    traced.traces.attemptEnded(attempt(0, "failed"));
    traced.now = { ...running, stages: job.stages };
    traced.traces.attemptEnded(attempt(1, "won", 1));
    traced.traces.jobEnded(job);
    const spans = traced.spans();
    const byName = new Map(spans.map((span) => [span.name, span]));
    const parentOf = (name: string): string | undefined =>
      spans.find((span) => span.spanContext().spanId === byName.get(name)?.parentSpanContext?.spanId)?.name;
    expect(parentOf("attempt 0/0/1")).toBe("stage 0 map");
    expect(parentOf("attempt 1/1/1")).toBe("stage 1 reduce");
    expect(parentOf("stage 0 map")).toBe("job words");
    expect(parentOf("job words")).toBeUndefined();
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(byName.get("job words")).toMatchObject({ startTime: [1, 0], endTime: [2, 0] });
    expect(byName.get("stage 0 map")).toMatchObject({ startTime: [1, 1e8], endTime: [1, 5e8] });
    expect(byName.get("attempt 0/0/1")).toMatchObject({ startTime: [1, 2e8], endTime: [1, 4e8] });
  });

  it("says what failed, of the job and of its attempts", () => {
    const { traces, spans } = begun();
    traces.attemptEnded(attempt(0, "failed"));
    traces.jobEnded(job);
    const [failed] = spans();
    expect(failed?.attributes).toMatchObject({ "fanfold.attempt.outcome": "failed", "fanfold.worker": "w1" });
    expect(failed?.status.code).toBe(SpanStatusCode.ERROR);
    const last = spans().at(-1);
    expect(last?.status).toEqual({ code: SpanStatusCode.ERROR, message: "map threw" });
    expect(last?.events[0]?.attributes).toMatchObject({ "exception.type": "USER_CODE_FAILED" });
  });

  it("ends where another leads, and says so; the rest is a trace of the other's with the job's id", () => {
    const { traces, spans } = begun();
    traces.attemptEnded(attempt(0, "won"));
    traces.leave(1_450);
    traces.leave(1_460);
    expect(names(spans())).toEqual(["attempt 0/0/1", "stage 0 map", "job words"]);
    expect(spans().at(-1)?.attributes).toMatchObject({
      "fanfold.job.id": "j1",
      "fanfold.job.state": "left to another leader",
    });
    const next = begun();
    next.traces.attemptEnded(attempt(1, "won"));
    next.traces.jobEnded(job);
    expect(next.spans().at(-1)).toMatchObject({ name: "job words", startTime: [1, 0] });
    expect(next.spans().at(-1)?.attributes["fanfold.job.id"]).toBe("j1");
  });

  it("has a bounded number of attempts, room for those that went wrong, and says how many it left out", () => {
    const { traces, spans } = begun();
    for (let task = 0; task < attemptSpansMax + 5; task++) traces.attemptEnded(attempt(task, "won"));
    traces.attemptEnded(attempt(99_999, "failed"));
    traces.jobEnded(job);
    expect(spans().filter(({ name }) => name.startsWith("attempt"))).toHaveLength(attemptSpansMax + 1);
    expect(spans().at(-1)?.attributes["fanfold.attempts.omitted"]).toBe(5);
  });

  it("costs nothing where the user has brought no SDK", () => {
    expect(trace.getTracerProvider()).toBeInstanceOf(ProxyTracerProvider);
    let asked = 0;
    const traces = new JobTraces(trace.getTracer("fanfold"), () => {
      asked += 1;
      return running;
    });
    for (let task = 0; task < 100; task++) traces.attemptEnded(attempt(task, "won"));
    expect(asked).toBe(1);
    expect(traces.follows("j1")).toBe(false);
  });
});
