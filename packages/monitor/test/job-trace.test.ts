import { JobHistory, SlotLanes } from "@fanfold/history";
import type { JobSummary } from "@fanfold/scheduler";
import { ProxyTracerProvider, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { describe, expect, it } from "vitest";
import { attemptSpansMax, writeJobTrace } from "../src/index.js";

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

function historyOf(attempts: number): JobHistory {
  const history = new JobHistory("j1", new SlotLanes());
  for (let task = 0; task < attempts; task++) {
    const id = { jobId: "j1", stage: task === 1 ? 1 : 0, task, attempt: 1, epoch: 1 };
    history.started(id, "w1", 1_200);
    history.ended(id, "w1", { state: task === 0 ? "failed" : "won", endMs: 1_400 });
  }
  return history;
}

function traced(history: JobHistory): ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  writeJobTrace(provider.getTracer("fanfold"), job, history);
  return exporter.getFinishedSpans();
}

describe("a job's trace", () => {
  it("has the job above its stages above their attempts, with the times of each", () => {
    const spans = traced(historyOf(2));
    const byName = new Map(spans.map((span) => [span.name, span]));
    const parentOf = (name: string): string | undefined =>
      spans.find((span) => span.spanContext().spanId === byName.get(name)?.parentSpanContext?.spanId)?.name;
    expect([...byName.keys()].sort()).toEqual([
      "attempt 0/0/1",
      "attempt 1/1/1",
      "job words",
      "stage 0 map",
      "stage 1 reduce",
    ]);
    expect(parentOf("attempt 0/0/1")).toBe("stage 0 map");
    expect(parentOf("attempt 1/1/1")).toBe("stage 1 reduce");
    expect(parentOf("stage 0 map")).toBe("job words");
    expect(parentOf("job words")).toBeUndefined();
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(byName.get("job words")).toMatchObject({ startTime: [1, 0], endTime: [2, 0] });
    expect(byName.get("attempt 0/0/1")).toMatchObject({ startTime: [1, 2e8], endTime: [1, 4e8] });
  });

  it("says what failed, of the job and of its attempts", () => {
    const spans = traced(historyOf(2));
    const job = spans.find(({ name }) => name === "job words");
    expect(job?.status).toEqual({ code: SpanStatusCode.ERROR, message: "map threw" });
    expect(job?.events[0]?.attributes).toMatchObject({ "exception.type": "USER_CODE_FAILED" });
    const attempt = spans.find(({ name }) => name === "attempt 0/0/1");
    expect(attempt?.attributes).toMatchObject({
      "fanfold.attempt.outcome": "failed",
      "fanfold.worker": "w1",
    });
    expect(attempt?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it("has a bounded number of attempts, the failed ones among them, and says how many it left out", () => {
    const spans = traced(historyOf(attemptSpansMax + 5));
    const attempts = spans.filter(({ name }) => name.startsWith("attempt"));
    expect(attempts).toHaveLength(attemptSpansMax);
    expect(attempts.some(({ attributes }) => attributes["fanfold.attempt.outcome"] === "failed")).toBe(true);
    expect(spans.find(({ name }) => name === "job words")?.attributes["fanfold.attempts.omitted"]).toBe(5);
  });

  it("costs nothing where the user has brought no SDK", () => {
    expect(trace.getTracerProvider()).toBeInstanceOf(ProxyTracerProvider);
    const history = historyOf(0);
    Object.defineProperty(history, "attempts", {
      get() {
        throw new Error("looked at the attempts for nobody");
      },
    });
    writeJobTrace(trace.getTracer("fanfold"), job, history);
  });
});
