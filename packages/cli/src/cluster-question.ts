/** One question to whoever leads, asked again while leaders change. */
import {
  type ClusterSummary,
  CoordinatorClient,
  FanfoldError,
  type JobSummary,
  whileLeadersChange,
} from "fanfold";
import { type ClusterOptions, targetOf } from "./target.js";

/** @throws `NO_COORDINATOR`, `NO_LEADER`, `UNAUTHORIZED`, and what the question is answered with. */
export function ask<T>(
  options: ClusterOptions,
  question: (client: CoordinatorClient) => Promise<T>,
): Promise<T> {
  return whileLeadersChange(async () => {
    const client = await CoordinatorClient.connect(targetOf(options));
    try {
      return await question(client);
    } finally {
      client.close();
    }
  });
}

/** @throws `JOB_UNKNOWN` */
export async function jobOf(client: CoordinatorClient, jobId: string): Promise<JobSummary> {
  const result = await client.request({ type: "getJob", jobId });
  if (result.type === "job") return result.job;
  throw unexpected(result.type);
}

export async function jobsOf(client: CoordinatorClient): Promise<readonly JobSummary[]> {
  const result = await client.request({ type: "listJobs" });
  if (result.type === "jobs") return result.jobs;
  throw unexpected(result.type);
}

export async function clusterOf(client: CoordinatorClient): Promise<ClusterSummary> {
  const result = await client.request({ type: "describeCluster" });
  if (result.type === "cluster") return result.cluster;
  throw unexpected(result.type);
}

function unexpected(type: string): FanfoldError {
  return new FanfoldError("INTERNAL", `A question was answered by ${type}.`);
}
