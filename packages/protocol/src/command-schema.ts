/** Commands of the job table as other replicas send them: checked like everything else that comes over a wire. */
import type { Command, FailedAttempt, FinishedAttempt } from "@fanfold/scheduler";
import * as v from "valibot";
import { decodePlain } from "./codec.js";
import * as s from "./schemas.js";

type Kind<T extends Command["type"]> = Extract<Command, { type: T }>;

const atMs = s.amount;
const jobId = s.name;

const finished = s.record<FinishedAttempt>({
  attempt: s.attemptId,
  workerId: s.name,
  inputsVersion: s.whole,
  isBackup: s.optional(v.literal(true) as unknown as s.SchemaOf<true>),
  result: s.taskResult,
});

const failed = s.record<FailedAttempt>({
  attempt: s.attemptId,
  workerId: s.name,
  kind: s.oneOf(["failed", "exited", "lost", "fetchFailed"]),
  error: s.errorReport,
  missing: s.optional(s.mapOutputRefs),
});

/** One for each type of command: the compiler misses one that is not here. */
const kinds: { readonly [K in Command["type"]]: s.SchemaOf<Kind<K>> } = {
  jobSubmitted: s.record<Kind<"jobSubmitted">>({
    type: s.literal("jobSubmitted"),
    jobId,
    atMs,
    key: s.optional(s.text),
    spec: s.jobSpec,
  }),
  jobPlanned: s.record<Kind<"jobPlanned">>({
    type: s.literal("jobPlanned"),
    jobId,
    atMs,
    from: s.whole,
    splits: s.list(s.split),
    isLast: s.flag,
    partitions: s.whole,
  }),
  tasksFinished: s.record<Kind<"tasksFinished">>({
    type: s.literal("tasksFinished"),
    atMs,
    results: s.list(finished),
  }),
  attemptsFailed: s.record<Kind<"attemptsFailed">>({
    type: s.literal("attemptsFailed"),
    atMs,
    failures: s.list(failed),
  }),
  outputsLost: s.record<Kind<"outputsLost">>({
    type: s.literal("outputsLost"),
    jobId,
    atMs,
    stage: s.whole,
    tasks: s.list(s.whole),
    workerId: s.name,
  }),
  jobPaused: s.record<Extract<Command, { type: "jobPaused" }>>({ type: s.literal("jobPaused"), jobId, atMs }),
  jobResumed: s.record<Kind<"jobResumed">>({ type: s.literal("jobResumed"), jobId, atMs }),
  jobCancelRequested: s.record<Kind<"jobCancelRequested">>({
    type: s.literal("jobCancelRequested"),
    jobId,
    atMs,
  }),
  jobPrepareBegan: s.record<Kind<"jobPrepareBegan">>({ type: s.literal("jobPrepareBegan"), jobId, atMs }),
  participantPrepared: s.record<Kind<"participantPrepared">>({
    type: s.literal("participantPrepared"),
    jobId,
    atMs,
    participant: s.whole,
    files: s.manifestFiles,
  }),
  participantCommitted: s.record<Kind<"participantCommitted">>({
    type: s.literal("participantCommitted"),
    jobId,
    atMs,
    participant: s.whole,
  }),
  participantAborted: s.record<Kind<"participantAborted">>({
    type: s.literal("participantAborted"),
    jobId,
    atMs,
    participant: s.whole,
  }),
  jobCommitDecided: s.record<Kind<"jobCommitDecided">>({ type: s.literal("jobCommitDecided"), jobId, atMs }),
  jobPublished: s.record<Kind<"jobPublished">>({
    type: s.literal("jobPublished"),
    jobId,
    atMs,
    manifest: s.manifestSummary,
  }),
  jobFailed: s.record<Kind<"jobFailed">>({ type: s.literal("jobFailed"), jobId, atMs, error: s.errorReport }),
  jobDiscarded: s.record<Kind<"jobDiscarded">>({ type: s.literal("jobDiscarded"), jobId, atMs }),
  fleetChanged: s.record<Kind<"fleetChanged">>({
    type: s.literal("fleetChanged"),
    atMs,
    joined: s.list(s.name),
    left: s.list(s.name),
  }),
  reignBegan: s.record<Kind<"reignBegan">>({
    type: s.literal("reignBegan"),
    atMs,
    leader: s.name,
    clusterId: s.name,
  }),
};

const command = s.variant<Command>("type", Object.values<s.SchemaOf<Command>>(kinds as never));

/** Whether the bytes are a command, as `encodeCommand` writes it. */
export function isCommand(bytes: unknown): boolean {
  if (!(bytes instanceof Uint8Array)) return false;
  try {
    return v.safeParse(command, decodePlain(bytes), { abortEarly: true }).success;
  } catch {
    return false;
  }
}
