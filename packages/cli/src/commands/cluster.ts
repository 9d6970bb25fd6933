/** `fanfold cluster`: who leads, who follows, what may still fail, and which workers there are. */
import { type ClusterSummary, CoordinatorClient } from "fanfold";
import { printJson } from "../json-answer.js";
import { targetOf } from "../target.js";
import { terminalSafe } from "../terminal-safe.js";
import { quarantineLine, remainingText } from "../worker-text.js";
import type { JobCommandOptions } from "./jobs.js";

export async function showCluster(options: JobCommandOptions): Promise<void> {
  const view = await CoordinatorClient.describe(targetOf(options));
  if (options.json) {
    printJson(clusterJson(view));
    return;
  }
  const { default: Table } = await import("cli-table3");
  const style = { head: [], border: [] };
  const replicas = new Table({ head: ["REPLICA", "URL", "ROLE", "DECIDED", "LAG"], style });
  for (const { id, url, role, reachable, decidedIndex } of view.replicas) {
    const lag = decidedIndex === null ? "-" : String(latestIndex(view) - decidedIndex);
    replicas.push([id, url, reachable ? role : "cannot be reached", String(decidedIndex ?? "-"), lag]);
  }
  const workers = new Table({ head: ["WORKER", "SLOTS", "RUNNING", "STATE", "PHI"], style });
  for (const worker of view.workers) {
    const { workerId, slots, running, phi } = worker;
    workers.push([workerId, slots, running, stateText(worker), phi.toFixed(1)]);
  }
  const lines = [
    `cluster ${view.clusterId ?? "without a name yet"}, leader: ${view.leader ?? "none"} (ballot ${view.ballot})`,
    toleranceText(view),
    replicas.toString(),
    ...view.replicas.flatMap(({ id, problem }) => (problem === null ? [] : [`${id}: ${problem}`])),
  ];
  if (view.isLeader) lines.push(workers.toString(), ...view.workers.flatMap(quarantineLine));
  process.stdout.write(`${terminalSafe(lines.join("\n"))}\n`);
}

function stateText({ state, quarantine }: ClusterSummary["workers"][number]): string {
  return quarantine === null ? state : `${state} for ${remainingText(quarantine)}`;
}

function toleranceText(view: ClusterSummary): string {
  const { toleratedFailures: left } = view;
  if (left < 0) return `no quorum: ${-left} more replica(s) needed`;
  if (left === 0) return "no replica may fail now";
  return `${left} more replica(s) may fail`;
}

function latestIndex(view: ClusterSummary): number {
  return Math.max(0, ...view.replicas.map(({ decidedIndex }) => decidedIndex ?? 0));
}

function clusterJson(view: ClusterSummary): object {
  const latest = latestIndex(view);
  const replicas = view.replicas.map((replica) => ({
    ...replica,
    lag: replica.decidedIndex === null ? null : latest - replica.decidedIndex,
  }));
  return { ...view, logIndex: latest, replicas };
}
