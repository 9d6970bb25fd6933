/**
 * Somebody who looks on: told what goes into the scheduler, what comes out, and how the replica fares, in the midst of
 * the coordinator's own work; may ask, and must not wait. The page, metrics and traces are made by one. An embedded
 * cluster has none, and a short job pays nothing for them.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ClusterSummary, HostLoad, JobLogEntry } from "@fanfold/protocol";
import type { JobSummary, JobTable, RequestOutcome, SchedulerInput, WorkerSummary } from "@fanfold/scheduler";
import type { Gate, LinkCut } from "@fanfold/transport";
import type { OutwardEffect } from "./engine.js";

export type WatchedEvent =
  /** Every input, those included that nobody takes since this replica does not lead; before the scheduler sees it. */
  | { readonly type: "told"; readonly input: SchedulerInput }
  | { readonly type: "ordered"; readonly effect: OutwardEffect }
  | { readonly type: "logged"; readonly entries: readonly JobLogEntry[] }
  | { readonly type: "hostLoad"; readonly workerId: string; readonly load: HostLoad }
  /** A record of the log is durable, so long after it was handed over. */
  | { readonly type: "synced"; readonly elapsedMs: number }
  /** A link was closed on a peer that does not keep to the rules. */
  | { readonly type: "linkCut"; readonly cut: LinkCut }
  /** Every heartbeat interval. */
  | { readonly type: "beat" };

export interface CoordinatorWatcher {
  /** Once, before anything else. */
  start(inside: CoordinatorInside): void;
  notice(event: WatchedEvent): void;
  /** A request on the coordinator's port that is no upgrade. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  close(): void;
}

/** What a watcher may ask and do. */
export interface CoordinatorInside {
  readonly id: string;
  /** Where each replica can be reached; empty for a coordinator without replicas. */
  readonly peers: ReadonlyMap<string, string>;
  readonly token: string;
  /** Tells who asks. */
  readonly gate: Gate;
  table(): JobTable;
  /**
   * Resolves at a moment when the table holds everything that anybody was told before the call. @throws `NOT_LEADER`
   */
  confirm(): Promise<void>;
  describeJob(jobId: string): JobSummary | undefined;
  describeCluster(): ClusterSummary;
  /** Lines of a job by time. */
  jobLog(jobId: string): readonly JobLogEntry[];
  /** What the scheduler thinks of its workers; nothing where this replica does not lead. */
  describeWorkers(): readonly WorkerSummary[];
  /** Resolves with the log's answer. @throws `NOT_LEADER` */
  request(verb: "cancel" | "pause" | "resume", jobId: string): Promise<RequestOutcome>;
}
