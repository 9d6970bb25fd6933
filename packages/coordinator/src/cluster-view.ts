/**
 * Decides what can truly still fail. A replica counts only if it and this one hear each other: one that is merely
 * heard may be deaf, or at an address where nobody can call it, and then it is of no use to a leader.
 */
import type { ClusterReplica, ClusterSummary, ClusterWorker } from "@fanfold/protocol";
import type { LogSummary } from "./ports.js";
import type { PeerStatus } from "./replica-network.js";

export interface ClusterViewSources {
  readonly log: LogSummary;
  readonly clusterId: string | null;
  /** Undefined where this coordinator does not lead. */
  readonly epoch: number | undefined;
  readonly url: string;
  /** Where each member can be reached. */
  readonly peers: ReadonlyMap<string, string>;
  readonly workers: readonly ClusterWorker[];
  statusOf(id: string): PeerStatus | undefined;
  problemOf(id: string): string | undefined;
}

export function clusterView(sources: ClusterViewSources): ClusterSummary {
  const { log, epoch, clusterId } = sources;
  const replicas = log.members.map((id) => replicaView(id, sources));
  const voting = replicas.filter(
    ({ reachable, role }) => reachable && role !== "rejoining" && role !== "halted",
  );
  const quorum = Math.floor(replicas.length / 2) + 1;
  // A leader that cannot be heard of is nobody's leader.
  const believed = replicas.find(({ id }) => id === log.believedLeader);
  return {
    clusterId,
    leader: believed?.reachable === true && voting.length >= quorum ? believed.id : null,
    isLeader: epoch !== undefined,
    epoch: epoch ?? 0,
    ballot: log.ballot,
    replicas,
    toleratedFailures: voting.length - quorum,
    workers: sources.workers,
  };
}

function replicaView(id: string, sources: ClusterViewSources): ClusterReplica {
  const { log } = sources;
  const url = sources.peers.get(id) ?? sources.url;
  if (id === log.id) {
    const { role, decidedIndex } = log;
    return { id, url, role, reachable: true, problem: null, decidedIndex };
  }
  const status = sources.statusOf(id);
  const problem = sources.problemOf(id) ?? null;
  if (status === undefined)
    return { id, url, role: "unknown", reachable: false, problem, decidedIndex: null };
  const { role, decidedIndex, hearsUs } = status;
  return {
    id,
    url,
    role,
    reachable: hearsUs,
    problem: hearsUs ? null : (problem ?? `does not hear ${log.id}`),
    decidedIndex,
  };
}

/** Why there is nobody to ask, naming the replicas that are missing. */
export function leaderText(view: ClusterSummary): string {
  if (view.leader !== null) return `not the leader here: ${view.leader} leads`;
  const missing = view.replicas.filter(({ reachable }) => !reachable).map(({ id }) => id);
  const quorum = Math.floor(view.replicas.length / 2) + 1;
  if (missing.length === 0) return "no leader yet: an election is under way";
  return `no leader: ${missing.join(", ")} cannot be reached, and ${quorum} of ${view.replicas.length} replicas are needed`;
}

/** What may still fail, for people. */
export function toleranceText(view: ClusterSummary): string {
  const { toleratedFailures: left } = view;
  const reachable = view.replicas.filter((replica) => replica.reachable).length;
  const here = `${reachable} of ${view.replicas.length} replicas can be reached`;
  if (left < 0)
    return `No quorum: ${here}, and ${-left} more ${-left === 1 ? "is" : "are"} needed. Nothing can be decided until then.`;
  if (view.replicas.length === 1) return "A single coordinator: while it is away, nothing is decided.";
  if (left === 0) return `${here}: no further one may fail.`;
  return `${here}: ${left} more may fail.`;
}
