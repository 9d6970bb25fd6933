/** `fanfold report`: a finished job as one HTML file that needs no server. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { reportHtml } from "@fanfold/dashboard";
import type { AttemptsView } from "@fanfold/history";
import { FanfoldError } from "@fanfold/job";
import type { JobView } from "@fanfold/protocol";
import { bytesText } from "../figures.js";
import { httpGet } from "../http-get.js";
import { pageDir } from "../page-dir.js";
import { version } from "../program.js";
import type { ClusterOptions } from "../target.js";

export interface ReportOptions extends ClusterOptions {
  readonly out: string;
  readonly json: boolean;
}

export async function report(jobId: string, options: ReportOptions): Promise<void> {
  const view = await httpGet<JobView>(options, `/v1/jobs/${encodeURIComponent(jobId)}`);
  if (view.job.times.finishedMs === null) {
    const message = `Job ${jobId} is ${view.job.state}: a report is of a job that has ended. Follow it with: fanfold status ${jobId} --follow`;
    throw new FanfoldError("USAGE", message);
  }
  const answers = await answersOf(options, jobId, view);
  const saved = { jobId, savedMs: Date.now(), version, answers };
  const html = reportHtml(saved, `${view.job.name} ${jobId}`, {
    script: await pageFile("page.js"),
    style: await pageFile("page.css"),
    hash: (text) => createHash("sha256").update(text).digest("base64"),
  });
  try {
    await writeFile(options.out, html);
  } catch (cause) {
    const message = `The report cannot be written to ${options.out}: ${(cause as Error).message}.`;
    throw new FanfoldError("OUTPUT_UNWRITABLE", message, { cause });
  }
  const bytes = Buffer.byteLength(html);
  const told = options.json
    ? JSON.stringify({ jobId, out: options.out, bytes })
    : `${options.out} (${bytesText(bytes)})`;
  process.stdout.write(`${told}\n`);
}

/** What the page would ask for, by the paths that it would ask for it. */
async function answersOf(
  options: ClusterOptions,
  jobId: string,
  view: JobView,
): Promise<Record<string, unknown>> {
  const base = `/v1/jobs/${jobId}`;
  const paths = [
    `${base}/shuffle`,
    `${base}/events`,
    `${base}/logs`,
    ...view.job.stages.map(({ id }) => `${base}/stages/${id}`),
  ];
  const entries = await Promise.all(paths.map(async (path) => [path, await httpGet(options, path)] as const));
  return {
    [base]: view,
    [`${base}/attempts`]: await attemptsOf(options, base),
    ...Object.fromEntries(entries),
  };
}

/** All pages, in order. */
async function attemptsOf(options: ClusterOptions, base: string): Promise<readonly AttemptsView[]> {
  const pages: AttemptsView[] = [];
  for (let since = 0, hasMore = true; hasMore; ) {
    const page = await httpGet<AttemptsView>(options, `${base}/attempts?since=${since}`);
    pages.push(page);
    ({ version: since, hasMore } = page);
  }
  return pages;
}

async function pageFile(name: string): Promise<string> {
  try {
    return await readFile(join(pageDir(), name), "utf8");
  } catch (cause) {
    throw new FanfoldError("INTERNAL", `The page is not built: ${name} is missing.`, { cause });
  }
}
