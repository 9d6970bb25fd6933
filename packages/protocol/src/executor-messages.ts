/** What a worker's daemon and its executor processes say to each other, over loopback. */
import type { ErrorReport } from "@fanfold/job";
import type { AttemptId, MapOutputEntry, MapOutputRef, TaskAssignment, TaskResult } from "@fanfold/scheduler";
import type { SnapshotName, SnapshotSignal } from "@fanfold/snapshot";
import {
  type LinkCount,
  linkCounts,
  type PicturePart,
  picturePart,
  snapshotNames,
  snapshotSignal,
} from "./cluster-picture.js";
import { createCodec, type MessageCodec } from "./codec.js";
import { type JobLogLevel, jobLogLevel } from "./job-log-schema.js";
import * as s from "./schemas.js";

/** Where a reduce attempt finds its segments. */
export interface SegmentSources {
  readonly holders: readonly SegmentHolder[];
  /** One a map task. */
  readonly entries: readonly MapOutputEntry[];
}

export interface SegmentHolder {
  /** `undefined`: that worker is away. */
  readonly shuffleUrl: string | undefined;
  /** Its files can be read from here. */
  readonly isLocal: boolean;
  readonly token: string;
}

export interface FetchNode {
  readonly id: string;
  /** The node of the daemon. */
  readonly worker: string;
  readonly bornAfter: readonly SnapshotName[];
}

export type DaemonToExecutor =
  /** While a reduce attempt fetches, it is a node of its own in pictures of the cluster. */
  | { readonly type: "snapshotSignal"; readonly attempt: AttemptId; readonly signal: SnapshotSignal }
  /** Load a job's code before its first task is there. */
  | { readonly type: "preload"; readonly bundlePath: string; readonly jobName: string }
  | {
      readonly type: "run";
      readonly assignment: TaskAssignment;
      readonly bundlePath: string;
      /** Empty, of this attempt alone: spills and the segment. */
      readonly workDir: string;
      /** Of this attempt alone: output files. */
      readonly outputDir: string;
      /** For a reduce attempt: those known so far. */
      readonly sources?: SegmentSources;
      /** For a map attempt of a range-partitioned job. */
      readonly boundaries?: readonly Uint8Array[];
      /** Of a map attempt: its segment never leaves this machine, so compressing it would cost more than it saves. */
      readonly isLocal?: boolean;
      /** Of a reduce attempt: its node in pictures, and the snapshots after whose cut it is born. */
      readonly node?: FetchNode;
    }
  /** To a reduce attempt that began before all maps were done: places that it was not told of, or that have changed. */
  | { readonly type: "sources"; readonly attempt: AttemptId; readonly sources: SegmentSources }
  /** Abort the attempt at hand; answered by nothing. An executor that does not end it in time is killed. */
  | { readonly type: "stop"; readonly attempt: AttemptId };

export type ExecutorToDaemon =
  | { readonly type: "snapshotSignal"; readonly attempt: AttemptId; readonly signal: SnapshotSignal }
  | {
      readonly type: "snapshotPart";
      readonly attempt: AttemptId;
      readonly initiator: string;
      readonly part: PicturePart;
    }
  /** A reduce attempt has all its segments, or gives up: from here on its node is gone, and this is what it received. */
  | { readonly type: "fetched"; readonly attempt: AttemptId; readonly counts: readonly LinkCount[] }
  /** First on the link: ready for work. */
  | { readonly type: "ready"; readonly executorId: string }
  /** A few times a second while it runs. */
  | {
      readonly type: "progress";
      readonly attempt: AttemptId;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | { readonly type: "finished"; readonly attempt: AttemptId; readonly result: TaskResult }
  | { readonly type: "failed"; readonly attempt: AttemptId; readonly error: ErrorReport }
  | {
      readonly type: "fetchFailed";
      readonly attempt: AttemptId;
      readonly error: ErrorReport;
      readonly missing: readonly MapOutputRef[];
    }
  | {
      readonly type: "log";
      readonly attempt: AttemptId;
      readonly level: JobLogLevel;
      readonly message: string;
      readonly fields?: string;
    };

type ToExecutor<T extends DaemonToExecutor["type"]> = Extract<DaemonToExecutor, { type: T }>;
type FromExecutor<T extends ExecutorToDaemon["type"]> = Extract<ExecutorToDaemon, { type: T }>;

const sources = s.record<SegmentSources>({
  holders: s.list(s.record<SegmentHolder>({ shuffleUrl: s.maybe(s.path), isLocal: s.flag, token: s.text })),
  entries: s.list(s.mapOutputEntry),
});

const daemonToExecutor = s.variant<DaemonToExecutor>("type", [
  s.record<ToExecutor<"snapshotSignal">>({
    type: s.literal("snapshotSignal"),
    attempt: s.attemptId,
    signal: snapshotSignal,
  }),
  s.record<ToExecutor<"preload">>({ type: s.literal("preload"), bundlePath: s.path, jobName: s.name }),
  s.record<ToExecutor<"run">>({
    type: s.literal("run"),
    assignment: s.taskAssignment,
    bundlePath: s.path,
    workDir: s.path,
    outputDir: s.path,
    sources: s.optional(sources),
    boundaries: s.optional(s.list(s.bytes)),
    isLocal: s.optional(s.flag),
    node: s.optional(s.record<FetchNode>({ id: s.path, worker: s.path, bornAfter: snapshotNames })),
  }),
  s.record<ToExecutor<"sources">>({ type: s.literal("sources"), attempt: s.attemptId, sources }),
  s.record<ToExecutor<"stop">>({ type: s.literal("stop"), attempt: s.attemptId }),
]);

const executorToDaemon = s.variant<ExecutorToDaemon>("type", [
  s.record<FromExecutor<"snapshotSignal">>({
    type: s.literal("snapshotSignal"),
    attempt: s.attemptId,
    signal: snapshotSignal,
  }),
  s.record<FromExecutor<"snapshotPart">>({
    type: s.literal("snapshotPart"),
    attempt: s.attemptId,
    initiator: s.path,
    part: picturePart,
  }),
  s.record<FromExecutor<"fetched">>({ type: s.literal("fetched"), attempt: s.attemptId, counts: linkCounts }),
  s.record<FromExecutor<"ready">>({ type: s.literal("ready"), executorId: s.name }),
  s.record<FromExecutor<"progress">>({
    type: s.literal("progress"),
    attempt: s.attemptId,
    metrics: s.numbersByName,
  }),
  s.record<FromExecutor<"finished">>({
    type: s.literal("finished"),
    attempt: s.attemptId,
    result: s.taskResult,
  }),
  s.record<FromExecutor<"failed">>({
    type: s.literal("failed"),
    attempt: s.attemptId,
    error: s.errorReport,
  }),
  s.record<FromExecutor<"fetchFailed">>({
    type: s.literal("fetchFailed"),
    attempt: s.attemptId,
    error: s.errorReport,
    missing: s.mapOutputRefs,
  }),
  s.record<FromExecutor<"log">>({
    type: s.literal("log"),
    attempt: s.attemptId,
    level: jobLogLevel,
    message: s.text,
    fields: s.optional(s.text),
  }),
]);

/** The executor's end of the link. */
export const executorCodec: MessageCodec<DaemonToExecutor, ExecutorToDaemon> = createCodec(daemonToExecutor);
/** The daemon's end of it. */
export const daemonCodec: MessageCodec<ExecutorToDaemon, DaemonToExecutor> = createCodec(executorToDaemon);
